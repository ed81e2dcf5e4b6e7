import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from nncli.evaluation.metrics import score, weighted_scores


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
