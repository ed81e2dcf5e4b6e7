"""Chunks of rows in, pieces of output with the answers out, in order and in constant memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.prediction import columnar, delimited, jsonlines
from nncli.prediction.answers import Answering
from nncli.prediction.layout import Layout, Scored
from nncli.prediction.pipeline import in_order
from nncli.settings import OutputFormat
from nncli.table.arrow import mask_array, number_array
from nncli.table.cells import is_missing, stripped
from nncli.table.chunks import Chunk, Input, Rejected, Rows
from nncli.table.encoding import Foreign

Piece = Any
"""Bytes of the output, or of Parquet its columns: a buffer or a record batch of Arrow, which has no types."""
_WRITE: dict[OutputFormat, Callable[[Layout, Scored], Piece]] = {
    "csv": delimited.lines,
    "tsv": delimited.lines,
    "jsonl": jsonlines.lines,
    "parquet": columnar.batch,
}


@dataclass(frozen=True)
class Passed:
    """Rows that are done."""

    piece: Piece
    n_rows: int
    """That were read or rejected."""
    unknown: Mapping[str, int]
    """Cells of each column that the model cannot use: levels it does not know, numbers that are none."""
    filled: frozenset[str]
    """Columns of the model that have a value in any of these rows."""
    rejected: tuple[Rejected, ...]
    keys: Sequence[str] | None
    """All that the objects name, where they are JSON Lines."""
    foreign: Foreign | None
    """Lines that are no UTF-8."""


def predict_stream(asked: Answering, layout: Layout, given: Input, threads: int) -> Iterator[Passed]:
    """Predicts rows as they come.

    Args:
        asked: the model, and what it is to answer.
        layout: of the output.
        given: the model's columns in any order among others.
        threads: that predict.

    Raises:
        DataError: a row cannot be read, where that is an error.
    """
    schema, columns = asked.model.description.schema, asked.model.description.encoder.columns
    has_stand_ins = asked.settings.bad_rows == "null"

    def score(chunk: Chunk) -> Passed:
        rows = chunk.rows()
        is_sound = _sound(rows) if has_stand_ins else np.ones(rows.cells.num_rows, dtype=bool)
        sound = rows.cells if is_sound.all() else rows.cells.filter(mask_array(is_sound))
        plain = schema.plain(sound, given.format)
        features = asked.model.encode(plain)
        answers = [_spread(column, is_sound) for column in asked.columns(features)]
        piece = _WRITE[layout.format](layout, Scored(rows.cells, chunk, answers, is_sound))
        n_rows = int(is_sound.sum()) + len(rows.rejected)
        filled = frozenset(name for name in columns if _has_value(plain[name]))
        return Passed(piece, n_rows, features.unknown, filled, rows.rejected, rows.keys, chunk.foreign)

    return in_order(score, given.chunks, threads)


def _has_value(cells: pa.Array) -> bool:
    """Whether any cell does; mostly the first one tells."""
    return any(not is_missing(stripped(some)).all() for some in (cells[:1], cells[1:]))


def _sound(rows: Rows) -> NDArray[np.bool_]:
    is_sound = np.ones(rows.cells.num_rows, dtype=bool)
    is_sound[[bad.row for bad in rows.rejected]] = False
    return is_sound


def _spread(answers: pa.Array, is_sound: NDArray[np.bool_]) -> pa.Array:
    """Answers to sound rows, with null for the others between them."""
    if is_sound.all():
        return answers
    places = number_array(np.cumsum(is_sound) - 1)
    nulls = pa.Array.from_buffers(places.type, len(places), [mask_array(is_sound).buffers()[1], places.buffers()[1]])
    return answers.take(nulls)
