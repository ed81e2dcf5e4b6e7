"""Parquet becomes rows whose cells are all text, in memory that does not grow with the file."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

import pyarrow as pa
from pyarrow import parquet

from nncli.errors import DataError, inert, show
from nncli.table.chunks import Chunk, Input, Rows
from nncli.table.dialect import check_names
from nncli.table.typed import cells_of

_ROWS_AT_ONCE = 16_384
_BUFFER_BYTES = 1 << 16
"""Of each column. Without a buffer, the columns of a whole row group are read at once, and that may be the file."""


def open_parquet(file: BinaryIO, name: str, needed: Collection[str] | None) -> Input:
    """A Parquet file that can be read in any order.

    Args:
        file: open.
        name: of the file, for messages.
        needed: columns that must be cells; ``None``: all.

    Raises:
        DataError: it is damaged; a chunk's rows: a column that is needed has a type that is no cell's.
    """
    with _refused(name):
        opened = parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
    columns = opened.schema_arrow.names
    check_names(columns, name)
    return Input(columns, None, "parquet", "Parquet", _chunks(opened, name, needed))


def _chunks(file: parquet.ParquetFile, name: str, needed: Collection[str] | None) -> Iterator[Chunk]:
    schema = file.schema_arrow
    yield _chunk(pa.record_batch([pa.nulls(0, field.type) for field in schema], schema=schema), name, needed)
    with _refused(name):
        # One thread: the others are busy with the rows before, and each would keep memory of its own.
        for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
            yield _chunk(batch, name, needed)


def _chunk(batch: pa.RecordBatch, name: str, needed: Collection[str] | None) -> Chunk:
    return Chunk(partial(_as_text, batch, name, needed), values=lambda: batch)


@contextmanager
def _refused(name: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowMemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's word, not Arrow's
        what = inert(" ".join(str(error).split()))
        raise DataError(f"{name}: the Parquet file is damaged ({what}); write it anew") from error


def _as_text(batch: pa.RecordBatch, name: str, needed: Collection[str] | None) -> Rows:
    columns = []
    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        try:
            if pa.types.is_nested(values.type) and (needed is None or column in needed):
                raise DataError(f"{show(values.type)} cannot be read as cells of a table; leave it out")
            columns.append(cells_of(values))
        except DataError as error:
            raise DataError(f"{name}, column '{show(column)}': {error}") from error
    return Rows(pa.record_batch(columns, batch.schema.names))
