import bz2
import gzip
import lzma
import time
from pathlib import Path

import pandas as pd
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import frame_of

from nncli.errors import DataError
from nncli.table.reading import open_rows, read_table

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def read(path: Path, content: bytes) -> pd.DataFrame:
    return frame_of(read_table(write(path, content)).rows)


def read_chunks(path: str, columns: list[str], block_bytes: int = 1 << 20) -> list[pd.DataFrame]:
    with open_rows(path, columns, block_bytes) as given:
        return [frame_of(chunk.rows().cells) for chunk in given.chunks]


def test_reads_text_cells_as_they_are(tmp_path: Path) -> None:
    frame = read(tmp_path / "t.csv", b'a,b\n 01,"x, ""y"""\n,NA\n')
    assert frame.to_dict("list") == {"a": [" 01", ""], "b": ['x, "y"', "NA"]}


@pytest.mark.parametrize(("delimiter", "name"), [(",", "comma"), ("\t", "tab"), (";", "semicolon"), ("|", "bar")])
def test_finds_the_delimiter(tmp_path: Path, delimiter: str, name: str) -> None:
    content = "\n".join(delimiter.join(row) for row in (["a", "b", "c"], ["1,5", "2", "x"], ["2", "3", "y"]))
    if delimiter == ",":
        content = content.replace("1,5", "1")
    table = read_table(write(tmp_path / "t.txt", content.encode()))
    assert table.rows.schema.names == ["a", "b", "c"]
    assert table.dialect == f"{name}-separated"


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, pyarrow.compress])
def test_decompresses_by_content_not_by_name(tmp_path: Path, compress) -> None:  # type: ignore[no-untyped-def]
    content = b"a,b\n1,2\n"
    data = compress(content, codec="zstd", asbytes=True) if compress is pyarrow.compress else compress(content)
    assert read(tmp_path / "data", data).to_dict("list") == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize(
    ("encoding", "end"),
    [
        *((encoding, end) for encoding in ("utf-8", "utf-8-sig", "utf-16") for end in ("\n", "\r\n")),
        ("utf-8", "\r"),
        ("utf-8-sig", "\r"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    content = end.join(["näme,b", "ü,2", ""]).encode(encoding)
    assert read(tmp_path / "t.csv", content).to_dict("list") == {"näme": ["ü"], "b": ["2"]}


def test_line_ends_that_were_written_twice_are_one(tmp_path: Path) -> None:
    assert read(tmp_path / "t.csv", b"a,b\r\r\n1,2\r\r\n3,4\r\r\n").to_dict("list") == {
        "a": ["1", "3"],
        "b": ["2", "4"],
    }


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    for character in "\u2028\x0b\x0c\x1c\x85":
        content = f"a|b|c,d\n1,{character}2\n".encode()
        assert read(tmp_path / "t.csv", content).to_dict("list") == {"a|b|c": ["1"], "d": [f"{character}2"]}


def test_names_are_trimmed_and_made_where_they_are_left_out(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "t.csv", b", a, b\n0,1,2\n"))
    assert table.rows.to_pydict() == {"column 1": ["0"], "a": ["1"], "b": ["2"]}
    assert "leaves a name out, here 'column 1'" in table.dialect


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    assert len(read(tmp_path / "t.csv", b"a,b\n\n1,2\n\n3,4\n\n")) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "blank lines only"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,2\n1,2,3\n", "line 3: the row has 3 fields, the header has 2"),
        (b"a,b\n1,2,9\n3,4,9\n", "line 2: the row has 3 fields, the header has 2"),
        (b"a,b,c\n1,2\n", "line 2: the row has 2 fields, the header has 3"),
        (b"a,b\n1,2\n1,\x00\n", "line 3: byte 3 is NUL"),
        (b'a,b\n1,2\n"x,2\n3,4\n', "line 3: a quote that opens here never closes: '\"x,2'"),
        (b'a,b\n"x"y,2\n', "line 2"),
        (b"Export of May\na,b,c\n1,2,3\n4,5,6\n", "line 1: 'Export of May' is not a header"),
        (b"a:b\n1:2\n", "only one column was found"),
        (b"\x1f\x8b\x08\x00damaged, cut", "the gzip data is damaged"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 9999, mtime=0)[:-20], "the gzip data is cut off before its end"),
        (pyarrow.compress(b"a,b\n" + b"1,2\n" * 9999, codec="zstd", asbytes=True)[:-9], "the zstd data is damaged"),
        (b"PAR1\x15 no parquet PAR1", "the Parquet file is damaged"),
    ],
)
def test_unusable_files_are_refused_with_their_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path / "t.csv", content)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=20), chunk=st.integers(1, 7))
def test_any_cells_come_back_whatever_the_chunk_size(tmp_path_factory, rows, chunk) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("round") / "t.csv"
    written = pd.DataFrame(rows, columns=["first", "second"], dtype="str")
    written.to_csv(path, index=False, lineterminator="\n", quoting=1)
    chunks = read_chunks(str(path), ["first", "second"], chunk)
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), written)


def test_a_header_alone_gives_one_empty_chunk(tmp_path: Path) -> None:
    (chunk,) = read_chunks(write(tmp_path / "t.csv", b"a,b\n"), ["a"])
    assert list(chunk.columns) == ["a", "b"]
    assert len(chunk) == 0


def test_many_columns_are_told_apart_in_no_time(tmp_path: Path) -> None:
    header = ",".join(f"c{j}" for j in range(40_000))
    started = time.process_time()
    with open_rows(write(tmp_path / "t.csv", header.encode() + b"\n"), ["c0"]) as given:
        assert len(given.columns) == 40_000
    assert time.process_time() - started < 2
