import numpy as np
import pytest
from rows import cells_of, rows_of

from nncli.errors import DataError
from nncli.table.arrangement import Arrangement, group_by_value, group_identical_rows, rank_moments


def test_identical_rows_are_one_group() -> None:
    rows = rows_of({"a": ["x", "x", "y"] * 100, "b": [i // 3 for i in range(300)]})
    groups = group_identical_rows(rows)
    assert np.unique(groups).size == 200
    assert groups[0] == groups[1] != groups[2]


def test_equal_values_are_one_group_and_missing_ones_each_their_own() -> None:
    groups = group_by_value(cells_of(["a", " a ", "", "b", "NA", "", "a"]))
    assert groups[0] == groups[1] == groups[6]
    assert np.unique(groups).size == 5


@pytest.mark.parametrize(
    "cells",
    [
        ["10", "9", " 9.0", "-1e3"],
        ["2024-03-01", "2023/12/31", "2023-12-31 00:00", "1969-01-01"],
        ["2024-03-01 00:30+01:00", "2024-02-29T23:00:00.25Z", "2024-02-29 23:00:00.250", "2024-02-29T23:00Z"],
    ],
)
def test_moments_are_ranked_whether_numbers_or_dates(cells: list[str]) -> None:
    assert rank_moments(cells_of(cells), "when").tolist() == [2, 1, 1, 0]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["2024-01-01", "", "NA", "2024-01-02"], "2 of 4 rows have no number or date there that can be read \\(''\\)"),
        (["1", "2", "soon"], "1 of 3 rows .* 'soon'"),
        (["31.12.2024", "1.1.2024"], "2 of 2 rows"),
        (["2024-01-01", "2024-01-02", "7"], "1 of 3 rows .* '7'"),
    ],
)
def test_rows_without_a_moment_are_counted(cells: list[str], words: str) -> None:
    with pytest.raises(DataError, match="--time 'when'") as refused:
        rank_moments(cells_of(cells), "when")
    assert refused.match(words.replace(" .* ", ".*"))


def test_units_are_what_is_never_parted_and_go_with_their_rows() -> None:
    y, four = np.arange(12) % 2, np.arange(12) // 3
    assert Arrangement(y, four).n_units == 12
    assert Arrangement(y, y, groups=four).n_units == 4
    taken = Arrangement(y, y, moments=four).take(np.array([0, 1, 11]))
    assert (taken.n_units, taken.labels.tolist(), taken.groups) == (2, [0, 1, 1], None)
