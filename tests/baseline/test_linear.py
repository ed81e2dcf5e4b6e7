from dataclasses import replace

import numpy as np
import pytest
from rivals import features_of, fit, halves
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from nncli.baseline.rival import RivalData
from nncli.evaluation.metrics import log_losses
from nncli.features.scaling import fit_scaler


def numbers(n_rows: int, noise: float, seed: int = 0) -> RivalData:
    random = np.random.default_rng(seed)
    x = np.exp(random.normal(size=(n_rows, 4)))
    y = (x @ [1, -1, 0.5, 0] + random.normal(scale=noise, size=n_rows)).argsort().argsort() * 3 // n_rows
    return halves(features_of(x), y, 3)


@pytest.mark.parametrize("noise", [0.3, 3.0])
def test_it_is_scikit_learns_with_the_penalty_that_validates_best(noise: float) -> None:
    data = numbers(1200, noise)
    scaler = fit_scaler(data.train)
    scores = FunctionTransformer(lambda x: scaler.scale(features_of(x)).x_num)
    oracle = make_pipeline(make_union(StandardScaler(), scores), LogisticRegression(max_iter=3000, tol=1e-6))
    x, y = np.concatenate([data.train.x_num, data.validation.x_num]), np.concatenate([data.y, data.y_val])
    split = PredefinedSplit(np.repeat([-1, 0], 600))
    grid = {"logisticregression__C": [0.001, 0.01, 0.1, 1, 10, 100, 1000]}
    found = GridSearchCV(oracle, grid, scoring="neg_log_loss", cv=split, refit=False).fit(x, y).best_params_
    oracle.set_params(**found).fit(data.train.x_num, data.y)
    fitted = fit("linear", data)
    assert fitted.settings == f"C = {found['logisticregression__C']:g}"
    inside = data.validation.x_num.clip(data.train.x_num.min(axis=0), data.train.x_num.max(axis=0))
    np.testing.assert_allclose(fitted.predict_proba(data.validation), oracle.predict_proba(inside), rtol=0, atol=0.02)


def test_of_a_large_table_some_rows_choose_and_all_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """One class has a single row, which is not to be missed."""
    data = numbers(1200, 1.0)
    y = data.y.copy()
    y[7] = 3
    data = replace(data, y=y, n_classes=4)
    whole = fit("linear", data)
    monkeypatch.setattr("nncli.baseline.linear._MOST_ROWS_TO_CHOOSE_WITH", 200)
    fitted = fit("linear", data)
    assert fitted.settings == whole.settings
    found, expected = (side.predict_proba(data.validation) for side in (fitted, whole))
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.02)


def test_noise_gets_a_strong_penalty() -> None:
    random = np.random.default_rng(0)
    data = halves(features_of(random.normal(size=(200, 30))), random.integers(0, 2, 200), 2)
    fitted = fit("linear", data)
    assert fitted.n_tried <= 3
    assert log_losses(data.y_val, fitted.predict_proba(data.validation)).mean() < np.log(2) + 0.02


def test_a_number_beyond_the_training_range_counts_as_its_end() -> None:
    data = numbers(400, 0.3)
    ends = features_of(np.stack([data.train.x_num.min(axis=0), data.train.x_num.max(axis=0)]))
    fitted = fit("linear", data)
    beyond = fitted.predict_proba(features_of(np.array([[-1e300] * 4, [1e300] * 4])))
    np.testing.assert_allclose(beyond, fitted.predict_proba(ends), rtol=0, atol=1e-12)


@pytest.mark.parametrize("unit", [1e-250, 1e250])
def test_the_unit_of_a_number_does_not_matter(unit: float) -> None:
    data = numbers(400, 0.3)
    scaled = halves(
        features_of(unit * np.concatenate([data.train.x_num, data.validation.x_num])),
        np.concatenate([data.y, data.y_val]), 3,
    )  # fmt: skip
    expected = fit("linear", data).predict_proba(data.validation)
    np.testing.assert_allclose(fit("linear", scaled).predict_proba(scaled.validation), expected, rtol=0, atol=1e-3)


def test_that_it_did_not_converge_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.baseline.linear._MOST_ITERATIONS", 2)
    assert fit("linear", numbers(400, 0.3)).settings.endswith(", not converged after 2 iterations")


def test_whole_weights_are_repeated_rows_to_a_regression() -> None:
    random = np.random.default_rng(0)
    codes = random.integers(1, 5, size=(400, 2))
    y = ((codes[:, 0] > 2) ^ (random.uniform(size=400) < 0.2)).astype(np.int64)
    data = halves(features_of(x_cat=codes), y, 2)
    weights = random.integers(1, 4, size=200)
    repeated = np.repeat(np.arange(200), weights)
    again = replace(data, train=data.train.take(repeated), y=data.y[repeated])
    weighted = fit("linear", replace(data, weights=weights.astype(float)))
    expected = fit("linear", again)
    assert weighted.settings == expected.settings
    np.testing.assert_allclose(
        weighted.predict_proba(data.validation), expected.predict_proba(data.validation), atol=1e-3
    )
