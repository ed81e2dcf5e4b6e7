"""Lines of each format, by rows that no file could bring together."""

import csv
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from rows import cells_of, rows_of

from nncli.prediction import delimited, jsonlines
from nncli.prediction.layout import KeptFrom, Layout, Scored
from nncli.settings import OutputFormat
from nncli.table.chunks import Chunk, Rows

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def layout_of(output_format: OutputFormat, kept: list[str], kept_from: KeptFrom = "cells", **other: Any) -> Layout:
    defaults: dict[str, Any] = {"numeric": frozenset(), "repeated": frozenset(), "added": ("prediction",)}
    defaults |= {"excel_safe": False}
    return Layout(format=output_format, kept=tuple(kept), kept_from=kept_from, **{**defaults, **other})


def scored_of(columns: dict[str, list[str]], answers: list[str | None], lines: list[str] | None = None) -> Scored:
    cells, is_sound = rows_of(columns), np.array([answer is not None for answer in answers])
    chunk = Chunk(lambda: Rows(cells), None if lines is None else lambda: cells_of(lines))
    return Scored(cells, chunk, [pa.array(answers, pa.large_string()).dictionary_encode()], is_sound)


@given(cells=st.lists(TEXT, min_size=1, max_size=4), name=TEXT.filter(str.strip), tabs=st.booleans())
def test_delimited_text_is_read_back_as_it_was(cells: list[str], name: str, tabs: bool) -> None:
    output_format: OutputFormat = "tsv" if tabs else "csv"
    layout = layout_of(output_format, [name])
    scored = scored_of({name: cells}, cells[::-1])  # type: ignore[arg-type]
    text = bytes(delimited.header(layout)) + bytes(delimited.lines(layout, scored))
    rows = csv.reader(io.StringIO(text.decode(), newline=""), delimiter="\t" if tabs else ",", strict=True)
    assert list(rows) == [[name, "prediction"], *map(list, zip(cells, cells[::-1], strict=True))]


def test_a_single_empty_field_is_no_blank_line() -> None:
    assert bytes(delimited.lines(layout_of("csv", []), scored_of({"a": ["", "x"]}, [None, "b"]))) == b'""\nb\n'


def test_formulas_get_an_apostrophe_and_numbers_none() -> None:
    cells = ["=1+1", "+49 30", "-1.5", "-x", "@a", "\tb", "\rc", "\nc", "＝1+1", "+1e5", "d=1", "", "-"]
    layout = layout_of("csv", ["=a"], excel_safe=True)
    text = bytes(delimited.header(layout)) + bytes(
        delimited.lines(layout, scored_of({"=a": cells}, ["-y"] * len(cells)))
    )
    found = [row for row, _ in csv.reader(io.StringIO(text.decode(), newline=""))]
    disarmed = ["'=1+1", "'+49 30", "-1.5", "'-x", "'@a", "'\tb", "'\rc", "'\nc", "'＝1+1", "+1e5", "d=1", "", "'-"]
    assert found == ["'=a", *disarmed]
    assert text.endswith(b",'-y\n")


@given(record=st.dictionaries(TEXT, JSON, max_size=4), indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_members_are_found_as_they_stand(record: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(record, indent=indent, ensure_ascii=ascii_only)
    found = dict(jsonlines.members(text))
    assert {key: json.loads(value) for key, value in found.items()} == record
    assert all(value in text for value in found.values())


def test_numbers_are_not_looked_at() -> None:
    number = "9" * 5000
    assert dict(jsonlines.members(f'{{"a":1.10 , "b" : {number},"c":1E400}}')) == {
        "a": "1.10",
        "b": number,
        "c": "1E400",
    }


@given(records=st.lists(st.dictionaries(TEXT.filter(lambda key: key != "prediction"), JSON, max_size=3), max_size=4))
def test_members_are_added_to_records_that_stay_as_they_are(records: list[dict[str, Any]]) -> None:
    lines = [json.dumps(record) for record in records]
    scored = scored_of({"a": ["?"] * len(lines)}, ["x"] * len(lines), lines)
    written = bytes(jsonlines.lines(layout_of("jsonl", ["a"], "records"), scored)).decode().split("\n")
    assert [json.loads(line) for line in written[:-1]] == [{**record, "prediction": "x"} for record in records]
    assert all(line.startswith(given[:-1]) for line, given in zip(written, lines, strict=False))


def test_rows_that_could_not_be_read_have_cells_and_no_answers() -> None:
    columns = {"a": ["1", "2", ""], "b": ['"', "x", ""]}
    objects = ['{"a": 1.0, "b": "\\u0022"}', '{"a": ', "{ }"]
    for kept_from in ("records", "members", "cells"):
        scored = scored_of(columns, ["y", None, "z"], objects)
        layout = layout_of("jsonl", ["a", "b"], kept_from, numeric=frozenset("a"))  # type: ignore[arg-type]
        first, second, third = map(json.loads, bytes(jsonlines.lines(layout, scored)).splitlines())
        assert first == {"a": 1.0, "b": '"', "prediction": "y"}
        assert second == {"a": 2, "b": "x", "prediction": None}
        assert third["prediction"] == "z"
    scored = scored_of(columns, ["y", None, "z"], ['1,""""', "2,x,y", ","])
    assert bytes(delimited.lines(layout_of("csv", ["a", "b"], "records"), scored)) == b'1,"""",y\n2,x,\n,,z\n'


def test_cells_of_numeric_columns_become_numbers_where_json_has_them() -> None:
    cells = ["1", "-1.50e+3", "01", "+1", ".5", "1.", "", " 1", "NA", "0"]
    layout = layout_of("jsonl", ["n"], numeric=frozenset("n"), added=("p",))
    lines = bytes(jsonlines.lines(layout, scored_of({"n": cells}, ["x"] * len(cells)))).splitlines()
    found = [json.loads(line)["n"] for line in lines]
    assert found == [1, -1500.0, "01", "+1", ".5", "1.", None, " 1", "NA", 0]
