"""Chunks of rows in, lines of CSV out, in constant memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa

from nncli.bundle.model import Model
from nncli.errors import UsageError, quoted_list
from nncli.prediction.lines import DELIMITER, lines_of, numbers, quoted
from nncli.prediction.pipeline import in_order
from nncli.settings import Side
from nncli.table.arrow import number_array, text_array
from nncli.table.chunks import Chunk, Input

PREDICTION = "prediction"


@dataclass(frozen=True)
class Summary:
    """What passed."""

    n_rows: int
    unknown: dict[str, int]
    """Cells of each column that the model cannot use: levels it does not know, numbers that are none."""


@dataclass(frozen=True)
class _Scored:
    """Rows that are done."""

    text: pa.Buffer
    n_rows: int
    unknown: Mapping[str, int]


def predict_stream(model: Model, given: Input, out: BinaryIO, *, side: Side, keep: bool, threads: int) -> Summary:
    """Predicts rows as they come and writes them as they are done.

    Args:
        model: what predicts.
        given: the model's columns in any order among others.
        out: gets a header, then for each row the kept cells, the prediction, a probability for each class.
        side: the network or the trees.
        keep: whether all input columns are written too.
        threads: that predict.

    Raises:
        ModelError: a column that the model needs is missing.
        UsageError: a kept column has the name of a column that is added.
    """
    model.require(given.columns)
    kept = given.columns if keep else []
    added = [PREDICTION, *(f"probability_{name}" for name in model.classes)]
    _refuse_clash(kept, added)
    header = lines_of([quoted(text_array([name])) for name in [*kept, *added]])
    names = quoted(text_array(model.classes))

    def score(chunk: Chunk) -> _Scored:
        rows = chunk.rows().cells
        features = model.encode(rows)
        proba = model.predict_proba(features, side)
        columns = _kept(chunk, rows, given.delimiter) if keep else []
        columns += [names.take(number_array(proba.argmax(axis=1))), *map(numbers, proba.T)]
        return _Scored(lines_of(columns), rows.num_rows, features.unknown)

    n_rows, unknown = 0, Counter[str]()
    for number, scored in enumerate(in_order(score, given.chunks, threads)):
        if number == 0:
            out.write(header)
        out.write(scored.text)
        out.flush()
        n_rows += scored.n_rows
        unknown.update(scored.unknown)
    return Summary(n_rows, {name: count for name, count in unknown.items() if count})


def _kept(chunk: Chunk, rows: pa.RecordBatch, delimiter: str | None) -> list[pa.Array]:
    """All cells of rows as fields; where the output is written as the input is, the very text of the rows."""
    if chunk.lines is not None and delimiter == DELIMITER:
        return [chunk.lines()]
    return [quoted(cells) for cells in rows.columns]


def _refuse_clash(kept: Sequence[str], added: Sequence[str]) -> None:
    clash = [name for name in added if name in kept]
    if clash:
        raise UsageError(f"--keep: the data already have {quoted_list(clash)}; rename that column, or leave out --keep")
