import numpy as np
import pytest
from rows import cells_of

from nncli.table.cells import to_booleans, to_dates, to_numbers
from nncli.table.schema import infer_kind


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "-3e2", ""], "numeric"),
        ([" 1 ", "2", "NA"], "numeric"),
        (["1"] * 99 + ["?"], "numeric"),
        (["1"] * 50 + ["2"] * 40 + ["a"] * 10, "categorical"),
        (["01067", "80331", "10115"], "categorical"),
        ([str(2**60), str(2**60 + 2), str(2**60 + 4)], "categorical"),
        (["1.5e30", "2.25e31", "7e29"], "numeric"),
        (["0", "1", "1"], "boolean"),
        (["Yes", "no", ""], "boolean"),
        (["t", "f"], "boolean"),
        (["t", "n"], "boolean"),
        (["t", "x"], "categorical"),
        (["T", "Y"], "categorical"),
        (["1", "1.0"], "numeric"),
        (["no", "F", "no"], "categorical"),
        (["2020-01-05 10:00:00 UTC", "2020-01-06 10:00:00 UTC"], "date"),
        (["9999-12-31", "0001-01-01"], "date"),
        (["2017-01-31", "2017/02/01", "2020-02-29T12:30:00Z"], "date"),
        (["10-24", "25-39"], "categorical"),
        (["none", "none", "x"], "categorical"),
        ([f"a review with many words, number {i}" for i in range(60)], "text"),
        (["a review with many words"] * 60, "categorical"),
        (["", "NA"], "categorical"),
    ],
)
def test_kind_of_a_column(cells: list[str], kind: str) -> None:
    assert infer_kind(cells_of(cells)) == kind


def test_numbers_that_are_not_finite_are_missing() -> None:
    numbers = to_numbers(cells_of(["1e999", "-inf", "1e300", "x", ""]))
    np.testing.assert_array_equal(np.isnan(numbers), [True, True, False, True, True])


def test_dates_are_read_in_utc_and_nonsense_is_missing() -> None:
    dates = to_dates(cells_of(["2017-01-01T06:00:42Z", "2017-01-01 07:00:42+01:00", "2017-02-30", "12/1/2017"]))
    assert dates[0] == dates[1] == np.datetime64("2017-01-01T06:00:42")
    assert np.isnat(dates[2:]).all()


def test_a_date_does_not_depend_on_its_neighbours() -> None:
    cells = ["9999-12-31", "2020-01-01T00:00:00.123456789", "0001-01-01", "2020-01-05 10:00:00 UTC"]
    together = to_dates(cells_of(cells))
    assert not np.isnat(together).any()
    for cell, date in zip(cells, together, strict=True):
        assert to_dates(cells_of([cell]))[0] == date


def test_booleans_in_any_spelling() -> None:
    assert to_booleans(cells_of(["TRUE", "False", "1.0", "0", "y", "N", "2"])).tolist() == [2, 1, 2, 1, 2, 1, 0]
