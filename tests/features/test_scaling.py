import numpy as np
import pytest

from nncli.features.encoder import Features
from nncli.features.scaling import fit_scaler


def features(x_num: np.ndarray, x_text: np.ndarray | None = None) -> Features:
    x_cat = np.zeros((len(x_num), 0), np.int32)
    return Features(x_num, x_cat, np.zeros((len(x_num), 0), np.float32) if x_text is None else x_text, {})


def test_any_distribution_becomes_normal() -> None:
    skewed = np.exp(3 * np.random.default_rng(0).normal(size=(5000, 1)))
    z = fit_scaler(features(skewed)).scale(features(skewed)).x_num[:, 0]
    assert abs(z.mean()) < 0.02
    assert z.std() == pytest.approx(1, abs=0.03)
    order = np.argsort(skewed[:, 0])
    assert (np.diff(z[order]) >= 0).all()


@pytest.mark.parametrize("unit", [1e-300, 1e-13, 1e13])
def test_the_unit_of_a_column_does_not_matter(unit: float) -> None:
    x = np.random.default_rng(0).uniform(size=(300, 1))
    one, other = (fit_scaler(features(factor * x)).scale(features(factor * x)).x_num for factor in (1, unit))
    np.testing.assert_allclose(other, one, atol=1e-6)


def test_values_outside_the_training_range_are_clipped() -> None:
    scaler = fit_scaler(features(np.arange(100.0)[:, None]))
    z = scaler.scale(features(np.array([[-1e9], [0.0], [99.0], [1e300]]))).x_num[:, 0]
    assert z[0] == z[1] == -z[3]
    assert z[2] == z[3] <= 3


def test_missing_numbers_are_the_middle_and_indicated() -> None:
    x = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, 7.0], [2.0, 8.0]])
    scaler = fit_scaler(features(x))
    inputs = scaler.scale(features(np.array([[np.nan, np.nan]])))
    np.testing.assert_array_equal(inputs.x_num, [[0, 0]])
    np.testing.assert_array_equal(inputs.x_dense, [[1]])  # only the first column had gaps in training
    assert scaler.n_dense == 1


@pytest.mark.parametrize("column", [[4.0, 4.0, 4.0], [np.nan, np.nan, np.nan], [1e15, 1e15 + 0.125, 1e15]])
def test_columns_that_do_not_vary_say_nothing(column: list[float]) -> None:
    x = np.array(column)[:, None]
    z = fit_scaler(features(x)).scale(features(np.array([[4.0], [5.0], [np.nan]]))).x_num
    np.testing.assert_array_equal(z, 0)


def test_values_that_come_up_again_and_again_have_codes() -> None:
    grades = np.repeat([1.0, 2.5, 7.0], [200, 60, 40])
    rare = np.where(np.arange(300) == 0, 4.0, grades)
    columns = [grades, rare, np.arange(300.0), np.repeat([0.0, 1.0], 150), np.arange(300.0) // 20]
    scaler = fit_scaler(features(np.column_stack(columns)))
    assert [column.coded for column in scaler.numeric] == [(1, 2.5, 7), (1, 2.5, 7), (), (), ()]
    assert scaler.value_cardinalities == (4, 4, 0, 0, 0)
    cells = np.array([[7, 4, 1, 1, 1], [1, 2.5, 1, 1, 1], [-1, 9, 1, 1, 1], [np.nan, 1, 1, 1, 1]])
    x_value = scaler.scale(features(cells)).x_value
    assert x_value.tolist() == [[3, 0], [1, 2], [0, 0], [0, 1]]
    assert scaler.scale(features(cells)).take(np.array([1])).x_value.tolist() == [[1, 2]]


def test_text_is_standardised() -> None:
    text = np.random.default_rng(0).uniform(size=(500, 3)).astype(np.float32)
    x_num = np.zeros((500, 0))
    dense = fit_scaler(features(x_num, text)).scale(features(x_num, text)).x_dense
    np.testing.assert_allclose(dense.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(dense.std(axis=0), 1, atol=1e-5)
