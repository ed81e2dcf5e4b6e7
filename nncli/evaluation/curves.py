"""The ROC curve and the precision-recall curve, of so few points that a page can draw them.

Of many classes they are means over the classes, one against the rest, as the reported area under the ROC curve is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.metrics import Floats, Labels

MOST_POINTS = 60
_UNSEEN = 2e-4
"""A distance that no picture shows, of its width."""
_STEPS = np.linspace(0.0, 1.0, 401)
"""Where curves of several classes are averaged."""


@dataclass(frozen=True)
class Curve:
    """A line through points, and its area.

    Shape:
        x, y: ``(n_points,)``; x does not fall.
    """

    x: Floats
    y: Floats
    area: float
    """Of the whole curve, not of the points that were kept."""


@dataclass(frozen=True)
class Curves:
    """How well probabilities rank rows."""

    roc: Curve
    """False positive rate, true positive rate."""
    precision_recall: Curve
    """Recall, precision. Its area is the average precision."""


def ranking_curves(
    labels: Labels, proba: Floats, weights: Floats | None = None, positive: int | None = None
) -> Curves | None:
    """Both curves of one model.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        proba: shape ``(n_rows, n_classes)``.
        weights: how much each row counts, shape ``(n_rows,)``; ``None``: all the same.
        positive: the class that they are about; ``None``: the mean over all classes that some rows have, not all.

    Returns:
        ``None`` where there is no such class.
    """
    counts = np.ones(labels.size) if weights is None else weights
    occurring = np.unique(labels).tolist()
    classes = [c for c in occurring if len(occurring) > 1 and positive in (None, c)]
    found = [_of_class(labels == c, proba[:, c], counts) for c in classes]
    if not found:
        return None
    if positive is not None:
        return found[0]
    return Curves(_mean([each.roc for each in found]), _mean([each.precision_recall for each in found]))


def _of_class(is_positive: NDArray[np.bool_], values: Floats, counts: Floats) -> Curves:
    """Source of both areas: scikit-learn's ``roc_auc_score`` and ``average_precision_score``."""
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # rows of one probability stay together
    hits, alarms = (np.cumsum(counts[order] * each[order])[ends] for each in (is_positive, ~is_positive))
    recall, fall_out = hits / hits[-1], alarms / alarms[-1]
    precision = hits / (hits + alarms)
    area = float(np.diff(recall, prepend=0.0) @ precision)
    x, y = np.append(0.0, fall_out), np.append(0.0, recall)
    return Curves(
        Curve(*thinned(x, y), float(np.trapezoid(y, x))),
        Curve(*thinned(recall, precision), area),
    )


def _mean(curves: Sequence[Curve]) -> Curve:
    """Of the heights at the same places."""
    heights = np.mean([_heights(curve) for curve in curves], axis=0)
    start = np.mean([curve.y[0] for curve in curves])  # many ROC curves rise before they go anywhere
    area = float(np.mean([curve.area for curve in curves]))
    return Curve(*thinned(np.append(0.0, _STEPS), np.append(start, heights)), area)


def _heights(curve: Curve) -> Floats:
    """At :data:`_STEPS`; where a curve rises straight up, the upper end."""
    is_last = np.append(np.diff(curve.x) > 0, True)
    heights: Floats = np.interp(_STEPS, curve.x[is_last], curve.y[is_last])
    return heights


def thinned(x: Floats, y: Floats, most: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """The points of a line that say most of its form: both ends, then again and again the one farthest from the line
    through those chosen so far (Ramer 1972, "An iterative procedure for the polygonal approximation of plane curves";
    Douglas and Peucker 1973).

    Args:
        x: shape ``(n_points,)``, and
        y: the same; distances are those of a picture as wide as it is high.
        most: points that are kept.
    """
    kept = [0, x.size - 1] if x.size > 1 else [0]
    farthest = {first: _farthest(x, y, first, last) for first, last in pairwise(kept)}
    while farthest and len(kept) < most:
        first = max(farthest, key=lambda start: farthest[start][0])
        distance, middle = farthest[first]
        if distance < _UNSEEN:
            break
        last = min(point for point in kept if point > first)
        kept.append(middle)
        farthest[first], farthest[middle] = _farthest(x, y, first, middle), _farthest(x, y, middle, last)
    points = np.sort(kept)
    return x[points], y[points]


def _farthest(x: Floats, y: Floats, first: int, last: int) -> tuple[float, int]:
    """Of the points between two others, how far the farthest is from the line through these, and which it is."""
    if last - first < 2:
        return 0.0, first
    dx, dy = x[last] - x[first], y[last] - y[first]
    between = slice(first + 1, last)
    across, length = dx * (y[between] - y[first]) - dy * (x[between] - x[first]), np.hypot(dx, dy)
    distances = np.abs(across) / length if length > 0 else np.hypot(x[between] - x[first], y[between] - y[first])
    at = int(distances.argmax())
    return float(distances[at]), first + 1 + at
