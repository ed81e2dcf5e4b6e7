import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from scipy.stats import binomtest, kstest
from sklearn.base import BaseEstimator, ClassifierMixin

from nncli.evaluation import conformal
from nncli.evaluation.conformal import check_coverage, fit_conformal, nonconformity
from nncli.settings import ConformalMethod

METHODS: tuple[ConformalMethod, ...] = ("lac", "aps", "raps")


def drawn(n_rows: int, n_classes: int, seed: int, sharpness: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities of a model that is too cautious or too sure of itself."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(n_rows, n_classes))
    truth, proba = (np.exp(power * logits) for power in (1, sharpness))
    truth, proba = (p / p.sum(axis=1, keepdims=True) for p in (truth, proba))
    labels = (truth.cumsum(axis=1) > random.random((n_rows, 1))).argmax(axis=1)
    return labels, proba


class Echo(ClassifierMixin, BaseEstimator):
    """A fitted model whose rows are its probabilities."""

    def __init__(self, n_classes: int = 2) -> None:
        self.n_classes = n_classes
        self.classes_ = np.arange(n_classes)

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Echo":
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return x

    def predict(self, x: np.ndarray) -> np.ndarray:
        return x.argmax(axis=1)

    def __sklearn_is_fitted__(self) -> bool:
        return True


def of_mapie(method: str, labels: np.ndarray, proba: np.ndarray, new: np.ndarray, coverage: float) -> np.ndarray:
    theirs = SplitConformalClassifier(Echo(proba.shape[1]), coverage, conformity_score=method, random_state=7)
    theirs.conformalize(proba, labels)
    options = {"include_last_label": False} if method == "aps" else {}
    return theirs.predict_set(new, conformity_score_params=options)[1][:, :, 0]


@pytest.mark.parametrize(("n_classes", "coverage"), [(2, 0.9), (5, 0.8), (5, 0.95)])
def test_sets_of_least_ambiguity_are_those_of_mapie(n_classes: int, coverage: float) -> None:
    labels, proba = drawn(700, n_classes, seed=1)
    rule = fit_conformal(labels[:400], proba[:400], coverage, "lac")
    expected = of_mapie("lac", labels[:400], proba[:400], proba[400:], coverage)
    np.testing.assert_array_equal(rule.sets(proba[400:]), expected)


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_adaptive_sets_are_those_of_mapie(coverage: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """It draws the shares of known rows; of new rows it takes whole classes, and the likeliest one in any case."""
    labels, proba = drawn(700, 5, seed=1)
    draws = 1 - np.random.RandomState(7).uniform(size=400)
    monkeypatch.setattr(conformal, "_shares", lambda proba: draws)
    rule = fit_conformal(labels[:400], proba[:400], coverage, "aps")
    monkeypatch.setattr(conformal, "_shares", lambda proba: np.ones(len(proba)))
    new = proba[400:]
    found = rule.sets(new) | (new == new.max(axis=1, keepdims=True))
    np.testing.assert_array_equal(found, of_mapie("aps", labels[:400], proba[:400], new, coverage))


def test_a_penalty_for_each_likelier_class_but_the_first() -> None:
    proba = np.array([[0.1, 0.6, 0.3], [0.2, 0.3, 0.5]])
    extra = nonconformity(proba, "raps") - nonconformity(proba, "aps")
    np.testing.assert_allclose(extra, [[0.02, 0, 0.01], [0.02, 0.01, 0]])


def test_limits_of_a_worked_example() -> None:
    """Nine rows and 80 %: the eighth of ten ranks; 95 % would need nineteen rows."""
    labels, proba = np.zeros(9, np.int64), np.column_stack([np.arange(1, 10) / 10, 1 - np.arange(1, 10) / 10])
    assert fit_conformal(labels, proba, 0.8, "lac").limits == pytest.approx((0.8, 0.8))
    assert fit_conformal(labels, proba, 0.9, "lac").limits == pytest.approx((0.9, 0.9))
    assert fit_conformal(labels, proba, 0.95, "lac").limits == (np.inf, np.inf)
    rule = fit_conformal(labels, proba, 0.8, "lac", by_class=True)
    assert rule.limits == pytest.approx((0.8, np.inf))  # nothing is known of the second class: it is always in
    assert rule.sets(np.array([[0.1, 0.9], [0.3, 0.7]])).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("by_class", [False, True])
def test_new_rows_are_covered_as_often_as_asked(method: ConformalMethod, by_class: bool) -> None:
    """Over 300 draws of 200 known rows and as many new ones, within four standard errors of the draws' mean."""
    hits = []
    for seed in range(300):
        labels, proba = drawn(400, 4, seed, sharpness=1.5)
        sets = fit_conformal(labels[:200], proba[:200], 0.9, method, by_class=by_class).sets(proba[200:])
        held = sets[np.arange(200), labels[200:]]
        hits.append([held[labels[200:] == c].mean() for c in range(4)] if by_class else [held.mean()])
    mean, error = np.mean(hits, axis=0), np.std(hits, axis=0) / np.sqrt(len(hits))
    most = 0.9 + (1 / 30 if by_class else 1 / 201)  # thirty rows of a class, about
    assert (mean > 0.9 - 4 * error).all()
    assert (mean < most + 4 * error).all()


def test_a_check_counts_the_sets_that_hold_the_class() -> None:
    known, new = drawn(400, 3, seed=3), drawn(250, 3, seed=4)
    check = check_coverage(known, new, 0.9)
    sets = fit_conformal(*known, 0.9, "lac").sets(new[1])
    held = sets[np.arange(250), new[0]]
    exact = binomtest(int(held.sum()), 250).proportion_ci(method="exact")
    assert (check.value, check.low, check.high) == pytest.approx((held.mean(), exact.low, exact.high))
    assert check.mean_size == pytest.approx(sets.sum() / 250)
    assert check.by_class == pytest.approx([held[new[0] == c].mean() for c in range(3)])
    one_class = check_coverage(known, (np.zeros(5, np.int64), np.tile([1.0, 0, 0], (5, 1))), 0.9)
    assert (one_class.value, one_class.high, one_class.by_class) == (1, 1, (1.0, None, None))


def test_shares_are_even_and_depend_on_the_row_alone() -> None:
    _, proba = drawn(20_000, 3, seed=2)
    shares = conformal._shares(proba)
    assert kstest(shares, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(shares, proba[:, 0])[0, 1]) < 0.03
    np.testing.assert_array_equal(conformal._shares(proba[::-1])[::-1], shares)
