from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nncli.evaluation.folds import compare_sides, corrected_t_interval, holm, is_foreseen, judge_folds
from nncli.evaluation.metrics import METRICS
from nncli.settings import EvaluationSettings, Metric

SETTINGS = EvaluationSettings()
DIFFERENCES = np.array([0.012, 0.025, 0.008, 0.031, 0.019, 0.015, 0.027, 0.004, 0.036, 0.007])


def folds_of(differences, majority: float = 0.6):  # type: ignore[no-untyped-def]
    """Folds in which the network is better than the trees by these differences, on every metric."""
    lower = {"log_loss", "brier"}

    def scores(base: float, gain: float) -> dict[str, float]:
        return {metric: base - gain if metric in lower else 1 - base + gain for metric in METRICS}

    return [
        {"network": scores(0.3, d), "trees": scores(0.3, 0.0), "majority": scores(majority, 0.0005 * (i % 3 - 1))}
        for i, d in enumerate(differences)
    ]


def test_corrected_t_equals_the_worked_example() -> None:
    # Differences of ten folds, n_test / n_train = 1 / 9, by hand: mean 0.0184, variance (ddof 1) 0.000107156,
    # standard error sqrt((1/10 + 1/9) * variance), t quantile 2.262157 for 9 degrees of freedom.
    interval = corrected_t_interval(DIFFERENCES, 1 / 9, 0.95)
    half = 2.2621571628 * np.sqrt((1 / 10 + 1 / 9) * np.var(DIFFERENCES, ddof=1))
    assert interval.value == pytest.approx(0.0184)
    assert interval.high - interval.value == pytest.approx(half, rel=1e-8)
    assert interval.value - interval.low == pytest.approx(half, rel=1e-8)


def fold_scores(network: float, trees: float, majority: float, spread: float):  # type: ignore[no-untyped-def]
    offsets = np.linspace(-spread, spread, 5)
    return [
        {
            "network": dict.fromkeys(METRICS, network + offset),
            "trees": dict.fromkeys(METRICS, trees - offset),
            "majority": dict.fromkeys(METRICS, majority),
        }
        for offset in offsets
    ]


@pytest.mark.parametrize(
    ("network", "trees", "word"), [(0.3, 0.4, "better"), (0.4, 0.3, "worse"), (0.35, 0.351, "no clear difference")]
)
def test_verdict_over_folds(network: float, trees: float, word: str) -> None:
    judged = judge_folds(fold_scores(network, trees, 0.6, 0.01), 0.25, SETTINGS)
    assert judged.verdict.word == word
    assert judged.scores["network"]["log_loss"].value == pytest.approx(network)


def test_verdict_over_folds_needs_something_learned() -> None:
    judged = judge_folds(fold_scores(0.65, 0.75, 0.6, 0.01), 0.25, SETTINGS)
    assert judged.verdict.word == "no clear difference"
    assert not judged.verdict.learned


def test_intervals_of_few_folds_stay_within_what_a_score_can_be() -> None:
    scores = judge_folds(fold_scores(0.05, 0.97, 0.6, 0.05), 0.25, SETTINGS).scores
    assert scores["network"]["log_loss"].low == 0
    assert scores["network"]["log_loss"].high > 0.1
    assert scores["trees"]["roc_auc"].high == 1
    assert scores["trees"]["log_loss"].high > 1
    unknown = judge_folds(fold_scores(float("nan"), 0.3, 0.6, 0.01), 0.25, SETTINGS).scores["network"]["roc_auc"]
    assert np.isnan([unknown.value, unknown.low, unknown.high]).all()


def test_p_value_and_posterior_are_those_of_the_shifted_t_distribution() -> None:
    found = compare_sides(folds_of(DIFFERENCES), "network", "trees", "log_loss", 1 / 9, SETTINGS)
    scale = np.sqrt((1 / 10 + 1 / 9) * np.var(DIFFERENCES, ddof=1))
    posterior = stats.t(9, loc=0.0184, scale=scale)
    assert found.region == pytest.approx(0.006, rel=1e-3)  # one hundredth of the majority class's loss
    assert found.p_value == pytest.approx(2 * stats.t(9).sf(0.0184 / scale))
    assert found.p_better == pytest.approx(posterior.sf(found.region))
    assert found.p_worse == pytest.approx(posterior.cdf(-found.region))
    assert found.p_better + found.p_equivalent + found.p_worse == pytest.approx(1)
    assert found.effect_size == pytest.approx(0.0184 / np.std(DIFFERENCES, ddof=1))


def test_the_region_of_a_share_is_one_hundredth() -> None:
    assert compare_sides(folds_of(DIFFERENCES), "network", "trees", "roc_auc", 0.25, SETTINGS).region == 0.01


