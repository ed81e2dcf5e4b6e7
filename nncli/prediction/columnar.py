"""Columns become Parquet, in groups of a fixed number of rows, whatever pieces they come in."""

from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from nncli.errors import DataError
from nncli.prediction.layout import Layout, Scored
from nncli.table.arrow import plain

if TYPE_CHECKING:
    from pyarrow import parquet

_ROWS_OF_A_GROUP = 1 << 16


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
        self._waiting: list[pa.RecordBatch] = []

    def write(self, rows: pa.RecordBatch) -> None:
        """Writes rows, or keeps them until a group is full.

        Raises:
            DataError: they have other types than the rows before them.
        """
        if self._writer is None:
            from pyarrow import parquet  # and not above: it takes a tenth of the start of a run

            self._writer = parquet.ParquetWriter(self._stream, rows.schema)
        elif rows.schema != self._writer.schema:
            raise DataError("its columns have other types than those of the inputs before it; write them to --out-dir")
        self._waiting.append(rows)
        if sum(map(len, self._waiting)) >= _ROWS_OF_A_GROUP:
            self._write_groups()

    def close(self) -> None:
        """Writes the rest, and the file's end."""
        if self._writer is not None:
            if any(map(len, self._waiting)):
                self._writer.write_table(pa.Table.from_batches(self._waiting).combine_chunks())
            self._writer.close()

    def _write_groups(self) -> None:
        assert self._writer is not None
        table = pa.Table.from_batches(self._waiting)
        n_full = len(table) // _ROWS_OF_A_GROUP * _ROWS_OF_A_GROUP
        self._writer.write_table(table.slice(0, n_full).combine_chunks(), _ROWS_OF_A_GROUP)
        self._waiting = table.slice(n_full).to_batches()
