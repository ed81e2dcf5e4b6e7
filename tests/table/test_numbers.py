"""Numbers in other formats: found over whole columns, read as what was written, or left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import cells_of, rows_of

from nncli.table.cells import to_numbers
from nncli.table.numbers import NumberFormat, find_formats, plain_numbers, with_plain_numbers

ENGLISH, GERMAN, FRENCH, SWISS = (NumberFormat(*marks) for marks in (".,", ",.", ", ", ".'"))  # type: ignore[arg-type]


def written(number: float, form: NumberFormat) -> str:
    """By Python's own formatting, an oracle."""
    return f"{number:,.2f}".translate({ord(","): form.thousands, ord("."): form.decimal})


@pytest.mark.parametrize("form", [ENGLISH, GERMAN, FRENCH, SWISS])
@settings(deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=30))
def test_numbers_of_a_format_are_read_as_they_were_meant(form: NumberFormat, hundredths: list[int]) -> None:
    meant = [1_234_567.25, *(number / 100 for number in hundredths)]
    rows = rows_of({"x": [written(number, form) for number in meant]})
    formats = find_formats(rows)
    assert formats.of_columns == {"x": form}
    assert to_numbers(with_plain_numbers(rows, formats.of_columns)["x"]).tolist() == meant


def test_spaces_and_apostrophes_of_any_kind_group_digits() -> None:
    cells = cells_of(["1 234,5", "1\u00a0234,5", "1\u202f234,5", "1\u2009234,5"])
    assert to_numbers(plain_numbers(cells, FRENCH)).tolist() == [1234.5] * 4
    assert to_numbers(plain_numbers(cells_of(["1'234.5", "1\u2019234.5"]), SWISS)).tolist() == [1234.5] * 2


@pytest.mark.parametrize(
    "cells",
    [
        ["1.5", "2", "1e3"],
        ["1,2,3", "4,5"],
        ["12,34,567", "1"],
        ["0,123,456"],
        ["1,5", "few"],
        ["a,b", "1,5"],
        ["1,5", "1.5"],
        ["", "NA"],
        [],
    ],
)
def test_what_does_not_fit_one_format_as_a_whole_stays(cells: list[str]) -> None:
    formats = find_formats(rows_of({"x": cells}))
    assert not formats.of_columns
    assert not formats.undecided


def test_the_decimal_mark_of_other_columns_decides() -> None:
    open_one = ["1,234", "5,678"]
    assert find_formats(rows_of({"x": open_one})).undecided == {"x": ("1,234", "1.234", "1234")}
    plain = find_formats(rows_of({"x": open_one, "other": ["0.5", "2"]}))
    assert (plain.of_columns, plain.by_others) == ({"x": ENGLISH}, ("x",))
    comma = find_formats(rows_of({"x": open_one, "other": ["0,5", "2"]}))
    assert comma.of_columns == {"x": NumberFormat(",", ""), "other": NumberFormat(",", "")}
    both = find_formats(rows_of({"x": open_one, "other": ["0,5", "2"], "third": ["0.5", "2"]}))
    assert both.undecided.keys() == {"x"}


def test_points_group_digits_where_commas_are_decimal() -> None:
    rows = rows_of({"price": ["1,50", "20,75"], "people": ["3.750", "12.000"], "width": ["1.25", "3.5"]})
    formats = find_formats(rows.drop_columns(["width"]))
    assert formats.of_columns["people"] == GERMAN
    assert "people" not in find_formats(rows).of_columns  # a point is decimal elsewhere: nothing is decided


@settings(deadline=None)
@given(st.sampled_from([ENGLISH, GERMAN, FRENCH, SWISS]), st.text("0123456789.,' -+e", max_size=9))
def test_a_cell_is_of_the_format_or_no_number(form: NumberFormat, cell: str) -> None:
    (number,) = to_numbers(plain_numbers(cells_of([cell]), form)).tolist()
    digits = cell.strip().replace(form.thousands, "").replace(form.decimal, ".")
    assert number != number or number == float(digits)
