"""Findings on how a file was read: what they see, and what they leave alone."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncli.guard.reading import describe_formats, examine_reading
from nncli.settings import ReadingSettings
from nncli.table.dialect import column_names
from nncli.table.numbers import NumberFormat, NumberFormats
from nncli.table.reading import read_table

ROWS = "".join(f"{place},{i}.5,{'yn'[i % 2]}\n" for i, place in enumerate(["Rome", "Oslo", "Bonn"] * 9))


def codes(folder: Path, content: str, **reading: object) -> list[str]:
    (folder / "t.csv").write_text(content)
    return [finding.code for finding in examine_reading(read_table(str(folder / "t.csv"), ReadingSettings(**reading)))]  # type: ignore[arg-type]


def test_an_ordinary_file_has_none(tmp_path: Path) -> None:
    assert codes(tmp_path, "place,2024,y\n" + ROWS) == []


def test_a_first_row_that_is_no_header_is_seen_and_the_remedy_ends_it(tmp_path: Path) -> None:
    assert codes(tmp_path, ROWS) == ["header-like-row"]
    assert codes(tmp_path, ROWS, has_header=False) == []


@pytest.mark.parametrize(
    ("last", "expected"),
    [("Total,351,", ["total-row"]), (",Sum:,", ["total-row"]), ("Totals,7,y", ["total-row"]), ("Totnes,7,y", [])],
)
def test_a_last_row_that_is_a_total_is_seen(tmp_path: Path, last: str, expected: list[str]) -> None:
    assert codes(tmp_path, f"place,size,y\n{ROWS}{last}\n") == expected


def test_a_word_that_stands_in_other_rows_too_is_no_total(tmp_path: Path) -> None:
    assert codes(tmp_path, f"place,size,y\nTotal,1,y\n{ROWS}Total,2,n\n") == []


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "a ", "", "a (2)", "column 1", "column 2"]), max_size=8))
def test_names_are_told_apart_and_those_that_are_unique_stay(header: list[str]) -> None:
    names = column_names(header)
    assert len(set(names)) == len(names) == len(header)
    stripped = [name.strip() for name in header]
    assert all(
        made == given for made, given in zip(names, stripped, strict=True) if given and stripped.count(given) == 1
    )


def test_formats_are_said_together() -> None:
    german, plain_commas = NumberFormat(",", "."), NumberFormat(",", "")
    formats = NumberFormats({"a": plain_commas, "b": german, "c": plain_commas})
    assert describe_formats(formats) == (", decimal commas in 'a', 'c', decimal commas and thousands separators in 'b'")
    assert describe_formats(NumberFormats()) == ""
