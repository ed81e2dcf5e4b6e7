"""What every opponent must do."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rivals import OPPONENTS, features_of, fit, halves, mixed

from nncli.evaluation.metrics import log_losses


@pytest.fixture(params=OPPONENTS)
def opponent(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("n_classes", [2, 4])
def test_probabilities_are_those_of_the_classes_in_order(opponent: str, n_classes: int) -> None:
    data = mixed(n_classes=n_classes)
    fitted = fit(opponent, data)
    proba = fitted.predict_proba(data.validation)
    assert proba.shape == (data.y_val.size, n_classes)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert log_losses(data.y_val, proba).mean() < 0.75 * np.log(n_classes)
    assert fitted.n_tried >= 1
    assert fitted.seconds > 0


def test_classes_that_training_rows_lack_get_nothing(opponent: str) -> None:
    """As if the classes were numbered without gaps, and the validation rows of other classes were not there."""
    data = mixed(n_classes=3)
    places = np.array([1, 2, 4])
    y_val = places[data.y_val]
    y_val[:7] = 3
    gaps = replace(data, y=places[data.y], y_val=y_val, n_classes=6)
    proba = fit(opponent, gaps).predict_proba(data.validation)
    rest = slice(7, None)
    plain = fit(opponent, replace(data, validation=data.validation.take(rest), y_val=data.y_val[rest]))
    np.testing.assert_array_equal(proba[:, places], plain.predict_proba(data.validation))
    assert not proba[:, [0, 3, 5]].any()


def test_where_nothing_can_be_learned_the_shares_predict(opponent: str) -> None:
    data, ones = mixed(n_classes=4), np.ones(400, dtype=np.int64)
    one_class = fit(opponent, replace(data, y=ones)).predict_proba(data.validation)
    np.testing.assert_array_equal(one_class, np.tile([0.0, 1.0, 0.0, 0.0], (400, 1)))
    shares = np.tile(np.bincount(data.y) / 400, (400, 1))
    for constant in (np.full((800, 2), 7.0), np.full((800, 1), np.nan)):
        same = halves(features_of(constant), np.concatenate([data.y, data.y_val]), 4)
        np.testing.assert_array_equal(fit(opponent, same).predict_proba(same.validation), shares)
    unknown = fit(opponent, replace(data, y=np.minimum(data.y, 1), y_val=3 * ones)).predict_proba(data.validation)
    np.testing.assert_array_equal(unknown[:, 2:], 0)


def test_a_category_alone_separates(opponent: str) -> None:
    """By codes whose order says nothing."""
    codes = np.random.default_rng(0).integers(0, 9, 2000)
    data = halves(features_of(x_cat=codes[:, None]), np.array([0, 1, 2, 1, 0, 2, 0, 1, 2])[codes], 3)
    proba = fit(opponent, data).predict_proba(data.validation)
    assert (proba[np.arange(1000), data.y_val] > 0.95).all()


def test_that_a_number_is_missing_says_something(opponent: str) -> None:
    numbers = np.random.default_rng(0).normal(size=(1000, 1))
    y = np.random.default_rng(1).integers(0, 2, 1000)
    numbers[y == 1] = np.nan
    data = halves(features_of(numbers), y, 2)
    assert log_losses(data.y_val, fit(opponent, data).predict_proba(data.validation)).mean() < 0.05


def test_odd_values_are_survived(opponent: str) -> None:
    """Numbers that single precision cannot hold, columns without any value, codes that training did not see."""
    data = mixed()
    numbers = data.train.x_num.copy()
    numbers[:4, 0], numbers[4:8, 0], numbers[:, 1] = 1e300, -1e300, np.nan
    fitted = fit(opponent, replace(data, train=replace(data.train, x_num=numbers)))
    extreme = np.array([[1e300, 1e300, 1e300], [-1e300, 5e-324, -1e300]])
    rows = features_of(extreme, np.array([[99, 100], [5, 254]]), np.zeros((2, 2)))
    proba = fitted.predict_proba(rows)
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_few_rows_are_survived(opponent: str) -> None:
    data = mixed(n_rows=12, n_classes=3)
    assert np.isfinite(fit(opponent, data).predict_proba(data.validation)).all()


def test_the_same_seed_gives_the_same_and_nothing_is_left_behind(
    opponent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data, largest = mixed(n_classes=3), 2**32 - 1
    one, other = (fit(opponent, data, seed=largest).predict_proba(data.validation) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_heavy_rows_are_answered_more_and_weights_that_are_all_the_same_change_nothing(opponent: str) -> None:
    data = mixed(600)
    plain, heavy = np.ones(data.y.size), np.where(data.y == 1, 8.0, 1.0)
    heavy_val = np.where(data.y_val == 1, 8.0, 1.0)
    alone, alike, leaning = (
        fit(opponent, replace(data, weights=w, weights_val=w_val)).predict_proba(data.validation)
        for w, w_val in ((None, None), (plain, np.ones(data.y_val.size)), (heavy, heavy_val))
    )
    np.testing.assert_allclose(alike, alone, atol=1e-5)
    assert leaning[:, 1].mean() > alone[:, 1].mean() + 0.05
