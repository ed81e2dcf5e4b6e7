"""Thresholds against theory, against trying all of them, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from sklearn import metrics

from nncli.evaluation.decisions import Border, DecisionRule
from nncli.evaluation.sampling import Sample
from nncli.evaluation.thresholds import check_decision, choose_threshold, threshold_table
from nncli.settings import Costs

RULES = [DecisionRule(1, Costs(10, 1), None), DecisionRule(1, None, 0.8), DecisionRule(1, None, None)]


def calibrated(n_rows: int, seed: int = 0, decimals: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Labels and the probabilities that they were drawn with: no model knows more."""
    random = np.random.default_rng(seed)
    values = np.round(random.beta(0.6, 2, n_rows), decimals)
    return (random.random(n_rows) < values).astype(np.int64), np.column_stack([1 - values, values])


ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10)), min_size=1, max_size=40).map(
    lambda rows: (np.array([label for label, _ in rows]), np.array([[1 - p / 10, p / 10] for _, p in rows]))
)
"""Few different probabilities: ties everywhere."""


def mean_cost(labels: np.ndarray, proba: np.ndarray, threshold: float, costs: Costs) -> float:
    predicted = proba[:, 1] >= threshold
    missed, false = labels.astype(bool) & ~predicted, ~labels.astype(bool) & predicted
    return float(costs.false_negative * missed.mean() + costs.false_positive * false.mean())


@pytest.mark.parametrize("costs", [Costs(10, 1), Costs(1, 1), Costs(1, 3)])
def test_where_mistakes_cost_the_same_no_other_threshold_costs_less(costs: Costs) -> None:
    labels, proba = calibrated(200_000)
    threshold = choose_threshold(DecisionRule(1, costs, None), labels[:1], proba[:1]).threshold
    assert threshold == pytest.approx(costs.false_positive / (costs.false_positive + costs.false_negative))
    least = min(mean_cost(labels, proba, t, costs) for t in np.linspace(0, 1, 101))
    assert mean_cost(labels, proba, threshold, costs) <= least * 1.005


def test_the_largest_f1_is_found_among_all() -> None:
    """By the probabilities alone, yet as large as what the labels of very many rows say."""
    labels, proba = calibrated(100_000, decimals=3)
    threshold = choose_threshold(DecisionRule(1, None, None), labels, proba).threshold
    best = max(metrics.f1_score(labels, proba[:, 1] >= t) for t in np.linspace(0.01, 0.99, 99))
    found = metrics.f1_score(labels, Border(1, threshold).predicted(proba))
    assert found == pytest.approx(best, abs=0.002)
    assert threshold == pytest.approx(best / 2, abs=0.01)  # Lipton et al. 2014


@given(ROWS)
def test_expected_f1_is_the_largest_of_all_thresholds(rows: tuple[np.ndarray, np.ndarray]) -> None:
    labels, proba = rows
    values = proba[:, 1]

    def expected_f1(threshold: float) -> float:
        taken = values >= threshold - 1e-6
        return 2 * values[taken].sum() / (taken.sum() + values.sum())

    chosen = choose_threshold(DecisionRule(1, None, None), labels, proba).threshold
    assert expected_f1(chosen) == pytest.approx(max(map(expected_f1, np.unique(values))))


@given(ROWS, st.sampled_from([0.3, 0.5, 0.8]))
def test_no_lower_threshold_is_sure_of_the_precision(rows: tuple[np.ndarray, np.ndarray], target: float) -> None:
    """SciPy's beta distribution says for every threshold what is certain of its precision."""
    labels, proba = rows
    chosen = choose_threshold(DecisionRule(1, None, target), labels, proba)
    sure = {}
    for threshold in np.unique(proba[:, 1].astype(np.float32)):
        taken = proba[:, 1].astype(np.float32) >= threshold
        rate = proba[taken, 1].mean()
        hits, misses = labels[taken].sum() + 50 * rate, (1 - labels[taken]).sum() + 50 * (1 - rate)
        sure[float(threshold)] = float(beta(hits, misses).ppf(0.05)) if hits and misses else float(not misses)
    enough = [threshold for threshold, bound in sure.items() if bound >= target]
    if enough:
        assert chosen.threshold == min(enough)
    assert chosen.precision == pytest.approx(sure[chosen.threshold], abs=1e-6)
    assert (chosen.precision >= target) == bool(enough)
    if not enough:
        assert chosen.precision == pytest.approx(max(sure.values()), abs=1e-6)


def test_a_promised_precision_is_held_nine_times_in_ten() -> None:
    """And the lowest threshold that reaches it among the rows it is chosen on is not: it is low by luck."""
    held, naively = [], []
    for seed in range(100):
        labels, proba = calibrated(800, seed)
        new, values = calibrated(20_000, 1000 + seed)
        chosen = choose_threshold(DecisionRule(1, None, 0.7), labels, proba)
        assert chosen.precision is not None
        held.append(metrics.precision_score(new, Border(1, chosen.threshold).predicted(values)) >= 0.7)
        precision, _, thresholds = metrics.precision_recall_curve(labels, proba[:, 1])
        lowest = thresholds[np.flatnonzero(precision[:-1] >= 0.7)[0]]
        naively.append(metrics.precision_score(new, values[:, 1] >= lowest) >= 0.7)
    assert np.mean(held) >= 0.88
    assert np.mean(naively) < 0.6


