"""Bars to both sides of zero as inline SVG, one for each side of a model."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from nncli.errors import show
from nncli.settings import BOTH_SIDES

_WIDTH, _LEFT, _RIGHT = 640, 190, 70
_ROW, _BAR, _TOP = 40, 11, 8
_NAME = 24


def diverging_bars(rows: Sequence[tuple[str, Mapping[str, Any]]], label: str) -> Markup:
    """A bar of the network and one of the trees for each row, with its number, and its interval where it has one.

    Args:
        rows: a name and for each side a number, or an interval with ``value``, ``low`` and ``high``.
        label: what the plot shows.
    """
    sides = [(name, [_interval(of_row[side]) for side in BOTH_SIDES]) for name, of_row in rows]
    ends = [end for _, intervals in sides for interval in intervals for end in interval]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    scale = (_WIDTH - _LEFT - _RIGHT) / ((high - low) or 1.0)

    def x(value: float) -> float:
        return _LEFT + (value - low) * scale

    height = _TOP + _ROW * len(rows) + 4
    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">']
    for number, (name, intervals) in enumerate(sides):
        top = _TOP + _ROW * number
        parts.append(f'<text x="{_LEFT - 12}" y="{top + 18}" text-anchor="end">{escape(show(name, _NAME))}</text>')
        for side, (start, value, end) in enumerate(intervals):
            y = top + side * (_BAR + 3)
            left, width = x(min(value, 0)), abs(value) * scale
            parts.append(
                f'<rect class="side{side}" x="{left:.1f}" y="{y}" width="{max(width, 0.5):.1f}" height="{_BAR}"/>'
            )
            if start < end:
                middle = y + _BAR / 2
                parts.append(
                    f'<line class="bounds" x1="{x(start):.1f}" y1="{middle}" x2="{x(end):.1f}" y2="{middle}"/>'
                )
            parts.append(
                f'<text class="tick" x="{max(x(value), x(end), x(0)) + 6:.1f}" y="{y + 10}">{value:+.3f}</text>'
            )
    parts.append(f'<line class="zero" x1="{x(0):.1f}" y1="2" x2="{x(0):.1f}" y2="{height - 4}"/></svg>')
    return Markup("".join(parts))


def _interval(given: Any) -> tuple[float, float, float]:
    """Where it begins, its value, and where it ends; what is undefined is 0."""
    if not isinstance(given, Mapping):
        return given, given, given
    value = given["value"] or 0.0
    low, high = (value if given[end] is None else given[end] for end in ("low", "high"))
    return low, value, high
