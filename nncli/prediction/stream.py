"""Chunks of rows in, CSV out, in constant memory."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.errors import UsageError, quoted_list
from nncli.settings import Side

PREDICTION = "prediction"


@dataclass(frozen=True)
class Summary:
    """What passed."""

    n_rows: int
    unknown: dict[str, int]
    """Cells of each column that the model cannot use: levels it does not know, numbers that are none."""


def predict_stream(model: Model, chunks: Iterator[pd.DataFrame], out: TextIO, *, side: Side, keep: bool) -> Summary:
    """Predicts rows as they come and writes them as they are done.

    Args:
        model: what predicts.
        chunks: text cells, the model's columns in any order among others.
        out: gets a header, then for each row the kept cells, the prediction, a probability for each class.
        side: the network or the trees.
        keep: whether all input columns are written too.

    Raises:
        ModelError: a column that the model needs is missing.
        UsageError: a kept column has the name of a column that is added.
    """
    writer = csv.writer(out, lineterminator="\n")
    added = [PREDICTION, *(f"probability_{name}" for name in model.classes)]
    classes = np.array(model.classes, dtype=object)
    n_rows, unknown = 0, Counter[str]()
    for number, chunk in enumerate(chunks):
        features = model.encode(chunk)
        kept = list(chunk.columns) if keep else []
        if number == 0:
            _refuse_clash(kept, added)
            writer.writerow([*kept, *added])
        proba = model.predict_proba(features, side)
        columns = [chunk[name].tolist() for name in kept]
        columns.append(classes[proba.argmax(axis=1)].tolist())
        writer.writerows(zip(*columns, *_as_text(proba), strict=True))
        out.flush()
        n_rows += len(chunk)
        unknown.update(features.unknown)
    return Summary(n_rows, {name: count for name, count in unknown.items() if count})


def _refuse_clash(kept: Sequence[str], added: Sequence[str]) -> None:
    clash = [name for name in added if name in kept]
    if clash:
        raise UsageError(f"--keep: the data already have {quoted_list(clash)}; rename that column, or leave out --keep")


def _as_text(proba: NDArray[np.float64]) -> list[list[str]]:
    """Each class's column as the shortest text that names the same single-precision number."""
    import pyarrow
    from pyarrow import compute

    columns = proba.astype(np.float32).T
    return [compute.cast(pyarrow.array(column), pyarrow.string()).to_pylist() for column in columns]
