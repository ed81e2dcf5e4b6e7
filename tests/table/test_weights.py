import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import cells_of, rows_of
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from nncli.errors import DataError
from nncli.settings import UNWEIGHTED, ClassWeight, WeightSettings
from nncli.table.target import Target, encode_target
from nncli.table.weights import read_weights, require_classes, row_weights

BALANCED = WeightSettings(balanced=True)


def target_of(labels: np.ndarray) -> Target:  # type: ignore[type-arg]
    return encode_target(cells_of([f"class {label}" for label in labels]), "y")


def drawn(seed: int, n_classes: int) -> np.ndarray:  # type: ignore[type-arg]
    rare = np.random.default_rng(seed).geometric(0.5, size=60) % n_classes
    return np.concatenate([np.arange(n_classes), rare])


@given(seed=st.integers(0, 1000), n_classes=st.integers(2, 5))
def test_balanced_is_scikit_learns(seed: int, n_classes: int) -> None:
    labels = drawn(seed, n_classes)
    found = row_weights(BALANCED, target_of(labels), None, np.arange(labels.size))
    expected = compute_class_weight("balanced", classes=np.arange(n_classes), y=labels)
    np.testing.assert_allclose(found, expected[labels])


def test_balanced_counts_training_rows_by_their_own_weights() -> None:
    labels, own = drawn(1, 3), np.random.default_rng(1).integers(1, 4, 63)
    train = np.arange(0, 63, 2)
    train = np.union1d(train, [0, 1, 2])
    found = row_weights(BALANCED, target_of(labels), own.astype(np.float64), train)
    assert found is not None
    repeated = np.repeat(labels[train], own[train])
    by_class = compute_class_weight("balanced", classes=np.arange(3), y=repeated)
    expected = own * by_class[labels]
    np.testing.assert_allclose(found, expected / expected[train].mean())
    totals = [found[train][labels[train] == c].sum() for c in range(3)]
    np.testing.assert_allclose(totals, train.size / 3)


def test_a_class_without_training_rows_keeps_the_usual_weight() -> None:
    labels = np.array([0, 1, 1, 1, 2])
    found = row_weights(BALANCED, target_of(labels), None, np.arange(4))
    np.testing.assert_allclose(found, [2, 2 / 3, 2 / 3, 2 / 3, 1])


def test_named_weights_are_scikit_learns_scaled_to_one_in_the_mean() -> None:
    labels = drawn(2, 3)
    named = WeightSettings(classes=(ClassWeight("class 2", 5.0), ClassWeight("class 0", 0.5)))
    found = row_weights(named, target_of(labels), None, np.arange(labels.size))
    expected = compute_sample_weight({0: 0.5, 1: 1.0, 2: 5.0}, labels)
    np.testing.assert_allclose(found, expected / expected.mean())


def test_where_nothing_weighs_there_are_no_weights() -> None:
    labels = drawn(0, 2)
    assert row_weights(UNWEIGHTED, target_of(labels), None, np.arange(labels.size)) is None


def test_a_column_is_read_as_numbers() -> None:
    found = read_weights(rows_of({"w": [" 2", "0", "1e0", "0.5"], "x": [1, 2, 3, 4]}), "w")
    np.testing.assert_array_equal(found, [1, 0, 0.5, 0.25])
    huge = read_weights(rows_of({"w": ["1e308"] * 9, "x": range(9)}), "w")
    np.testing.assert_array_equal(huge, np.ones(9))


def test_a_column_of_decimal_commas_is_read_as_other_columns_are() -> None:
    found = read_weights(rows_of({"w": ["1,5", "0", "3,0", "0,75"], "x": [1, 2, 3, 4]}), "w")
    np.testing.assert_array_equal(found, [0.5, 0, 1, 0.25])
    with pytest.raises(DataError, match=r"4 of 4 cells .* '1,234' in row 1"):  # 1.234 or 1234
        read_weights(rows_of({"w": ["1,234"] * 4, "x": [1, 2, 3, 4]}), "w")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1", "", "2", "NA"], r"2 of 4 cells are no finite number from 0 on \(such as '' in row 2 of the data\)"),
        (["1", "2", "-1", "0"], r"1 of 4 cells .* '-1' in row 3"),
        (["heavy", "2", "1", "0"], "1 of 4 cells .* 'heavy' in row 1"),
        (["1", "2", "1", "inf"], "1 of 4 cells"),
        (["0", "0.0", "0", "0"], "every row has weight 0"),
    ],
)
def test_cells_that_are_no_weights_are_refused(cells: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_weights(rows_of({"w": cells, "x": range(4)}), "w")


def test_a_column_that_is_not_there_or_alone_is_refused() -> None:
    with pytest.raises(DataError, match="did you mean 'weight'"):
        read_weights(rows_of({"weight": [1], "x": [1]}), "weigth")
    with pytest.raises(DataError, match="the only column"):
        read_weights(rows_of({"w": [1, 2]}), "w")


def test_a_class_that_there_is_not_is_refused() -> None:
    target = encode_target(cells_of(["yes", "no"]), "y")
    require_classes(WeightSettings(classes=(ClassWeight("yes", 2.0),)), target)
    with pytest.raises(DataError, match="'ja' is no class of 'y'; the classes are 'no', 'yes'"):
        require_classes(WeightSettings(classes=(ClassWeight("ja", 2.0),)), target)
