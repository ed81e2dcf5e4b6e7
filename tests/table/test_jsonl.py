import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.errors import DataError
from nncli.settings import InputFormat
from nncli.table.reading import open_rows, read_table

KEYS = ["a", "b", "ключ"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUE = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
OBJECT = st.fixed_dictionaries(dict.fromkeys(KEYS, VALUE))


def write(path: Path, content: str) -> str:
    path.write_bytes(content.encode())
    return str(path)


def read(
    path: str, needed: list[str], block_bytes: int = 1 << 20, **how: Any
) -> tuple[list[dict[str, str]], list[str]]:
    """The cells and the lines."""
    with open_rows(path, needed, block_bytes, **how) as opened:
        assert (opened.format, opened.delimiter) == ("jsonl", None)
        chunks = list(opened.chunks)
    rows = [row for chunk in chunks for row in chunk.rows().cells.to_pylist()]
    return rows, [line for chunk in chunks if chunk.lines for line in chunk.lines().to_pylist()]


def cell_of(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


@given(
    objects=st.lists(OBJECT, min_size=1, max_size=8),
    size=st.integers(1, 50),
    end=st.sampled_from(["\n", "\r\n", "\n\n", " \n\t\n"]),
    is_ascii=st.booleans(),
    bom=st.sampled_from(["", "\ufeff"]),
)
def test_any_objects_come_back_whatever_the_blocks(  # type: ignore[no-untyped-def]
    tmp_path_factory, objects, size, end, is_ascii, bom
) -> None:
    written = [json.dumps(found, ensure_ascii=is_ascii) for found in objects]
    path = write(tmp_path_factory.mktemp("round") / "t", bom + end.join(written))
    rows, lines = read(path, ["a"], size, input_format="jsonl")
    assert rows == [{key: cell_of(value) for key, value in found.items()} for found in objects]
    assert lines == written


def test_numbers_are_not_rounded(tmp_path: Path) -> None:
    line = '{"a": 1.50, "b": 123456789012345678901234567890, "c": 1E400, "d": -0, "e": NaN, "f": [1.50, {"x": null}]}'
    (row,), _ = read(write(tmp_path / "t", line), ["a"])
    assert list(row.values()) == ["1.50", "123456789012345678901234567890", "1E400", "-0", "NaN", '[1.50, {"x": null}]']


def test_rows_to_predict_have_the_columns_of_the_first_and_a_table_those_of_all(tmp_path: Path) -> None:
    path = write(tmp_path / "t", '{"b": 1, "a": 2}\n{"a": 3, "c": 4}\n{"d": "x", "b": 5}\n')
    rows, lines = read(path, ["a"], 20)
    assert rows == [{"b": "1", "a": "2"}, {"b": "", "a": "3"}, {"b": "5", "a": ""}]
    assert json.loads(lines[1]) == {"a": 3, "c": 4}
    assert read_table(path).rows.to_pydict() == {
        "b": ["1", "", "5"], "a": ["2", "3", ""], "c": ["", "4", ""], "d": ["", "", "x"]
    }  # fmt: skip


@pytest.mark.parametrize("size", [1, 25, 1000])
def test_a_missing_key_is_a_missing_cell(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "t", '{"z": 0}\n{"b": 1}\n{"a": 2, "c": 3, "b": null}\n')
    assert read(path, ["a", "b"], size)[0] == [
        {"z": "0", "b": "", "a": ""}, {"z": "", "b": "1", "a": ""}, {"z": "", "b": "", "a": "2"}
    ]  # fmt: skip
    with open_rows(path, ["a", "b"], size) as given:
        keys = [key for chunk in given.chunks for key in chunk.rows().keys or ()]
        assert list(dict.fromkeys(keys)) == ["z", "b", "a", "c"]
    with open_rows(path, ["x"], size) as given:
        assert given.columns == ["z", "b", "a", "c"]  # none of them is needed: that is for the caller to refuse


@pytest.mark.parametrize("size", [1, 25, 1 << 20])
def test_keys_to_keep_are_looked_for_in_the_first_objects(tmp_path: Path, size: int) -> None:
    early, late = '{"a": 1}\n' * 150 + '{"n": 2}\n', '{"a": 1}\n' * 250 + '{"n": 2}\n'
    for content, unnamed in ((early, set()), (late, {"n"})):
        with open_rows(write(tmp_path / "t", content), ["a", "b"], size, kept=["n", "b"]) as given:
            assert (set(given.columns), given.unnamed) == ({"a", "b", "n"}, unnamed)
            *_, last = (row for chunk in given.chunks for row in chunk.rows().cells.to_pylist())
        assert last == {"a": "", "b": "", "n": "2"}


def test_a_table_of_many_blocks_has_the_columns_of_all(tmp_path: Path) -> None:
    objects = [{"a": i, "s": "x" * 500} for i in range(5000)] + [{"a": 5000, "late": "y"}]
    rows = read_table(write(tmp_path / "t", "\n".join(map(json.dumps, objects)))).rows
    assert rows.to_pylist() == [{k: str(o.get(k, "")) for k in ("a", "s", "late")} for o in objects]


def test_json_that_is_nested_matters_only_where_it_is_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "t", '{"a": 1, "tags": ["x", "é"]}\n{"a": 2, "tags": null}\n')
    assert [row["tags"] for row in read(path, ["a"])[0]] == ['["x", "é"]', ""]
    for reading in (lambda: read_table(path), lambda: read(path, ["tags"])):
        with pytest.raises(DataError, match="line 1: column 'tags' holds a list or an object"):
            reading()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1', "line 3: no JSON object is in '{\"a\": 1' (Expecting ',' delimiter at character 8)"),
        ('{"a": 1}, {"a": 2}', 'line 3: no JSON object is in \'{"a": 1}, {"a": 2}\' (Extra data'),
        ("[1, 2]", "line 3: no JSON object is in '[1, 2]' (another value stands there)"),
        ('{"a": 1, "b": 2, "a": 3}', 'the key "a" stands there twice'),
        ('{"a": "\\ud800"}', "half of a surrogate pair"),
        ('{"a": {}}', "line 3: column 'a' holds a list or an object"),
        ('{"b": ' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
        ("{'a': 1}", "line 3: no JSON object"),
        ('{"a": "\x00"}', "line 3: byte 8 is NUL"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "t", f'{{"a": 0}}\n\n{line}\n{{"a": 1}}\n')
    for reading in (lambda: read_table(path), lambda: read(path, ["a"], 10)):
        with pytest.raises(DataError) as caught:
            reading()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"a": 1},\n {"a": 2}]\n', "is one JSON array; one object a line is needed: jq -c '.[]' FILE > TABLE.jsonl"),
        ('[\n  {\n    "a": 1\n  }\n]\n', "is one JSON array"),
        ('{\n  "a": 1\n}\n', "is JSON over several lines; one object a line is needed: jq -c . FILE"),
    ],
)
@pytest.mark.parametrize("input_format", [None, "jsonl"])
def test_other_json_is_refused_with_what_makes_lines_of_it(
    tmp_path: Path, content: str, message: str, input_format: InputFormat | None
) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path / "t.json", content), ["a"], input_format=input_format)
    assert message in str(caught.value)


def test_the_first_object_names_the_columns_though_lines_before_it_cannot_be_read(tmp_path: Path) -> None:
    bad = "no row\n" * 100
    path = write(tmp_path / "t.jsonl", bad + '{"a": 1}\n')
    for size in (1, 100, 1 << 20):
        assert read(path, ["a"], size, bad_rows="skip")[0] == [{"a": "1"}]
        assert read(path, ["a"], size, bad_rows="null")[0] == [{"a": ""}] * 100 + [{"a": "1"}]
        with pytest.raises(DataError, match="none of its first lines holds a JSON object"):
            read(write(tmp_path / "bad.jsonl", bad * 3 + '{"a": 1}\n'), ["a"], size, bad_rows="skip")


def test_text_that_only_begins_like_json_is_delimited(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "t.csv", "{a},b\n1,2\n")).rows.to_pydict() == {"{a}": ["1"], "b": ["2"]}
    assert read_table(write(tmp_path / "t.csv", "[id],b\n1,2\n")).rows.to_pydict() == {"[id]": ["1"], "b": ["2"]}
