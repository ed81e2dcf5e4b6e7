"""Which format a file is read as, and what becomes of rows that cannot be read: the same for all text."""

import csv
import gzip
import io
import json
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nncli.errors import DataError
from nncli.settings import BadRows
from nncli.table.chunks import Rejected
from nncli.table.reading import open_rows, read_table

COLUMNS = ["x", "y", "z"]
FIELD = st.text(st.sampled_from('ab ,"\né'), min_size=1, max_size=4)


def opened_as(path: Path, **how):  # type: ignore[no-untyped-def]
    with open_rows(str(path), ["a", "b"], **how) as given:
        return given.format, given.delimiter, given.columns


def test_the_format_is_that_of_the_option_else_of_the_content_and_the_name(tmp_path: Path) -> None:
    for name, content, how, expected in (
        ("t.csv", "a;b\n", {}, ("csv", ";", ["a", "b"])),
        ("t", "a\tb\n", {}, ("tsv", "\t", ["a", "b"])),
        ("t.tsv", "a,b\tc\n", {}, ("tsv", "\t", ["a,b", "c"])),
        ("t.csv", "a,b\tc\n", {"input_format": "tsv"}, ("tsv", "\t", ["a,b", "c"])),
        ("t.tsv", "a,b\n", {"input_format": "csv"}, ("csv", ",", ["a", "b"])),
        ("t", '{"a": 1}\n', {}, ("jsonl", None, ["a", "b"])),
        ("t.csv", '{"a": 1}', {}, ("jsonl", None, ["a", "b"])),
        ("t.NDJSON", '\n\n{"b": 1}\n', {}, ("jsonl", None, ["b", "a"])),
        ("t", '{"a": 1}, b\n', {"input_format": "csv"}, ("csv", ",", ['{"a": 1}', "b"])),
    ):
        (tmp_path / name).write_text(content)
        assert opened_as(tmp_path / name, **how) == expected, (name, content)
    (tmp_path / "t.tab.gz").write_bytes(gzip.compress(b"a,b\tc\n1\t2\n"))
    assert opened_as(tmp_path / "t.tab.gz") == ("tsv", "\t", ["a,b", "c"])
    assert read_table(str(tmp_path / "t.tab.gz")).rows.to_pydict() == {"a,b": ["1"], "c": ["2"]}
    (tmp_path / "bad.jsonl").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="line 1: no JSON object"):
        opened_as(tmp_path / "bad.jsonl")


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("header", "delimiter", "columns"),
    [
        ('"x\n,a,b";a;b', ";", ["x\n,a,b", "a", "b"]),
        ('"a"\t"b"\t"\n\n"', "\t", ["a", "b", "column 3"]),
        ('\n\n"b\n"|a', "|", ["b", "a"]),
        ('a;"b,c', ",", ['a;"b', "c"]),  # under the semicolon, a quote that never closes
    ],
)
def test_the_delimiter_is_that_of_the_whole_header(
    tmp_path: Path, header: str, delimiter: str, columns: list[str], size: int
) -> None:
    (tmp_path / "t.csv").write_text(header + ("\n" + delimiter.join("1" * len(columns))) * 300)
    wanted = columns if delimiter == "," else ["a", "b"]
    with open_rows(str(tmp_path / "t.csv"), wanted, size) as given:
        assert (given.delimiter, given.columns) == (delimiter, columns)
        assert sum(chunk.rows().cells.num_rows for chunk in given.chunks) == 300


def read(path: Path, size: int, bad_rows: BadRows) -> tuple[list[list[str]], list[str], list[Rejected]]:
    """Cells, lines, and what was rejected, its row counted from the first of the file."""
    cells: list[list[str]] = []
    lines: list[str] = []
    rejected: list[Rejected] = []
    with open_rows(str(path), COLUMNS, size, bad_rows=bad_rows) as opened:
        for chunk in opened.chunks:
            rows = chunk.rows()
            rejected += [Rejected(len(cells) + bad.row, bad.line, bad.message, bad.text) for bad in rows.rejected]
            cells += [list(row.values()) for row in rows.cells.to_pylist()]
            assert chunk.lines is not None
            lines += chunk.lines().to_pylist()
    return cells, lines, rejected


