"""ROC and precision-recall curves, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from nncli.evaluation.curves import MOST_POINTS, ranking_curves, thinned

RANDOM = np.random.default_rng(0)
N = 3000


def probabilities(n_classes: int, decimals: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities that know something of them; many rows are tied."""
    labels = RANDOM.integers(n_classes, size=N)
    raw = RANDOM.gamma(1.0, size=(N, n_classes)) + 0.7 * (labels[:, None] == np.arange(n_classes))
    return labels, (raw / raw.sum(axis=1, keepdims=True)).round(decimals)


def away_from(curve: tuple[np.ndarray, np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    """The largest distance of points from a line of segments."""
    ends = np.column_stack(curve)
    points, starts, steps = np.column_stack([x, y])[:, None], ends[:-1], np.diff(ends, axis=0)
    lengths = np.maximum((steps**2).sum(axis=1), 1e-300)
    at = np.clip(((points - starts) * steps).sum(axis=2) / lengths, 0, 1)
    return float(np.linalg.norm(points - (starts + at[..., None] * steps), axis=2).min(axis=1).max())


@pytest.mark.parametrize("weights", [None, RANDOM.integers(1, 4, N).astype(float)], ids=["plain", "weighted"])
@pytest.mark.parametrize("positive", [0, 1])
def test_two_classes_are_those_of_scikit_learn(weights: np.ndarray | None, positive: int) -> None:
    labels, proba = probabilities(2)
    found = ranking_curves(labels, proba, weights, positive)
    assert found is not None
    is_positive, values = labels == positive, proba[:, positive]
    assert found.roc.area == pytest.approx(metrics.roc_auc_score(is_positive, values, sample_weight=weights))
    area = metrics.average_precision_score(is_positive, values, sample_weight=weights)
    assert found.precision_recall.area == pytest.approx(area)
    fall_out, recall, _ = metrics.roc_curve(is_positive, values, sample_weight=weights)
    precision, at, _ = metrics.precision_recall_curve(is_positive, values, sample_weight=weights)
    for curve, whole in ((found.roc, (fall_out, recall)), (found.precision_recall, (at[-2::-1], precision[-2::-1]))):
        assert curve.x.size <= MOST_POINTS
        assert (np.diff(curve.x) >= 0).all()
        assert away_from(whole, curve.x, curve.y) < 1e-9  # on scikit-learn's curve, and none of it is far away
        assert away_from((curve.x, curve.y), *whole) < 0.02


def test_curves_of_many_classes_are_means_over_the_classes() -> None:
    labels, proba = probabilities(5)
    found = ranking_curves(labels, proba)
    assert found is not None
    scaled = proba / proba.sum(axis=1, keepdims=True)
    assert found.roc.area == pytest.approx(metrics.roc_auc_score(labels, scaled, multi_class="ovr"), abs=1e-3)
    each = [metrics.average_precision_score(labels == c, proba[:, c]) for c in range(5)]
    assert found.precision_recall.area == pytest.approx(np.mean(each))
    drawn = np.trapezoid(found.roc.y, found.roc.x)
    assert drawn == pytest.approx(found.roc.area, abs=0.003)
    drawn = np.trapezoid(found.precision_recall.y, found.precision_recall.x)
    assert drawn == pytest.approx(found.precision_recall.area, abs=0.01)


def test_a_class_without_rows_is_left_out_of_the_mean_and_has_no_curve() -> None:
    labels, proba = probabilities(3)
    few = labels < 2
    found = ranking_curves(labels[few], proba[few])
    assert found is not None
    areas = [metrics.roc_auc_score(labels[few] == c, proba[few, c]) for c in (0, 1)]
    assert found.roc.area == pytest.approx(np.mean(areas))
    assert ranking_curves(labels[labels == 1], proba[labels == 1]) is None
    assert ranking_curves(labels[few], proba[few], None, 2) is None


def test_a_perfect_ranking_needs_few_points() -> None:
    labels, proba = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]])
    found = ranking_curves(labels, proba, None, 1)
    assert found is not None
    assert (found.roc.x.tolist(), found.roc.y.tolist(), found.roc.area) == ([0, 0, 1], [0, 1, 1], 1.0)
    assert found.precision_recall.area == 1.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=80), st.integers(2, 30))
def test_thinning_keeps_both_ends_and_only_points_of_the_line(points: list[tuple[float, float]], most: int) -> None:
    line = np.array(sorted(points))
    x, y = thinned(line[:, 0], line[:, 1], most)
    kept = np.column_stack([x, y]).tolist()
    assert len(kept) <= most
    assert (kept[0], kept[-1]) == (line[0].tolist(), line[-1].tolist())
    remaining = iter(line.tolist())
    assert all(point in remaining for point in kept)  # in their order
