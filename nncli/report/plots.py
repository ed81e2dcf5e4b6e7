"""Plots as inline SVG, from plain numbers: every colour is a class of the page's style, every mark has its shape too.

Plots with a horizontal scale alone stand in the cells of tables: they are as wide as their cell, and letters keep their
size. Plots with two scales are drawn 360 units wide: on a narrow screen they stay readable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from math import floor, inf, isfinite, log10
from typing import Any

from markupsafe import Markup

from nncli.errors import show

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT = 360, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 44
_NARROWEST = 1e-300
"""Range that can be divided: below it steps would be no normal numbers."""
_LETTER = 7.2
"""Width of a letter, about, of the style's font size."""


@dataclass(frozen=True)
class Scale:
    """Values along a line from ``start`` to ``end``."""

    low: float
    high: float
    start: float = 0.0
    end: float = 100.0

    def __call__(self, value: float) -> float:
        """Where a value stands."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values, as far from each other as the next: two or more, not more than so many."""
        if not self.high - self.low > _NARROWEST:
            return [self.low]
        power = 10.0 ** floor(log10((self.high - self.low) / most))
        some = [self._multiples(factor * power) for factor in (1, 2, 5, 10, 20, 50)]
        fitting = [ticks for ticks in some if 2 <= len(ticks) <= most]
        many = [ticks for ticks in some if len(ticks) > most]
        return fitting[0] if fitting else many[-1][:: -(-len(many[-1]) // most)]

    def _multiples(self, step: float) -> list[float]:
        first = -floor(-self.low / step + 1e-9)
        return [n * step for n in range(first, floor(self.high / step + 1e-9) + 1)]


def tick_names(ticks: Sequence[float]) -> dict[float, str]:
    """Each with as many digits as tell it from the others."""
    near = 0.01 * min((b - a for a, b in pairwise(ticks)), default=inf)
    some = ({tick: f"{tick:.{digits}g}" for tick in ticks} for digits in range(6, 16))
    return next((names for names in some if all(abs(float(name) - at) <= near for at, name in names.items())), {})


@dataclass(frozen=True)
class Series:
    """A line of one kind: ``net``, ``trees``, ``default``, ``ideal`` are classes of the style."""

    kind: str
    points: Points
    marked: Points = ()
    """Points with a mark of the kind's shape."""
    bars: Sequence[tuple[float, float, float]] = ()
    """Intervals: where, from, to."""


@dataclass(frozen=True)
class Axes:
    """What the two scales of a plot measure."""

    x_label: str
    y_label: str
    x: tuple[float, float] | None = None
    """Ends; ``None``: those of the points."""
    y: tuple[float, float] | None = None
    x_ticks: Mapping[float, str] = field(default_factory=dict)
    """Names of places; else round numbers."""
    rug: Sequence[float] = ()
    """Values that are marked below."""


def line_plot(series: Sequence[Series], axes: Axes, title: str) -> Markup:
    """Lines over a grid. Nothing, where there is no finite point."""
    series = [_finite(one) for one in series]
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points] + [y for one in series for _, *ends in one.bars for y in ends]
    if not xs or not ys:
        return Markup("")
    x = Scale(*(axes.x or (min(xs), max(xs))), _LEFT, _WIDTH - _RIGHT)
    y = Scale(*(axes.y or _widened(min(ys), max(ys))), _HEIGHT - _BOTTOM, _TOP)
    drawn = [part for one in series for part in _drawn(one, x, y)]
    rug = [f'<path class="rug" d="M{x(at):.1f} {y.start:.1f}v-6"/>' for at in axes.rug if x.low <= at <= x.high]
    inside = "".join([*_grid(x, y, axes), *drawn, *rug, *_labels(axes)])
    return Markup(
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{_text(title, 200)}">{inside}</svg>'
    )


def _finite(series: Series) -> Series:
    def kept(points: Points) -> Points:
        return [(x, y) for x, y in points if isfinite(x) and isfinite(y)]

    bars = [bar for bar in series.bars if all(map(isfinite, bar))]
    return Series(series.kind, kept(series.points), kept(series.marked), bars)


def _widened(low: float, high: float) -> tuple[float, float]:
    margin = 0.04 * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _grid(x: Scale, y: Scale, axes: Axes) -> list[str]:
    parts = []
    for tick, name in tick_names(y.ticks()).items():
        at = y(tick)
        parts.append(f'<path class="grid" d="M{x.start:.1f} {at:.1f}H{x.end:.1f}"/>')
        parts.append(f'<text class="tick" x="{x.start - 6:.1f}" y="{at + 4:.1f}" text-anchor="end">{name}</text>')
    named = dict(axes.x_ticks) or tick_names(x.ticks(_most_ticks(x)))
    for at, name in named.items():
        place = f'x="{min(x(at), _WIDTH - _LETTER * len(name) / 2):.1f}" y="{y.start + 17:.1f}"'
        parts.append(f'<path class="grid" d="M{x(at):.1f} {y.start:.1f}v4"/>')
        parts.append(f'<text class="tick" {place} text-anchor="middle">{_text(name, 14)}</text>')
    return parts


def _most_ticks(x: Scale) -> int:
    """As many numbers as stand beside each other."""
    longest = max(map(len, tick_names(x.ticks()).values()))
    return max(2, min(6, int((x.end - x.start) / (_LETTER * (longest + 2)))))


def _drawn(series: Series, x: Scale, y: Scale) -> list[str]:
    kind, places = series.kind, [(x(at), y(value)) for at, value in series.points]
    parts = [f'<path class="line {kind}" d="{_path(places)}"/>'] if len(places) > 1 else []
    parts += [
        f'<path class="line {kind}" d="M{x(at):.1f} {y(low):.1f}V{y(high):.1f}"/>' for at, low, high in series.bars
    ]
    return [*parts, *(mark(kind, f"{x(at):.1f}", f"{y(value):.1f}") for at, value in series.marked)]


def _path(places: Points) -> str:
    """A line from place to place."""
    (x, y), *rest = places
    return f"M{x:.1f} {y:.1f}{''.join(f'L{at:.1f} {level:.1f}' for at, level in rest)}"


def mark(kind: str, x: str, y: str) -> str:
    """The mark of a kind: a circle for the network, for all others a square."""
    if kind == "net":
        return f'<circle class="mark net" cx="{x}" cy="{y}" r="4.5"/>'
    return f'<svg class="at" x="{x}" y="{y}"><rect class="mark {kind}" x="-4" y="-4" width="8" height="8"/></svg>'


def _labels(axes: Axes) -> list[str]:
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return [
        f'<text class="axis" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{_text(axes.x_label, 44)}</text>',
        f'<text class="axis" transform="translate(11 {(_TOP + _HEIGHT - _BOTTOM) / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle">{_text(axes.y_label, 30)}</text>',
    ]


def _text(name: str, limit: int) -> str:
    return escape(show(name, limit))


def row_scale(intervals: Sequence[Mapping[str, Any]], with_zero: bool = False) -> Scale:
    """The scale of plots that stand in the rows of a table, in per cent of the cell's width."""
    ends = [end for one in intervals for end in (one["low"], one["high"], one["value"]) if end is not None]
    ends = [end for end in ends if isfinite(end)] + [0.0] * with_zero
    low, high = _widened(min(ends), max(ends)) if ends else (0.0, 1.0)
    return Scale(low, high, 5.0, 95.0)


def row_plot(scale: Scale, *marks: tuple[str, Mapping[str, Any]], with_zero: bool = False) -> Markup:
    """Values with their intervals, one below another, in one cell; the figures stand in words beside it.

    Args:
        scale: of the table.
        marks: kind and interval of each.
        with_zero: whether a line says where 0 is.
    """
    height = 6 + 12 * len(marks)
    parts = [f'<line class="zero" x1="{scale(0):.2f}%" x2="{scale(0):.2f}%" y2="100%"/>'] if with_zero else []
    for number, (kind, one) in enumerate(marks):
        y = 9 + 12 * number
        if any(one[name] is None for name in ("value", "low", "high")):
            continue
        low, high = (max(0.0, min(100.0, scale(one[end]))) for end in ("low", "high"))
        parts.append(f'<line class="line {kind}" x1="{low:.2f}%" x2="{high:.2f}%" y1="{y}" y2="{y}"/>')
        parts.append(mark(kind, f"{scale(one['value']):.2f}%", str(y)))
    return Markup(f'<svg class="row" width="100%" height="{height}" aria-hidden="true">{"".join(parts)}</svg>')


def row_axis(scale: Scale) -> Markup:
    """The numbers below such plots; every second one gives way where there is little room."""
    texts = [
        f'<text class="tick{" odd" * (number % 2)}" x="{at:.2f}%" y="12" text-anchor="{_anchor(at)}">{name}</text>'
        for number, (tick, name) in enumerate(tick_names(scale.ticks(3)).items())
        for at in [scale(tick)]
    ]
    return Markup(f'<svg class="row" width="100%" height="16" aria-hidden="true">{"".join(texts)}</svg>')


def _anchor(at: float) -> str:
    """So that a number near an end is not cut."""
    return "start" if at < 14 else "end" if at > 86 else "middle"


def dot_plot(scale: Scale, values: Sequence[tuple[str, float | None]]) -> Markup:
    """Values of several kinds on one line."""
    marks = [mark(kind, f"{scale(value):.2f}%", "9") for kind, value in values if value is not None]
    return Markup(f'<svg class="row" width="100%" height="18" aria-hidden="true">{"".join(marks)}</svg>')
