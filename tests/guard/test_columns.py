import numpy as np
import pytest
from rows import rows_of

from nncli.guard.columns import examine_columns

N = 60


def examine(cells: list[str]):  # type: ignore[no-untyped-def]
    return examine_columns(rows_of({"x": cells}))


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ([""] * N, "empty-column"),
        (["NA", ""] * (N // 2), "empty-column"),
        (["same"] * N, "constant-column"),
        ([f"id-{i * 7 % 101}" for i in range(N)], "id-column"),
        ([str(i) for i in range(N)], "id-column"),
        ([str(i * i + 5) for i in range(N)], "id-column"),
        ([f"{i:05}" for i in range(N)], "id-column"),
    ],
)
def test_columns_that_no_model_should_see_are_left_out_and_named(cells: list[str], code: str) -> None:
    columns, (finding,) = examine(cells)
    assert not columns
    assert finding.code == code
    assert finding.columns == ("x",)
    assert "'x'" in finding.message


@pytest.mark.parametrize(
    "cells",
    [
        ["same"] * (N - 1) + [""],  # that it is missing says something
        [f"{value:.4f}" for value in np.random.default_rng(0).normal(size=N)],
        [str(value) for value in np.random.default_rng(0).permutation(10_000)[:N]],
        [f"a title of words, number {i}" for i in range(N)],
        [f"id-{i}" for i in range(10)],
    ],
)
def test_columns_that_say_something_are_used(cells: list[str]) -> None:
    columns, findings = examine(cells)
    assert [column.name for column in columns] == ["x"]
    assert not findings


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"{i},{i % 7}5" for i in range(N)], "decimal comma"),
        ([f"1,{100 + i},000.5" for i in range(N)], "thousands separators"),
        ([f"{1 + i % 12}/{1 + i % 28}/2024" for i in range(N)], "do not begin with the year"),
    ],
)
def test_numbers_and_dates_in_other_formats_are_said_to_be_so(cells: list[str], words: str) -> None:
    columns, (finding,) = examine(cells)
    assert columns[0].kind == "categorical"  # and not an ID, although all differ
    assert finding.code == "foreign-format"
    assert words in finding.message


def test_cells_that_do_not_fit_are_counted() -> None:
    columns, (finding,) = examine(["1.5", "2.5", "7"] * 33 + ["?"])
    assert columns[0].kind == "numeric"
    assert finding.code == "misfit-cells"
    assert "1 of its cells" in finding.message
    assert "('?'); they count as missing; mend them, or say with --na that they mean that" in finding.message
