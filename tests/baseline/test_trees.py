from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from nncli.baseline.trees import TreeData, extract_trees, fit_careful_trees, fit_default_trees, refit_careful_trees
from nncli.settings import TreesSettings


def example(n_rows: int, n_classes: int, seed: int = 0) -> TreeData:
    """Two categories with gaps in their codes, three numbers with missing values."""
    random = np.random.default_rng(seed)
    codes = np.column_stack([random.choice([0, 3, 7, 40, 254], n_rows), random.integers(0, 60, n_rows)])
    numbers = random.normal(size=(n_rows, 3))
    numbers[random.uniform(size=numbers.shape) < 0.2] = np.nan
    signal = (codes[:, 0] % 3) + (codes[:, 1] > 30) + np.nan_to_num(numbers[:, 0]) + np.isnan(numbers[:, 1])
    noisy = signal + random.normal(scale=0.5, size=n_rows)
    y = np.searchsorted(np.quantile(noisy, np.linspace(0, 1, n_classes + 1)[1:-1]), noisy)
    x = np.column_stack([codes, numbers]).astype(np.float64)
    half = n_rows // 2
    return TreeData(x[:half], y[:half], x[half:], y[half:], n_categories=2)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("n_categories", [0, 2])
def test_arrays_predict_as_scikit_learn_does(n_classes: int, n_categories: int) -> None:
    data = example(2000, n_classes)
    categorical = np.arange(5) < n_categories if n_categories else None
    model = HistGradientBoostingClassifier(max_iter=30, categorical_features=categorical, random_state=0)
    model.fit(data.x, data.y)
    trees = extract_trees(model, model.n_iter_)
    unseen = data.x_val.copy()
    unseen[::3, 0] = 5  # a code that training did not see
    unseen[1::3, 1] = 200
    unseen[2::7, 2] = 1e300
    for x in (data.x_val, unseen):
        np.testing.assert_allclose(trees.predict_proba(x), model.predict_proba(x), rtol=0, atol=1e-12)
    assert trees.is_sound(n_features=5)
    assert not trees.is_sound(n_features=1)
    circle = replace(trees, left=np.zeros_like(trees.left))
    assert not circle.is_sound(n_features=5)
    assert (trees.count[trees.roots] == len(data.x)).all()
    leaves = trees._leaves(data.x, trees.roots[0, 0])
    np.testing.assert_array_equal(np.bincount(leaves)[np.unique(leaves)], trees.count[np.unique(leaves)])
    more = trees.count + (trees.is_leaf == 1)
    assert not replace(trees, count=more.astype(np.int32)).is_sound(n_features=5)
    assert not replace(trees, count=np.zeros_like(trees.count)).is_sound(n_features=5)


def test_the_first_iterations_alone_predict_as_the_stages_of_scikit_learn() -> None:
    data = example(1000, 3)
    model = HistGradientBoostingClassifier(max_iter=12, random_state=0).fit(data.x, data.y)
    for n_iterations, stage in enumerate(model.staged_predict_proba(data.x_val), start=1):
        found = extract_trees(model, n_iterations).predict_proba(data.x_val)
        np.testing.assert_allclose(found, stage, rtol=0, atol=1e-12)


def test_trees_that_learn_again_are_scikit_learns_with_as_many_iterations() -> None:
    data, settings = example(1500, 3), TreesSettings(learning_rate=0.1)
    fitted = refit_careful_trees(data, settings, 17, seed=0)
    oracle = HistGradientBoostingClassifier(
        learning_rate=0.1, max_leaf_nodes=settings.max_leaf_nodes, min_samples_leaf=settings.min_samples_leaf,
        l2_regularization=settings.l2_regularization, max_iter=17, early_stopping=False,
        categorical_features=[True, True, False, False, False], random_state=0,
    ).fit(data.x, data.y)  # fmt: skip
    assert (fitted.iterations, fitted.stop) == (17, "iterations")
    np.testing.assert_allclose(fitted.trees.predict_proba(data.x_val), oracle.predict_proba(data.x_val), atol=1e-12)