@given(ROWS, st.sampled_from(RULES))
def test_which_class_comes_first_does_not_matter(rows: tuple[np.ndarray, np.ndarray], rule: DecisionRule) -> None:
    labels, proba = rows
    turned = DecisionRule(0, rule.costs, rule.precision)
    assert choose_threshold(rule, labels, proba) == choose_threshold(turned, 1 - labels, proba[:, ::-1])
    predicted = Border(1, 0.4).predicted(proba)
    assert check_decision(rule, labels, predicted) == check_decision(turned, 1 - labels, 1 - predicted)


@given(ROWS, st.integers(0, 11))
def test_figures_are_scikit_learns(rows: tuple[np.ndarray, np.ndarray], tenths: int) -> None:
    labels, proba = rows
    predicted = Border(1, tenths / 10).predicted(proba)
    found = check_decision(DecisionRule(1, Costs(3, 2), None), labels, predicted)
    matrix = metrics.confusion_matrix(labels, predicted, labels=[0, 1])
    assert found.share.value == pytest.approx(predicted.mean())
    assert found.cost is not None
    assert found.cost.value == pytest.approx((3 * matrix[1, 0] + 2 * matrix[0, 1]) / labels.size)
    for interval, score, of_nothing in (
        (found.precision, metrics.precision_score, not predicted.any()),
        (found.recall, metrics.recall_score, not labels.any()),
        (found.f1, metrics.f1_score, not (labels | predicted).any()),
    ):
        if of_nothing:
            assert interval is None
        else:
            assert interval is not None
            assert interval.value == pytest.approx(score(labels, predicted))
            assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_intervals_of_shares_are_jeffreys_and_the_costs_is_as_wide_as_chance() -> None:
    labels = np.repeat([1, 1, 0, 0], [30, 10, 20, 140])
    predicted = np.repeat([1, 0, 1, 0], [30, 10, 20, 140])
    found = check_decision(DecisionRule(1, Costs(3, 2), None), labels, predicted)
    for interval, hits, n_rows in ((found.precision, 30, 50), (found.recall, 30, 40), (found.share, 50, 200)):
        assert interval is not None
        expected = beta(hits + 0.5, n_rows - hits + 0.5).ppf([0.025, 0.975])
        np.testing.assert_allclose([interval.low, interval.high], expected, atol=0.01)
    random = np.random.default_rng(0)
    costs = np.where(predicted > labels, 2, 3) * (predicted != labels)
    drawn = [costs[random.integers(200, size=200)].mean() for _ in range(4000)]
    assert found.cost is not None
    np.testing.assert_allclose([found.cost.low, found.cost.high], np.quantile(drawn, [0.025, 0.975]), atol=0.05)


def test_few_rows_without_a_mistake_prove_little() -> None:
    labels = np.array([1, 1, 1, 0, 0])
    found = check_decision(DecisionRule(1, None, 0.9), labels, labels)
    assert found.precision is not None
    assert (found.precision.value, found.precision.high) == (1.0, 1.0)
    assert found.precision.low < 0.6
    assert found.cost is None


def test_weights_that_are_all_the_same_change_nothing_and_heavy_rows_decide() -> None:
    random = np.random.default_rng(3)
    positive = random.uniform(size=400)
    labels = (random.uniform(size=400) < positive).astype(np.int64)
    proba = np.column_stack([1 - positive, positive])
    precise, best_f1 = DecisionRule(1, None, 0.8), DecisionRule(1, None, None)
    for rule in (precise, best_f1):
        assert choose_threshold(rule, labels, proba, Sample(400, np.full(400, 3.0))) == choose_threshold(
            rule, labels, proba
        )
    hits_heavy, misses_heavy = (np.where(labels == label, 4.0, 1.0) for label in (1, 0))
    thresholds = [
        choose_threshold(precise, labels, proba, Sample(400, w)).threshold for w in (hits_heavy, misses_heavy)
    ]
    assert thresholds[0] < thresholds[1]
    predicted = (positive > 0.5).astype(np.int64)
    found = check_decision(best_f1, labels, predicted, Sample(400, misses_heavy))
    assert found.precision is not None
    assert found.precision.value == pytest.approx(
        metrics.precision_score(labels, predicted, sample_weight=misses_heavy)
    )


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 301.0)], ids=["plain", "weighted"])
def test_the_table_counts_as_scikit_learn_does(weights: np.ndarray | None) -> None:
    random = np.random.default_rng(3)
    labels, first = random.integers(2, size=300), random.random(300).round(2)
    proba = np.column_stack([first, 1 - first])
    rows = threshold_table(labels, proba, 0, 0.123, weights)
    assert [row.threshold for row in rows] == pytest.approx(sorted([*np.arange(0.05, 1, 0.05), 0.123]))
    for row in rows:
        predicted = first.astype(np.float32) >= np.float32(row.threshold)
        found = metrics.confusion_matrix(labels == 0, predicted, labels=[False, True], sample_weight=weights)
        assert [[row.tn, row.fp], [row.fn, row.tp]] == found.tolist()
