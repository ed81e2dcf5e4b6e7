"""Parquet becomes rows whose cells are all text, in memory that does not grow with the file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from nncli.errors import DataError, inert, show
from nncli.table.chunks import Chunk, Input, Rows, Wanted
from nncli.table.dialect import check_names
from nncli.table.portions import portions
from nncli.table.signatures import ends_as_parquet
from nncli.table.typed import cells_of

_ROWS_AT_ONCE, _BYTES_AT_ONCE = 256, 1 << 20
"""That are decoded at once, the most. Of every run: dictionaries may depend on it, and the output on dictionaries."""
_BUFFER_BYTES = 1 << 16
"""Of each column. Without a buffer, the columns of a whole row group are read at once, and that may be the file."""


def open_parquet(file: BinaryIO, name: str, wanted: Wanted | None, block_bytes: int) -> Input:
    """A Parquet file that can be read in any order.

    Args:
        file: open.
        name: of the file, for messages.
        wanted: of its columns; ``None``: all, as cells.
        block_bytes: the most of one chunk, as text; longer where a single row is.

    Raises:
        DataError: it is damaged or cut off; a chunk's rows: a column that is needed has a type that is no cell's.
    """
    _refuse_cut(file, name)
    with _refused(name):
        opened = parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        columns = opened.schema_arrow.names
    check_names(columns, name)
    read = _among(columns, None if wanted is None or wanted.kept is None else {*wanted.needed, *wanted.kept})
    cells = _among(read, None if wanted is None else set(wanted.needed))
    chunks = (_chunk(batch, name, cells) for batch in _batches(opened, name, read, len(cells), block_bytes))
    return Input(columns, None, "parquet", "Parquet", chunks)


def _refuse_cut(file: BinaryIO, name: str) -> None:
    file.seek(max(0, file.seek(0, os.SEEK_END) - 4))
    if not ends_as_parquet(file.read(4)):
        what = "begins as Parquet does, but does not end so: it is cut off, or is still being written"
        raise DataError(f"{name}: {what}; copy or write it anew")


def _among(columns: list[str], names: set[str] | None) -> list[str]:
    return columns if names is None else [column for column in columns if column in names]


def _chunk(batch: pa.RecordBatch, name: str, cells: list[str]) -> Chunk:
    return Chunk(partial(_as_cells, batch, name, cells), values=lambda: batch)


def _batches(
    file: parquet.ParquetFile, name: str, wanted: list[str], n_cells: int, block_bytes: int
) -> Iterator[pa.RecordBatch]:
    """The rows of the columns that are wanted, after a batch of none."""
    schema = file.schema_arrow
    fields = [schema.field(column) for column in wanted]
    yield pa.record_batch([pa.nulls(0, field.type) for field in fields], schema=pa.schema(fields))
    with _refused(name):
        # One thread: the others are busy with the rows before, and each would keep memory of its own.
        read = file.iter_batches(_rows_at_once(file, wanted), columns=wanted, use_threads=False)
        # By name once more: Parquet takes a column `a.b` for a member of `a`, too.
        yield from portions((batch.select(wanted) for batch in read), n_cells, block_bytes)


def _rows_at_once(file: parquet.ParquetFile, wanted: list[str]) -> int:
    """Few even where rows seem to be short: a value that is repeated stands in the file only once."""
    names = set(wanted)
    paths = [file.schema.column(number).path for number in range(file.metadata.num_columns)]
    read = [number for number, path in enumerate(paths) if not names.isdisjoint((path, path.split(".")[0]))]
    widest = 1
    for group in map(file.metadata.row_group, range(file.metadata.num_row_groups)):
        n_bytes = sum(group.column(number).total_uncompressed_size for number in read)
        widest = max(widest, n_bytes // max(group.num_rows, 1))
    return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // widest))


@contextmanager
def _refused(name: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last: of a column's name
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's word, not Arrow's
        what = inert(" ".join(str(error).split()))
        raise DataError(f"{name}: the Parquet file is damaged ({what}); write it anew") from error


def _as_cells(batch: pa.RecordBatch, name: str, columns: list[str]) -> Rows:
    cells = []
    for column in columns:
        values = batch.column(column)
        try:
            if pa.types.is_nested(values.type):
                raise DataError(f"{show(values.type)} cannot be read as cells of a table; leave it out")
            cells.append(cells_of(values))
        except DataError as error:
            raise DataError(f"{name}, column '{show(column)}': {error}") from error
    return Rows(pa.record_batch(cells, columns))