def test_careful_trees_keep_the_iteration_that_validates_best() -> None:
    data = example(1500, 2)
    settings = TreesSettings(learning_rate=0.3, patience=10)
    fitted = fit_careful_trees(data, settings, 200, seed=0)
    assert fitted.iterations < fitted.tried < 200
    assert fitted.stop == "patience"

    def loss(n_iterations: int) -> float:
        other = fit_careful_trees(data, TreesSettings(learning_rate=0.3, patience=1000), n_iterations, seed=0)
        proba = other.trees.predict_proba(data.x_val)
        return float(-np.log(proba[np.arange(data.y_val.size), data.y_val]).mean())

    best = loss(fitted.iterations)
    assert best <= loss(max(1, fitted.iterations - 3)) + 1e-12
    assert fitted.trees.shape.n_iterations == fitted.iterations


@pytest.mark.parametrize("fit", ["default", "careful"])
def test_slices_under_a_deadline_give_the_same_trees(fit: str) -> None:
    data = example(1200, 3)

    def trees(deadline: float | None):  # type: ignore[no-untyped-def]
        if fit == "default":
            return fit_default_trees(data, seed=0, deadline=deadline).trees
        return fit_careful_trees(data, TreesSettings(), 60, seed=0, deadline=deadline).trees

    np.testing.assert_array_equal(trees(None).predict_proba(data.x_val), trees(1e18).predict_proba(data.x_val))


def test_columns_without_any_value_are_survived() -> None:
    data = example(400, 2)
    x = data.x.copy()
    x[:, 3] = np.nan
    data = TreeData(x, data.y, data.x_val, data.y_val, data.n_categories)
    careful = fit_careful_trees(data, TreesSettings(), 9, seed=0).trees
    assert 3 not in careful.feature[careful.is_leaf == 0]
    data.x_val[:, 3] = np.nan
    default = fit_default_trees(data, seed=0).trees
    assert 3 not in default.feature[default.is_leaf == 0]


def test_a_deadline_that_has_passed_leaves_few_trees() -> None:
    fitted = fit_careful_trees(example(1200, 3), TreesSettings(patience=500), 500, seed=0, deadline=1.0)
    assert fitted.tried == 25 // 3
    assert fitted.stop == "time limit"


def test_a_deadline_far_away_takes_few_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    fits, fit = [], HistGradientBoostingClassifier.fit
    monkeypatch.setattr(
        HistGradientBoostingClassifier, "fit", lambda self, *a, **k: fits.append(1) or fit(self, *a, **k)
    )
    refit_careful_trees(example(300, 2), TreesSettings(), 400, seed=0, deadline=1e18)
    assert len(fits) == 7  # 12, 24, 48, 96, 192, 384, 400 iterations