def test_word_interval_and_p_value_agree() -> None:
    for shift in np.linspace(-0.04, 0.04, 33):
        found = compare_sides(folds_of(DIFFERENCES + shift), "network", "trees", "log_loss", 0.25, SETTINGS)
        word = "better" if found.low > 0 else "worse" if found.high < 0 else "no clear difference"
        assert found.word == word
        assert (found.p_value < 0.05) == (word != "no clear difference")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_stepwise_procedure(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    order = np.argsort(p_values)
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for step, index in enumerate(order):  # from the smallest on, until one is not small enough
            if p_values[index] * (len(p_values) - step) >= level:
                break
            rejected.add(int(index))
        assert {i for i, p in enumerate(adjusted) if p < level} == rejected


def test_with_several_metrics_a_word_needs_the_adjusted_p_value() -> None:
    folds = folds_of(DIFFERENCES * 0.62)
    alone = judge_folds(folds, 0.25, SETTINGS)
    both = judge_folds(folds, 0.25, replace(SETTINGS, metrics=("log_loss", "roc_auc", "accuracy")))
    assert 0.05 / 3 < alone.comparisons[0].p_value < 0.05
    assert alone.verdict.word == "better"
    assert both.verdict.word == "no clear difference"
    assert [c.metric for c in both.comparisons] == ["log_loss", "roc_auc", "accuracy"]


def test_the_opponent_may_be_another_one() -> None:
    folds = [{**fold, "lightgbm": {m: v - 0.2 for m, v in fold["trees"].items()}} for fold in folds_of(DIFFERENCES)]
    judged = judge_folds(folds, 0.25, SETTINGS, "lightgbm")
    assert judged.verdict.opponent == "lightgbm"
    assert judged.verdict.word == "worse"
    assert judge_folds(folds, 0.25, SETTINGS).verdict.word == "better"


def test_the_end_is_foreseen_where_folds_agree_and_open_where_they_do_not() -> None:
    clear, even = folds_of([0.05, 0.052, 0.049, 0.051, 0.05]), folds_of([0.01, -0.011, 0.002, 0.009, -0.008])
    near = folds_of(0.55 * DIFFERENCES[:5])
    assert is_foreseen(clear, 10, 0.25, SETTINGS)
    assert is_foreseen(even, 10, 0.25, SETTINGS)
    assert not is_foreseen(near, 10, 0.25, SETTINGS)


def test_stopping_early_keeps_the_error_rate() -> None:
    """Folds as of repeated cross-validation without a difference: rows share their luck, folds have some of their own.

    With a correlation of 0.2 between folds, n_test / n_train of 1 / 4 is what makes the test exact.
    """
    random, winners, stopped, n_runs = np.random.default_rng(0), 0, 0, 400
    for _ in range(n_runs):
        differences = 0.02 * (np.sqrt(0.2) * random.normal() + np.sqrt(0.8) * random.normal(size=15))
        for n in (5, 10, 15):
            folds = folds_of(differences[:n])
            if n == 15 or is_foreseen(folds, 15 - n, 0.25, SETTINGS):
                winners += judge_folds(folds, 0.25, SETTINGS).verdict.word != "no clear difference"
                stopped += n < 15
                break
    assert winners <= stats.binom.ppf(0.999, n_runs, 0.05 / 0.99)
    assert stopped > n_runs / 4


def test_the_metrics_that_may_be_named_are_those_that_are_scored() -> None:
    assert get_args(Metric) == METRICS


def test_where_nothing_tells_how_sure_a_difference_is_there_is_no_winner() -> None:
    alike = folds_of([0.25] * 5)
    found = compare_sides(alike, "network", "trees", "accuracy", 0.25, SETTINGS)
    assert (found.word, found.low, found.high) == ("no clear difference", -np.inf, np.inf)
    unknown = [{side: {**scores, "roc_auc": np.nan} for side, scores in fold.items()} for fold in alike[:1]]
    folds = [*unknown, *folds_of(DIFFERENCES)]
    found = compare_sides(folds, "network", "trees", "roc_auc", 0.25, SETTINGS)
    assert found.word == "no clear difference"
    assert np.isnan([found.difference, found.p_better, found.p_equivalent, found.p_worse]).all()
    assert not is_foreseen(folds, 5, 0.25, replace(SETTINGS, metrics=("roc_auc",)))


def test_what_was_learned_is_told_by_the_log_loss_whatever_the_verdict_is_about() -> None:
    """Of a rare class both sides have the majority's accuracy, and yet one knows it better."""
    folds = folds_of(DIFFERENCES)
    rare = [{side: {**scores, "accuracy": 0.95} for side, scores in fold.items()} for fold in folds]
    judged = judge_folds(rare, 0.25, replace(SETTINGS, metrics=("accuracy", "log_loss")))
    assert judged.verdict.learned
    assert [c.word for c in judged.comparisons] == ["no clear difference", "better"]
