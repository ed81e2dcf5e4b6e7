"""What ``nncli explain`` found, as one HTML page."""

from collections.abc import Mapping, Sequence
from typing import Any

from nncli.report import explanation_terminal as words
from nncli.report.html import rendered_page
from nncli.settings import BOTH_SIDES


def render_explanation(document: Mapping[str, Any]) -> str:
    """The page of a document of :mod:`~nncli.report.explanation`."""
    return rendered_page(
        "explanation.html.j2",
        {"warnings": (), "data": None, "interactions": None, **document},
        words=words,
        mean_text=words.MEAN_TEXT,
        addition=_from_zero,
        addition_intervals=_from_zeros,
    )


def _from_zero(value: float) -> dict[str, float]:
    """A part as a line from zero to it."""
    return {"value": value, "low": min(0.0, value), "high": max(0.0, value)}


def _from_zeros(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    return [_from_zero(column[side]) for column in columns for side in BOTH_SIDES]
