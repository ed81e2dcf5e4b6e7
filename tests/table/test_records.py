import csv
import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nncli.errors import DataError
from nncli.table.records import Piece, cut_pieces

FIELD = st.text(st.sampled_from('ab ,;"\r\né\ufeff'), max_size=6)
RECORDS = st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=12)
COLUMNS = ["x", "y", "z"]


def blocks_of(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def pieces_of(text: bytes, size: int = 1 << 20) -> list[Piece]:
    return list(cut_pieces(blocks_of(text, size), "file", ","))


def cells_in(pieces: list[Piece], columns: list[str] = COLUMNS) -> list[list[str]]:
    return [list(row.values()) for piece in pieces for row in piece.rows(columns, "error").cells.to_pylist()]


def written(fields: tuple[str, ...], all_quoted: bool) -> str:
    quoted = ['"' + field.replace('"', '""') + '"' for field in fields]
    plain = [not all_quoted and not set(field) & set(',"\r\n') for field in fields]
    return ",".join(f if is_plain else q for f, q, is_plain in zip(fields, quoted, plain, strict=True))


@given(
    records=RECORDS,
    size=st.integers(1, 40),
    all_quoted=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    last_end=st.booleans(),
)
def test_records_come_back_whatever_the_blocks(records, size, all_quoted, end, last_end) -> None:  # type: ignore[no-untyped-def]
    lines = [written(record, all_quoted) for record in records]
    text = end.join(lines) + (end if last_end else "")
    pieces = pieces_of(text.encode(), size)
    assert b"".join(piece.text for piece in pieces).decode() == text + ("" if last_end else "\n")
    assert cells_in(pieces) == [list(record) for record in records]
    assert [line for piece in pieces for line in piece.as_it_stands().to_pylist()] == lines


@given(text=st.text(st.sampled_from('a,"\n\r\ufeff'), max_size=30))
@example('a,5" x\n"b,c",d\n')
@example('"a","b""c"\n,\n')
def test_any_text_is_read_as_the_csv_module_reads_it_or_refused_with_it(text: str) -> None:
    """Above all: a piece that is taken for regular means the same to Arrow and to the csv module."""
    try:
        records = [record for record in csv.reader(io.StringIO(text, newline="\n"), strict=True) if record]
    except csv.Error:
        with pytest.raises(DataError, match="line"):
            cells_in(pieces_of(text.encode()))
        return
    n_columns = len(records[0]) if records else 1
    if any(len(record) != n_columns for record in records):
        return
    found = cells_in(pieces_of(text.encode()), [str(j) for j in range(n_columns)])
    assert found == records


def test_stray_quotes_and_line_ends_are_left_to_the_csv_module() -> None:
    assert [piece.is_regular for piece in pieces_of(b'a,"b ""c"" d",e\r\n')] == [True]
    assert [piece.is_regular for piece in pieces_of(b'5" x 3" pipe,b,c\n')] == [False]
    assert [piece.is_regular for piece in pieces_of(b"a,b\rc,d\n")] == [False]


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_lines_are_counted_across_pieces(size: int) -> None:
    text = b'x,y,z\n\n"two\nlines",b,c\n1,2,3\n1,2\n'
    with pytest.raises(DataError, match="line 6: the row has 2 fields, the header has 3"):
        cells_in(pieces_of(text, size))


def test_records_that_are_there_wait_for_no_block() -> None:
    """Whatever quotes stand in them: one inside of a field opens nothing."""
    blocks = iter([b'x,y,z\n5" pipe,b,c\n1,2,3\n', b"4,5,6\n"])
    pieces = cut_pieces(blocks, "file", ",")
    assert cells_in([next(pieces), next(pieces)]) == [COLUMNS, ['5" pipe', "b", "c"], ["1", "2", "3"]]
    assert next(blocks) == b"4,5,6\n"


@pytest.mark.parametrize("size", [1, 6, 1000])
def test_only_a_file_begins_with_a_byte_order_mark_and_no_piece(size: int) -> None:
    text = "x\na\n\ufeffb\n\ufeff\n".encode()
    pieces = pieces_of(text, size)
    assert cells_in(pieces, ["x"]) == [["x"], ["a"], ["\ufeffb"], ["\ufeff"]]
    assert [line for piece in pieces for line in piece.as_it_stands().to_pylist()] == ["x", "a", "\ufeffb", "\ufeff"]
    assert cells_in([pieces_of(text)[0].after(2)], ["x"]) == [["\ufeffb"], ["\ufeff"]]


def test_what_follows_the_first_records_keeps_its_place() -> None:
    (piece,) = pieces_of(b'x,y,z\n"a\nb",2,3\n4,5,6\n')
    rest = piece.after(2)
    assert (rest.line, rest.text) == (4, b"4,5,6\n")
    np.testing.assert_array_equal(rest.ends, [6])