def test_the_time_limit_is_used_up_but_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock of our own, on which an iteration takes a second."""
    now, fit = [0.0], HistGradientBoostingClassifier.fit

    def slow(self: HistGradientBoostingClassifier, *args: object, **options: object) -> object:
        before = getattr(self, "n_iter_", 0)
        fitted = fit(self, *args, **options)
        now[0] += fitted.n_iter_ - before
        return fitted

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", slow)
    monkeypatch.setattr("nncli.baseline.trees.time", SimpleNamespace(monotonic=lambda: now[0]))
    fitted = refit_careful_trees(example(300, 2), TreesSettings(), 400, seed=0, deadline=100.0)
    assert (fitted.iterations, fitted.stop) == (100, "time limit")


@pytest.mark.parametrize("n_rows", [2000, 24_000])
def test_a_class_with_one_row_is_survived(n_rows: int) -> None:
    data = example(n_rows, 2)
    y = data.y.copy()
    y[0] = 2
    data = TreeData(data.x, y, data.x_val, data.y_val, data.n_categories)
    assert fit_default_trees(data, seed=0).trees.predict_proba(data.x_val).shape == (n_rows // 2, 3)
    assert fit_careful_trees(data, TreesSettings(), 10, seed=0).trees.baseline.size == 3


def test_defaults_learn_from_validation_rows_too_unless_they_stop_early() -> None:
    data = example(2000, 2)
    expected = HistGradientBoostingClassifier(categorical_features=np.arange(5) < 2, random_state=0)
    expected.fit(np.concatenate([data.x, data.x_val]), np.concatenate([data.y, data.y_val]))
    found = fit_default_trees(data, seed=0).trees.predict_proba(data.x_val)
    np.testing.assert_allclose(found, expected.predict_proba(data.x_val), rtol=0, atol=1e-12)


def weighted(n_rows: int, n_classes: int) -> TreeData:
    data, random = example(n_rows, n_classes), np.random.default_rng(1)
    weights, weights_val = (random.lognormal(size=y.size) for y in (data.y, data.y_val))
    return replace(data, weights=weights, weights_val=weights_val)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_weighted_trees_are_scikit_learns(n_classes: int) -> None:
    data, settings = weighted(1500, n_classes), TreesSettings(learning_rate=0.3, patience=10)
    fitted = fit_careful_trees(data, settings, 200, seed=0)
    oracle = HistGradientBoostingClassifier(
        learning_rate=0.3, max_leaf_nodes=settings.max_leaf_nodes, min_samples_leaf=settings.min_samples_leaf,
        l2_regularization=settings.l2_regularization, max_iter=fitted.iterations, early_stopping=False,
        categorical_features=np.arange(5) < 2, random_state=0,
    ).fit(data.x, data.y, sample_weight=data.weights)  # fmt: skip
    proba = fitted.trees.predict_proba(data.x_val)
    np.testing.assert_allclose(proba, oracle.predict_proba(data.x_val), atol=1e-12)
    losses = -np.log(proba[np.arange(data.y_val.size), data.y_val])
    assert fitted.loss == pytest.approx(np.average(losses, weights=data.weights_val))
    assert fitted.stop == "patience"


@pytest.mark.parametrize("n_rows", [2000, 21_000])
def test_weighted_default_trees_are_scikit_learns(n_rows: int) -> None:
    data = weighted(n_rows, 2)
    oracle = HistGradientBoostingClassifier(
        early_stopping=n_rows > 10_000, categorical_features=np.arange(5) < 2, random_state=0
    )
    if oracle.early_stopping:
        oracle.fit(data.x, data.y, data.weights, X_val=data.x_val, y_val=data.y_val, sample_weight_val=data.weights_val)
    else:
        both = [(data.x, data.x_val), (data.y, data.y_val), (data.weights, data.weights_val)]
        oracle.fit(*(np.concatenate(parts) for parts in both))
    found = fit_default_trees(data, seed=0).trees.predict_proba(data.x_val)
    np.testing.assert_allclose(found, oracle.predict_proba(data.x_val), atol=1e-12)


def test_trees_of_whole_weights_are_those_of_repeated_rows() -> None:
    """Where so few values have bins of their own, and a leaf may have one row: both count rows, not weights."""
    data = example(2000, 2)
    data = replace(data, x=data.x.round(), x_val=data.x_val.round(), n_categories=0)
    weights = np.random.default_rng(2).integers(1, 4, size=data.y.size)
    repeated = np.repeat(np.arange(data.y.size), weights)
    settings = TreesSettings(min_samples_leaf=1, l2_regularization=5.0)
    found, expected, plain = (
        refit_careful_trees(some, settings, 40, seed=0).trees.predict_proba(data.x_val)[:, 1]
        for some in (
            replace(data, weights=weights.astype(np.float64)),
            replace(data, x=data.x[repeated], y=data.y[repeated]),
            data,
        )
    )
    assert np.isclose(found, expected, atol=1e-6).mean() > 0.98  # splits that are equally good may be told apart
    assert np.abs(plain - expected).mean() > 0.01
