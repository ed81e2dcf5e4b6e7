"""Columns become Parquet, in groups of so many rows or bytes, whatever pieces they come in."""

from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from nncli.errors import DataError
from nncli.prediction.layout import Layout, Scored
from nncli.table.arrow import plain
from nncli.table.portions import row_bytes

if TYPE_CHECKING:
    from pyarrow import parquet

_ROWS_OF_A_GROUP, _BYTES_OF_A_GROUP = 1 << 16, 1 << 23
"""The row that makes up either is the last of a group, which is in memory until it is written. Other numbers, other
bytes of the same rows: no option may change them."""

_ROWS_AT_ONCE = 64
"""Between looks at how long a page has become: by Arrow's own number, 1,024 long texts would be one page."""


def batch(layout: Layout, scored: Scored) -> pa.RecordBatch:
    """The output's columns; those of the input have their own types where they had some, else they are text."""
    typed = layout.kept_from == "values"
    kept = scored.values(layout.kept) if typed else [scored.cells[name] for name in layout.kept]
    return pa.record_batch([*kept, *map(plain, scored.answers)], layout.names)


class ParquetSink:
    """Writes rows to a stream; the same rows give the same bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._writer: parquet.ParquetWriter | None = None
        self._begin_group()

    def write(self, rows: pa.RecordBatch) -> None:
        """Writes rows, or keeps them until a group is full.

        Raises:
            DataError: they have other types than the rows before them.
        """
        if self._writer is None:
            from pyarrow import parquet  # and not above: it takes a tenth of the start of a run

            self._writer = parquet.ParquetWriter(self._stream, rows.schema, write_batch_size=_ROWS_AT_ONCE)
        elif rows.schema != self._writer.schema:
            raise DataError("its columns have other types than those of the inputs before it; write them to --out-dir")
        while rows.num_rows:
            rows = self._fill(rows)

    def close(self) -> None:
        """Writes the rest, and the file's end."""
        if self._writer is not None:
            if self._waiting:
                self._write_group()
            self._writer.close()

    def _begin_group(self) -> None:
        self._waiting: list[pa.RecordBatch] = []
        self._rows_left, self._bytes_left = _ROWS_OF_A_GROUP, _BYTES_OF_A_GROUP

    def _fill(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Takes as many rows as the group has room for, and gives the others back."""
        ends = np.cumsum(row_bytes(rows))
        n_rows = min(int(np.searchsorted(ends, self._bytes_left)) + 1, self._rows_left, rows.num_rows)
        self._waiting.append(rows.slice(0, n_rows))
        self._rows_left -= n_rows
        self._bytes_left -= int(ends[n_rows - 1])
        if self._rows_left <= 0 or self._bytes_left <= 0:
            self._write_group()
        return rows.slice(n_rows)

    def _write_group(self) -> None:
        assert self._writer is not None
        table = pa.Table.from_batches(self._waiting).combine_chunks()
        self._begin_group()  # and not below: the pieces are a copy of what is written
        self._writer.write_table(table, _ROWS_OF_A_GROUP)
