"""Plots as inline SVG: losses by epoch and by rows, scores with intervals, differences by fold, reliability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from markupsafe import Markup

from nncli.evaluation.comparison import Interval
from nncli.evaluation.metrics import gain
from nncli.evaluation.reliability import ReliabilityBin
from nncli.report.assumptions import Growth
from nncli.report.document import CurvePoint
from nncli.report.names import METRIC_NAMES, SIDE_NAMES

_WIDTH, _LEFT, _RIGHT = 640, 130, 20


@dataclass(frozen=True)
class _Scale:
    """A value axis along the width of a plot."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return _LEFT + (value - self.low) / span * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        """Round values, four to eight of them."""
        span = (self.high - self.low) or 1.0
        step = 10.0 ** floor(log10(span / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 7)
        first = -floor(-self.low / step)
        return [n * step for n in range(int(first), floor(self.high / step) + 1)]


def interval_plot(scores: Mapping[str, Mapping[str, Interval]], metric: str, axis_label: str) -> Markup:
    """A dot with a line for its interval for each side."""
    rows = [(SIDE_NAMES[side], metrics[metric]) for side, metrics in scores.items()]
    rows = [(name, row) for name, row in rows if isfinite(row.low) and isfinite(row.high)]
    if not rows:
        return Markup("")
    low, high = min(row.low for _, row in rows), max(row.high for _, row in rows)
    margin = 0.05 * ((high - low) or 1)
    x = _Scale(low - margin, high + margin)
    height = 34 * len(rows) + 46
    parts = [_opening(height, f"{axis_label} of each side with its 95 % interval")]
    for tick in x.ticks():
        at = x(tick)
        parts.append(f'<line class="grid" x1="{at:.1f}" y1="6" x2="{at:.1f}" y2="{height - 40}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{height - 24}" text-anchor="middle">{tick:.4g}</text>')
    for number, (name, row) in enumerate(rows):
        y, kind = 22 + 34 * number, "side0" if number == 0 else "side1"
        parts.append(f'<text x="{_LEFT - 12}" y="{y + 5}" text-anchor="end">{name}</text>')
        parts.append(f'<line class="{kind}" x1="{x(row.low):.1f}" y1="{y}" x2="{x(row.high):.1f}" y2="{y}"/>')
        parts.append(f'<circle class="{kind}" cx="{x(row.value):.1f}" cy="{y}" r="5"/>')
    parts.append(f'<text x="{(_LEFT + _WIDTH) / 2}" y="{height - 4}" text-anchor="middle">{axis_label}</text></svg>')
    return Markup("".join(parts))


def learning_curve(curve: Sequence[CurvePoint], best_epoch: int) -> Markup:
    """Training and validation loss by epoch; the best epoch marked."""
    curve = [p for p in curve if isfinite(p.train_loss) and isfinite(p.validation_loss)]
    series = {
        "side1": [(p.epoch, p.train_loss) for p in curve],
        "side0": [(p.epoch, p.validation_loss) for p in curve],
    }
    epochs = _Scale(1, max(curve[-1].epoch, 2))
    ticks = {tick: f"{tick:.0f}" for tick in epochs.ticks() if tick == round(tick)}
    best = {"side0": [(p.epoch, p.validation_loss) for p in curve if p.epoch == best_epoch]}
    return _line_plot(series, ticks, epochs, "epoch", "training and validation loss by epoch", best)


def growth_plot(growth: Growth) -> Markup:
    """The log loss of both sides by the number of rows that were learned from, each twice the one before."""
    sides = {"side1": "trees", "side0": "network"}
    series = {
        kind: [(float(i), point.losses[side]) for i, point in enumerate(growth.points)] for kind, side in sides.items()
    }
    ticks = {float(i): f"{point.n_rows:,}" for i, point in enumerate(growth.points)}
    places = _Scale(0, len(growth.points) - 1)
    return _line_plot(series, ticks, places, "rows learned from", "log loss by rows learned from", series)


def _line_plot(
    series: Mapping[str, Sequence[tuple[float, float]]],
    x_ticks: Mapping[float, str],
    x: _Scale,
    x_label: str,
    title: str,
    marked: Mapping[str, Sequence[tuple[float, float]]],
) -> Markup:
    """Losses along a line for each of several series, some of their points marked."""
    losses = [loss for points in series.values() for _, loss in points]
    low, high = min(losses), max(losses)
    height, top, bottom = 280, 16, 236

    def y(loss: float) -> float:
        return bottom - (loss - low) / ((high - low) or 1) * (bottom - top)

    parts = [_opening(height, title)]
    for tick in _Scale(low, high).ticks():
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y(tick):.1f}" x2="{_WIDTH - _RIGHT}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for at, name in x_ticks.items():
        place = f'x="{x(at):.1f}" y="{bottom + 18}"'
        parts.append(f'<text class="tick" {place} text-anchor="middle">{name}</text>')
    for kind, points in series.items():
        line = " ".join(f"{x(at):.1f},{y(loss):.1f}" for at, loss in points)
        parts.append(f'<polyline class="{kind}" points="{line}"/>')
    for kind, points in marked.items():
        parts += [f'<circle class="{kind}" cx="{x(at):.1f}" cy="{y(loss):.1f}" r="5"/>' for at, loss in points]
    middle = (_LEFT + _WIDTH) / 2
    parts.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle">{x_label}</text>')
    parts.append(f'<text transform="translate(40 {(top + bottom) / 2}) rotate(-90)" text-anchor="middle">')
    parts.append("cross-entropy (nats)</text></svg>")
    return Markup("".join(parts))


def fold_plot(folds: Sequence[Mapping[str, Mapping[str, float]]], metric: str, opponent: str) -> Markup:
    """The difference in each fold, as a dot; right of zero the network is better."""
    found = [gain(metric, fold["network"][metric], fold[opponent][metric]) for fold in folds]
    found = [difference for difference in found if isfinite(difference)]
    if not found:
        return Markup("")
    low, high = min(0.0, *found), max(0.0, *found)
    margin = 0.05 * ((high - low) or 1)
    x = _Scale(low - margin, high + margin)
    label = f"{METRIC_NAMES[metric]}: how much better the network is, fold by fold"
    parts = [_opening(96, label)]
    for tick in x.ticks():
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" y1="6" x2="{x(tick):.1f}" y2="50"/>')
        parts.append(f'<text class="tick" x="{x(tick):.1f}" y="66" text-anchor="middle">{tick:.4g}</text>')
    parts.append(f'<line class="side1" x1="{x(0):.1f}" y1="6" x2="{x(0):.1f}" y2="50"/>')
    parts += [f'<circle class="side0" cx="{x(difference):.1f}" cy="28" r="5"/>' for difference in found]
    parts.append(f'<text x="{(_LEFT + _WIDTH) / 2}" y="88" text-anchor="middle">{label}</text></svg>')
    return Markup("".join(parts))


def reliability_plot(sides: Mapping[str, Sequence[ReliabilityBin]]) -> Markup:
    """How often each side is right by how sure it is: a dot with its interval for each bin; on the line is perfect."""
    bins = [found for side in sides.values() for found in side]
    x = _Scale(min((min(found.confidence, found.correct.low) for found in bins), default=0.0), 1.0)
    height, top, bottom = 320, 16, 276

    def y(share: float) -> float:
        return bottom - (share - x.low) / ((x.high - x.low) or 1) * (bottom - top)

    parts = [_opening(height, "share of right answers by the probability of the predicted class")]
    for tick in x.ticks():
        at, level = f"{x(tick):.1f}", f"{y(tick):.1f}"
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{level}" x2="{_WIDTH - _RIGHT}" y2="{level}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
        parts.append(f'<text class="tick" x="{at}" y="{bottom + 18}" text-anchor="middle">{tick:.4g}</text>')
    ends = f'x1="{x(x.low):.1f}" y1="{y(x.low):.1f}" x2="{x(1):.1f}" y2="{y(1):.1f}"'
    parts.append(f'<line class="ideal" {ends}/>')
    for number, side in enumerate(sides.values()):
        for found in side:
            at, kind, right = f"{x(found.confidence):.1f}", f"side{number}", found.correct
            parts.append(f'<line class="{kind}" x1="{at}" y1="{y(right.low):.1f}" x2="{at}" y2="{y(right.high):.1f}"/>')
            parts.append(f'<circle class="{kind}" cx="{at}" cy="{y(right.value):.1f}" r="5"/>')
    middle = (_LEFT + _WIDTH) / 2
    parts.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle">probability of the predicted class</text>')
    parts.append(f'<text transform="translate(40 {(top + bottom) / 2}) rotate(-90)" text-anchor="middle">')
    parts.append("share that is right</text></svg>")
    return Markup("".join(parts))


def _opening(height: int, label: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">'
