"""What ``nncli explain`` found, as one HTML page."""

from collections.abc import Mapping
from typing import Any

from nncli.report import explanation_terminal as words
from nncli.report.bars import diverging_bars
from nncli.report.html import html_environment, style_and_hash
from nncli.report.names import SIDE_NAMES

_MOST_BARS = 20


def render_explanation(document: Mapping[str, Any]) -> str:
    """The page of a document of :mod:`~nncli.report.explanation`."""
    environment = html_environment()
    style, digest = style_and_hash(environment)
    more = _row_parts(document) if "row" in document else _table_parts(document)
    return environment.get_template("explanation.html.j2").render(
        document=document,
        sides=SIDE_NAMES,
        style=style,
        style_hash=digest,
        most=_MOST_BARS,
        mean_text=words.MEAN_TEXT,
        **more,
    )


def _row_parts(document: Mapping[str, Any]) -> dict[str, Any]:
    lines = {
        "row": words.row_line(document),
        "attribution": words.attribution_line(document),
        "residual": words.residual_line(document),
        "calibration": words.calibration_line(document["trace"]),
    }
    bars = [(each["column"], each) for each in document["columns"][:_MOST_BARS]]
    label = "what each column adds to the score, by the network and by the trees"
    networks = [{**network, "line": words.network_line(network)} for network in document["trace"]["networks"]]
    return {
        "lines": lines,
        "likeliest": words.likeliest(document),
        "networks": networks,
        "bars": diverging_bars(bars, label),
    }


def _table_parts(document: Mapping[str, Any]) -> dict[str, Any]:
    lines = {"importances": words.importances_line(document)}
    if document["interactions"]:
        lines["interactions"] = words.interactions_line(document)
    bars = [(each["column"], each) for each in document["importances"]["columns"][:_MOST_BARS]]
    return {"lines": lines, "bars": diverging_bars(bars, "importance of each column to the network and to the trees")}
