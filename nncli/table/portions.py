"""Rows whose values have types, in portions that take about as many bytes as so much text."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.table.arrow import number_array, numpy_array
from nncli.table.typed import items_of, stored

_PER_CELL = 4
"""Bytes of a cell beside those of its value: a number's text is longer than the number."""


def portions(batches: Iterable[pa.RecordBatch], n_cells: int, most_bytes: int) -> Iterator[pa.RecordBatch]:
    """The same rows in order, in batches of so many bytes at the most, unless a single row has more.

    Batches whose dictionaries differ stay apart: united, their dictionaries would depend on where portions end.

    Args:
        batches: of any number of rows.
        n_cells: how many of their columns become cells at once.
        most_bytes: of a portion.
    """
    waiting: list[pa.RecordBatch] = []
    room = most_bytes
    for batch, goes_on in _sharing_dictionaries(batches):
        for piece, size in _cut(batch, n_cells, room if goes_on else most_bytes, most_bytes):
            if waiting and (size > room or not goes_on):
                yield _united(waiting)
                waiting, room = [], most_bytes
            waiting.append(piece)
            room -= size
            goes_on = True
    if waiting:
        yield _united(waiting)


def _cut(batch: pa.RecordBatch, n_cells: int, room: int, most_bytes: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Pieces and their bytes: what there is room for, if anything, and then as much as may be, a row at least."""
    ends = np.cumsum(row_bytes(batch) + _PER_CELL * n_cells)
    start, before = 0, 0
    while start < batch.num_rows:
        end = int(np.searchsorted(ends, before + room, side="right"))
        if end > start or room == most_bytes:
            end = max(end, start + 1)
            yield batch.slice(start, end - start), int(ends[end - 1]) - before
            start, before = end, int(ends[end - 1])
        room = most_bytes


def row_bytes(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """Bytes of each row's values; the same wherever batches end, and whatever dictionaries hold the values.

    Shape:
        ``(n_rows,)``.
    """
    found: NDArray[np.int64] = sum(map(_value_bytes, batch.columns), np.zeros(batch.num_rows, dtype=np.int64))
    return found


def _value_bytes(values: pa.Array) -> Any:
    """Of each value, an array; or of every one, a number."""
    values = stored(values)
    kind = values.type
    if pa.types.is_dictionary(kind):
        in_dictionary = np.broadcast_to(_value_bytes(values.dictionary), len(values.dictionary))
        return numpy_array(number_array(in_dictionary).take(values.indices))
    if pa.types.is_struct(kind):
        return sum(_value_bytes(pc.struct_field(values, number)) for number in range(kind.num_fields))
    if pa.types.is_nested(kind):
        ends, items = items_of(values)
        totals = np.concatenate([[0], np.cumsum(np.broadcast_to(_value_bytes(items), len(items)))])
        return np.diff(totals[ends])
    if pa.types.is_null(kind):
        return 0
    try:
        return -(-kind.bit_width // 8)
    except ValueError:  # it has no fixed width
        return numpy_array(pc.binary_length(values)).astype(np.int64)


def _sharing_dictionaries(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, bool]]:
    """Batches, and whether each has the dictionaries of the one before; Arrow would make copies for each of them."""
    last: pa.RecordBatch | None = None
    for batch in batches:
        last, goes_on = (batch, True) if last is None else _with_dictionaries_of(last, batch)
        yield last, goes_on


def _with_dictionaries_of(last: pa.RecordBatch, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, bool]:
    kinds = batch.schema.types
    places = [place for place, kind in enumerate(kinds) if pa.types.is_dictionary(kind)]
    if not all(batch.column(place).dictionary.equals(last.column(place).dictionary) for place in places):
        return batch, False
    for place in places:
        indices, dictionary = batch.column(place).indices, last.column(place).dictionary
        shared = pa.DictionaryArray.from_arrays(indices, dictionary, ordered=kinds[place].ordered)
        batch = batch.set_column(place, batch.schema.field(place), shared)
    return batch, True


def _united(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
