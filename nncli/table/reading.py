"""Delimited text or Parquet becomes rows whose cells are all text.

Text first, types later: a type is decided over the whole column, never per chunk.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from nncli.errors import DataError, quoted_list, show
from nncli.table.arrow import TEXT
from nncli.table.dialect import DELIMITERS, NAMELESS, column_names, find_delimiter, header_delimiter
from nncli.table.records import NEWLINE, Piece, cut_pieces
from nncli.table.source import Source, open_source, text_blocks

if TYPE_CHECKING:
    from pyarrow import parquet

_SNIFFED_LINES = 200
BLOCK_BYTES = 1 << 20
"""Of text that is parsed at once."""
_ROWS_AT_ONCE = 16_384
"""Of Parquet."""


@dataclass(frozen=True)
class Table:
    """A whole table in memory, every cell as text; empty text is an empty cell."""

    rows: pa.RecordBatch
    path: str
    sha256: str
    """Of the decompressed bytes."""
    dialect: str
    """What the reader decided, in words."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file; they are parsed when asked for, in whichever thread asks."""

    rows: Callable[[], pa.RecordBatch]
    """The cells, as text; raises DataError where they cannot be read."""
    lines: Callable[[], pa.Array] | None = None
    """Each row as it stands in the file, where that is text."""


@dataclass(frozen=True)
class Input:
    """An open file whose columns are known."""

    columns: list[str]
    delimiter: str | None
    """Between its fields, where it is text."""
    dialect: str
    """What the reader decided, in words."""
    chunks: Iterator[Chunk]


def read_table(path: str) -> Table:
    """Reads a whole file, or standard input where ``path`` is ``-``.

    Raises:
        DataError: the file is empty, has no rows, is ragged or not text; the message names the line.
        OSError: it cannot be read.
    """
    with open_source(path, hashed=True) as source, _opened(source, None, BLOCK_BYTES) as given:
        batches = [chunk.rows() for chunk in given.chunks]
    if not sum(batch.num_rows for batch in batches):
        raise DataError(f"{source.name}: has a header but no rows; there is nothing to learn from")
    return Table(pa.concat_batches(batches), path, source.sha256, given.dialect)


@contextmanager
def open_rows(path: str, needed: Sequence[str], block_bytes: int = BLOCK_BYTES) -> Iterator[Input]:
    """Opens a file or standard input to read its rows as they come.

    Args:
        path: file name, or ``-``.
        needed: columns that the header is expected to name, which tells the delimiter; of Parquet, only these must be
            cells.
        block_bytes: of text, the most of one chunk; longer where a single record is.

    Raises:
        DataError: as :func:`read_table`, when the reader gets to the line.
    """
    with open_source(path) as source, _opened(source, needed, block_bytes) as given:
        yield given


@contextmanager
def _opened(source: Source, needed: Sequence[str] | None, block_bytes: int) -> Iterator[Input]:
    if source.is_parquet:
        with tempfile.TemporaryFile() as copy:  # it is read from its end, which a pipe cannot give
            shutil.copyfileobj(source.stream, copy)
            yield _parquet(copy, source.name, needed)
    else:
        yield _text(source, needed, block_bytes)


def _text(source: Source, needed: Sequence[str] | None, block_bytes: int) -> Input:
    blocks = text_blocks(source, block_bytes)
    head = _beginning(blocks, _SNIFFED_LINES if needed is None else 1)
    lines = head.decode("utf-8", errors="replace").splitlines(keepends=True)
    if not any(map(str.strip, lines)):
        raise DataError(f"{source.name}: begins with blank lines only; expected a header line and rows")
    if needed is None:
        delimiter = find_delimiter(lines[:_SNIFFED_LINES], source.name)
    else:
        delimiter = header_delimiter(next(filter(str.strip, lines)), needed)
    pieces = cut_pieces(chain([head], blocks), source.name, delimiter)
    header, first = _header(pieces, source.name)
    columns = column_names(header)
    _check_names(columns, source.name)
    chunks = (Chunk(partial(piece.rows, columns), piece.as_it_stands) for piece in chain([first], pieces))
    return Input(columns, delimiter, f"{DELIMITERS[delimiter]}-separated{_nameless(columns, header)}", chunks)


def _header(pieces: Iterator[Piece], name: str) -> tuple[list[str], Piece]:
    """The fields of the first record that is not blank, and what comes after it in its piece."""
    for piece in pieces:
        for number, (_, fields) in enumerate(piece.records(), start=1):
            if fields:
                return fields, piece.after(number)
    raise DataError(f"{name}: its first record is cut off; expected a header line and rows")


def _beginning(blocks: Iterator[bytes], n_lines: int) -> bytes:
    """At least so many lines that are not blank at the beginning; fewer where there are no more."""
    head = b""
    for block in blocks:
        head += block
        if head.lstrip().count(NEWLINE) >= n_lines:
            break
    return head


def _nameless(columns: list[str], header: list[str]) -> str:
    """What to say of columns that the header does not name, such as the index that pandas writes."""
    given = [name for name in columns if name.startswith(NAMELESS) and name not in header]
    return f"; the header leaves a name out, here {quoted_list(given)}" if given else ""


def _check_names(columns: list[str], name: str) -> None:
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise DataError(f"{name}, line 1: the header names {quoted_list(repeated)} twice; rename one of them")


def _parquet(stream: IO[bytes], name: str, needed: Sequence[str] | None) -> Input:
    from pyarrow import parquet

    with _refused(name):
        file = parquet.ParquetFile(stream)
    columns = file.schema_arrow.names
    _check_names(columns, name)
    return Input(columns, None, "Parquet", _parquet_chunks(file, name, needed))


def _parquet_chunks(file: "parquet.ParquetFile", name: str, needed: Sequence[str] | None) -> Iterator[Chunk]:
    yield Chunk(partial(_as_text, file.schema_arrow.empty_table(), name, needed))
    with _refused(name):
        for batch in file.iter_batches(_ROWS_AT_ONCE):
            yield Chunk(partial(_as_text, pa.Table.from_batches([batch]), name, needed))


@contextmanager
def _refused(name: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowException as error:
        raise DataError(f"{name}: is not a sound Parquet file ({error}); write it anew") from error


def _as_text(table: pa.Table, name: str, needed: Sequence[str] | None) -> pa.RecordBatch:
    columns = []
    for column, values in zip(table.column_names, table.columns, strict=True):
        try:
            text = pc.fill_null(pc.cast(values, TEXT), "")
        except pa.ArrowException as error:
            if needed is None or column in needed:
                raise DataError(
                    f"{name}, column '{show(column)}': {values.type} cannot be read as cells of a table; leave it out"
                ) from error
            text = pa.chunked_array([[str(value) for value in values.to_pylist()]], TEXT)  # kept, not learned from
        columns.append(text.combine_chunks())
    return pa.record_batch(columns, table.column_names)