def csv_line(fields: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue()[:-1]


@given(records=st.lists(st.lists(FIELD, min_size=1, max_size=5), min_size=1, max_size=10), size=st.integers(1, 60))
def test_ragged_rows_are_left_out_or_stood_for_whatever_the_blocks(tmp_path_factory, records, size) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("ragged") / "t.csv"
    written = [csv_line(record) for record in records]
    path.write_text("\n".join([",".join(COLUMNS), *written]), newline="")
    is_bad = [len(record) != 3 for record in records]
    texts = [line for line, bad in zip(written, is_bad, strict=True) if bad]

    cells, lines, rejected = read(path, size, "skip")
    assert cells == [record for record in records if len(record) == 3]
    assert lines == [line for line, bad in zip(written, is_bad, strict=True) if not bad]
    assert [bad.text for bad in rejected] == texts
    assert [bad.row for bad in rejected] == [is_bad[:i].count(False) for i, bad in enumerate(is_bad) if bad]

    cells, lines, rejected = read(path, size, "null")
    assert cells == [[*record, "", ""][:3] for record in records]
    assert lines == written
    assert [bad.text for bad in rejected] == texts
    assert [bad.row for bad in rejected] == [i for i, bad in enumerate(is_bad) if bad]
    starts = [2 + "\n".join([*written[:i], ""]).count("\n") for i in range(len(written))]
    assert [bad.line for bad in rejected] == [starts[bad.row] for bad in rejected]

    if rejected:
        with pytest.raises(DataError) as caught:
            read(path, size, "error")
        assert str(caught.value) == rejected[0].message
    else:
        assert read(path, size, "error") == (cells, lines, [])


OBJECTS = [
    '{"x": 1, "y": 2, "z": 3}', '{"x": 4, "y": 5', '', '{"x": [6], "y": 7, "z": "keep"}', '{"x": 8, "x": 9}',
    '{"z": 10}', "nothing",
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 30, 1000])
def test_lines_that_are_no_rows_are_left_out_or_stood_for(tmp_path: Path, size: int) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(OBJECTS))
    bad = [OBJECTS[i] for i in (1, 3, 4, 6)]

    cells, lines, rejected = read(path, size, "skip")
    assert cells == [["1", "2", "3"], ["", "", "10"]]
    assert [json.loads(line)["z"] for line in lines] == [3, 10]
    assert [(r.row, r.line, r.text) for r in rejected] == list(zip([1, 1, 1, 2], [2, 4, 5, 7], bad, strict=True))

    cells, lines, rejected = read(path, size, "null")
    empty = ["", "", ""]
    assert cells == [["1", "2", "3"], empty, ["[6]", "7", "keep"], empty, ["", "", "10"], empty]
    assert lines == [line for line in OBJECTS if line]
    assert [(r.row, r.line, r.text) for r in rejected] == list(zip([1, 2, 3, 5], [2, 4, 5, 7], bad, strict=True))
    assert all(r.message.startswith(f"{path}, line {r.line}: ") for r in rejected)


BROKEN = [
    (b'"1"1,2,3', ["", "", ""], "line 3: text goes on after a closing quote: '\"1\"1,2,3'; write"),
    (b'4,"a\nb"c,6', ["", "", ""], "line 3: text goes on after a closing quote on line 4: 'b\"c,6'; write"),
    (b"1,2\r2,3", ["", "", ""], "line 3: a carriage return (CR) stands where no line ends: '1,2\\r2,3'; quote"),
    (b"1,\x00,3", ["1", "\ufffd", "3"], "line 3: byte 3 is NUL"),
    ("\ufffd".encode(), ["\ufffd", "", ""], "line 3: the row has 1 field"),
]


@pytest.mark.parametrize(("record", "cells", "message"), BROKEN)
@pytest.mark.parametrize("size", [1, 5, 8, 1000])
def test_a_record_that_is_broken_is_a_bad_row(
    tmp_path: Path, record: bytes, cells: list[str], message: str, size: int
) -> None:
    path, text = tmp_path / "t.csv", record.decode(errors="replace").replace("\0", "\ufffd")
    path.write_bytes(b"x,y,z\n7,8,9\n" + record + b'\n"4",5,\n')
    sound = [["7", "8", "9"], ["4", "5", ""]]
    found, lines, (bad,) = read(path, size, "skip")
    assert (found, lines) == (sound, ["7,8,9", '"4",5,'])
    assert (bad.row, bad.line, bad.text) == (1, 3, text)
    assert message in bad.message
    assert read(path, size, "null") == ([sound[0], cells, sound[1]], ["7,8,9", text, '"4",5,'], [bad])
    with pytest.raises(DataError) as caught:
        read(path, size, "error")
    assert str(caught.value) == bad.message


