"""Three plots as inline SVG: the scores with their intervals, the learning curve, reliability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from markupsafe import Markup

from nncli.evaluation.comparison import Interval
from nncli.evaluation.reliability import ReliabilityBin
from nncli.report.document import SIDE_NAMES, CurvePoint

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
    losses = [loss for point in curve for loss in (point.train_loss, point.validation_loss)]
    low, high = min(losses), max(losses)
    x = _Scale(1, max(curve[-1].epoch, 2))
    height, top, bottom = 280, 16, 236

    def y(loss: float) -> float:
        return bottom - (loss - low) / ((high - low) or 1) * (bottom - top)

    parts = [_opening(height, "training and validation loss by epoch")]
    for tick in _Scale(low, high).ticks():
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y(tick):.1f}" x2="{_WIDTH - _RIGHT}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for tick in x.ticks():
        if tick == round(tick):
            place = f'x="{x(tick):.1f}" y="{bottom + 18}"'
            parts.append(f'<text class="tick" {place} text-anchor="middle">{tick:.0f}</text>')
    for kind, name in (("side1", "train_loss"), ("side0", "validation_loss")):
        points = " ".join(f"{x(p.epoch):.1f},{y(getattr(p, name)):.1f}" for p in curve)
        parts.append(f'<polyline class="{kind}" points="{points}"/>')
    best = next(point for point in curve if point.epoch == best_epoch)
    parts.append(f'<circle class="side0" cx="{x(best.epoch):.1f}" cy="{y(best.validation_loss):.1f}" r="5"/>')
    middle = (_LEFT + _WIDTH) / 2
    parts.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle">epoch</text>')
    parts.append(f'<text transform="translate(40 {(top + bottom) / 2}) rotate(-90)" text-anchor="middle">')
    parts.append("cross-entropy (nats)</text></svg>")
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
