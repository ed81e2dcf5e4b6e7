import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from nncli.evaluation.metrics import METRICS, effective_size, mean_and_error, score, weighted_scores


def example(seed: int, n_rows: int, n_classes: int, decimals: int):  # type: ignore[no-untyped-def]
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes), random.integers(n_classes, size=n_rows)])
    proba = random.dirichlet(np.ones(n_classes), size=labels.size).round(decimals) + 10.0**-decimals
    return labels, proba / proba.sum(axis=1, keepdims=True)


def expected(labels, proba, weights=None):  # type: ignore[no-untyped-def]
    n_classes = proba.shape[1]
    one_hot = np.eye(n_classes)[labels]
    aucs = [sk.roc_auc_score(labels == c, proba[:, c], sample_weight=weights) for c in range(n_classes)]
    hits = proba.argmax(axis=1)
    return {
        "log_loss": sk.log_loss(labels, proba, sample_weight=weights),
        "roc_auc": np.mean(aucs),
        "accuracy": sk.accuracy_score(labels, hits, sample_weight=weights),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, hits, sample_weight=weights),
        "brier": np.average(((proba - one_hot) ** 2).sum(axis=1), weights=weights),
    }


@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(5, 200),
    n_classes=st.integers(2, 6),
    decimals=st.sampled_from([1, 2, 8]),  # few decimals: many ties
)
def test_scores_equal_scikit_learns(seed, n_rows, n_classes, decimals) -> None:  # type: ignore[no-untyped-def]
    labels, proba = example(seed, n_rows, n_classes, decimals)
    found = score(labels, proba)
    for metric, value in expected(labels, proba).items():
        assert getattr(found, metric) == pytest.approx(value, abs=1e-12), metric


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 4), decimals=st.sampled_from([1, 8]))
def test_weighted_scores_equal_scikit_learns(seed, n_classes, decimals) -> None:  # type: ignore[no-untyped-def]
    labels, proba = example(seed, 80, n_classes, decimals)
    weights = np.random.default_rng(seed).integers(1, 4, size=(3, labels.size)).astype(float)
    found = weighted_scores(labels, proba)(weights)
    for draw in range(3):
        for metric, value in expected(labels, proba, weights[draw]).items():
            assert found[metric][draw] == pytest.approx(value, abs=1e-12), metric


def test_brier_is_twice_scikit_learns_binary_score() -> None:
    labels, proba = example(0, 50, 2, 8)
    assert score(labels, proba).brier == pytest.approx(2 * sk.brier_score_loss(labels, proba[:, 1]))


def test_auc_without_both_kinds_is_not_defined_and_absent_classes_do_not_count() -> None:
    proba = np.array([[0.6, 0.4], [0.3, 0.7]])
    assert np.isnan(score(np.array([1, 1]), proba).roc_auc)
    assert score(np.array([1, 1]), proba).balanced_accuracy == 0.5


def test_certain_and_wrong_is_bad_but_finite() -> None:
    assert np.isfinite(score(np.array([0]), np.array([[0.0, 1.0]])).log_loss)


@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 4), decimals=st.sampled_from([1, 8]))
def test_scores_of_weighted_rows_equal_scikit_learns(seed, n_classes, decimals) -> None:  # type: ignore[no-untyped-def]
    labels, proba = example(seed, 60, n_classes, decimals)
    weights = np.random.default_rng(seed).lognormal(sigma=2, size=labels.size)
    found = score(labels, proba, weights)
    for metric, value in expected(labels, proba, weights).items():
        assert getattr(found, metric) == pytest.approx(value, abs=1e-9), metric


@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 4))
def test_whole_weights_are_repeated_rows_and_rows_of_weight_zero_are_none(seed, n_classes) -> None:  # type: ignore[no-untyped-def]
    labels, proba = example(seed, 40, n_classes, 2)
    weights = np.random.default_rng(seed).integers(0, 4, size=labels.size)
    found, repeated = score(labels, proba, weights.astype(float)), np.repeat(np.arange(labels.size), weights)
    by_hand = score(labels[repeated], proba[repeated])
    for metric in METRICS:
        assert getattr(found, metric) == pytest.approx(getattr(by_hand, metric), abs=1e-12, nan_ok=True), metric


def test_a_draw_without_a_class_has_no_auc_whatever_the_weights() -> None:
    labels, proba = example(3, 50, 2, 1)
    weights = np.random.default_rng(0).lognormal(sigma=3, size=(200, labels.size)) * (labels == 1)
    assert np.isnan(weighted_scores(labels, proba)(weights)["roc_auc"]).all()


def test_the_error_of_a_weighted_mean_is_what_draws_of_rows_show() -> None:
    random = np.random.default_rng(0)
    values, weights = random.normal(size=400), random.lognormal(size=400)
    drawn = random.integers(400, size=(4000, 400))
    means = (values[drawn] * weights[drawn]).sum(axis=1) / weights[drawn].sum(axis=1)
    mean, error = mean_and_error(values, weights)
    assert mean == pytest.approx(np.average(values, weights=weights))
    assert error == pytest.approx(means.std(), rel=0.05)
    assert mean_and_error(values, np.full(400, 0.3)) == pytest.approx(mean_and_error(values))


def test_the_effective_size_counts_rows_that_weigh_alike() -> None:
    assert effective_size(np.full(9, 0.2)) == pytest.approx(9)
    assert effective_size(np.array([1, 1, 1, 0, 0.0])) == pytest.approx(3)
    assert 1 < effective_size(np.array([100, 1, 1.0])) < 1.1