@pytest.mark.parametrize(("damage", "message"), [(b'{"x": "\0", "y": 1}', "NUL"), (b"\0", "NUL")])
@pytest.mark.parametrize("size", [1, 1000])
def test_a_line_of_json_that_is_no_text_is_a_bad_row(tmp_path: Path, damage: bytes, message: str, size: int) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(damage + b'\n{"x": 1, "y": 2}\n' + damage + b'\n{"z": "\xc3\xa9"}')
    cells, lines, rejected = read(path, size, "skip")
    assert (cells, lines) == ([["1", "2", ""], ["", "", "é"]], ['{"x": 1, "y": 2}', '{"z": "é"}'])
    assert [(bad.line, message in bad.message) for bad in rejected] == [(1, True), (3, True)]
    assert read(path, size, "null")[0][2] == ["\ufffd" if len(damage) > 1 else "", "1" if b"y" in damage else "", ""]
    with pytest.raises(DataError, match=f"line 1: .* {message}"):
        read(path, size, "error")


PIECE = st.sampled_from(
    [b"a", b",", b",", b'"', b'"', b"\n", b"\n", b"\r\n", b"\r", b'""', b'"x,y"', b'"p\nq"', b"\xc3\xa9", b"\xe9",
     b"\0", "\ufeff".encode()]
)  # fmt: skip


@given(parts=st.lists(PIECE, max_size=25), size=st.integers(1, 12), bad_rows=st.sampled_from(["error", "skip", "null"]))
@example(parts=[b' "p\nq""\n\n b""p\nq"b ,"\n'], size=1, bad_rows="error")
def test_any_bytes_are_the_same_rows_whatever_the_blocks(tmp_path_factory, parts, size, bad_rows) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("bytes") / "t.csv"
    path.write_bytes(b"x,y,z\n" + b"".join(parts))

    def outcome(size: int) -> object:
        try:
            return read(path, size, bad_rows)
        except DataError as error:
            return str(error)

    whole = outcome(1 << 20)
    assert outcome(size) == whole
    assert isinstance(whole, str) or len(whole[0]) == len(whole[1])


@pytest.mark.parametrize("bad_rows", ["error", "skip", "null"])
def test_a_quote_that_never_closes_is_an_error_in_any_case(tmp_path: Path, bad_rows: BadRows) -> None:
    (tmp_path / "t.csv").write_bytes(b'x,y,z\n1,2,3\n"1,2,3\n4,5,6\n')
    with pytest.raises(DataError, match="line 3: a quote that opens here never closes"):
        read(tmp_path / "t.csv", 1 << 20, bad_rows)


@pytest.mark.parametrize("header", [b'"x"1,y,z', b"x\0,y,z"])
def test_a_header_that_is_broken_is_an_error_in_any_case(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(header + b"\n1,2,3\n")
    with pytest.raises(DataError, match="line 1"):
        read(tmp_path / "t.csv", 1 << 20, "skip")


def test_a_line_without_end_is_refused_before_memory_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncli.table.plaintext._LONGEST_LINE", 1000)
    for name, start in (("t.csv", "x,y,z\n1,2,"), ("h.csv", "x,y,"), ("t.jsonl", '{"x": 1}\n{"x": "')):
        (tmp_path / name).write_text(start + "9" * 5000)
        with pytest.raises(DataError, match="is longer than 1,000 bytes"):
            read(tmp_path / name, 100, "skip")


@pytest.mark.parametrize(("patience", "n_chunks"), [(0, 3), (20, 1)])
def test_patience_says_how_long_rows_wait_for_more(tmp_path: Path, patience: float, n_chunks: int) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with path.open("w") as pipe:
            for row in ("x,y,z\n1,2,3\n", "4,5,6\n", "7,8,9\n"):
                pipe.write(row)
                pipe.flush()
                time.sleep(0.3)

    writer = threading.Thread(target=write)
    writer.start()
    with open_rows(str(path), COLUMNS, patience=patience) as opened:
        assert [chunk.rows().cells.num_rows for chunk in opened.chunks] == ([1, 1, 1] if n_chunks == 3 else [3])
    writer.join()
