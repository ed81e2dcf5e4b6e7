"""Rows whose class is known, read to see how a model does on them; and how they fall into groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.errors import DataError, nearest_names, quoted_list, show
from nncli.evaluation.sampling import Sample
from nncli.evaluation.slices import Grouping
from nncli.features.encoder import Features
from nncli.settings import ReadingSettings
from nncli.table.arrangement import group_by_value
from nncli.table.arrow import mask_array
from nncli.table.cells import chosen, is_missing, stripped, to_codes
from nncli.table.encoding import Foreign
from nncli.table.reading import read_table
from nncli.table.weights import read_weights

_QUARTERS = (0.25, 0.5, 0.75)
_MISSING, _OTHER = "missing", "other"


@dataclass(frozen=True)
class LabelledRows:
    """Rows of a file that have a class."""

    path: str
    target: str
    """Name of the column of the class."""
    sha256: str
    """Of the file, decompressed."""
    rows: pa.RecordBatch
    labels: NDArray[np.int64]
    """Class numbers of the model. Shape: ``(n_rows,)``."""
    numbers: NDArray[np.int64]
    """Of the rows among all of the file, from 1."""
    n_unlabelled: int
    """Rows without a class, which are left out."""
    weight_column: str | None
    """Says how much each row counts; ``None``: every row counts once."""
    weights: NDArray[np.float64] | None
    """Shape: ``(n_rows,)``."""
    n_weightless: int
    """Rows of weight 0, which are left out."""
    groups: NDArray[np.int64] | None
    """Rows with the same number belong together, where the model's rows did and a column says which.
    Shape: ``(n_rows,)``."""
    foreign: Foreign | None
    """Lines of the file that are no UTF-8."""

    @property
    def sample(self) -> Sample:
        """How the rows were sampled."""
        return Sample(self.labels.size, self.weights, self.groups)


def read_labelled(
    path: str,
    model: Model,
    target: str | None,
    weight_column: str | None = None,
    reading: ReadingSettings | None = None,
) -> LabelledRows:
    """Reads a whole file.

    Args:
        path: of the file, or ``-``.
        model: whose columns and classes it has.
        target: the column of the class; ``None``: that of the model's training.
        weight_column: says how much each row counts; ``None``: every row counts once.
        reading: how text is read; ``None``: as the data that the model learned from.

    Raises:
        DataError: there is no such column, no row has a class, one has a class that the model does not know, or a
            weight is no number from 0 on.
        ModelError: a column is missing that the model needs.
    """
    schema = model.description.schema
    table = read_table(path, reading or schema.reading)
    name = target or schema.target
    columns = table.rows.schema.names
    if name not in columns:
        raise DataError(f"target '{show(name)}': no such column; {nearest_names(name, columns)}")
    model.require(columns)
    cells = stripped(table.rows[name])
    has_label = ~is_missing(cells)
    weights = None if weight_column is None else read_weights(table.rows, weight_column)
    weightless = np.zeros_like(has_label) if weights is None else weights == 0
    counts = has_label & ~weightless
    labels = _labels(chosen(cells, counts), name, model.classes)
    group = model.description.provenance.group
    return LabelledRows(
        path=path,
        target=name,
        sha256=table.sha256,
        rows=schema.plain(table.rows, table.format).filter(mask_array(counts)),
        labels=labels,
        numbers=np.flatnonzero(counts) + 1,
        n_unlabelled=int((~has_label).sum()),
        weight_column=weight_column,
        weights=None if weights is None else weights[counts],
        n_weightless=int((has_label & weightless).sum()),
        groups=group_by_value(table.rows[group])[counts] if group in columns else None,
        foreign=table.foreign,
    )


def _labels(cells: pa.Array, name: str, classes: Sequence[str]) -> NDArray[np.int64]:
    """The class numbers that cells of the target name, one at least.

    Raises:
        DataError: there is no cell, or a class that is not among ``classes``.
    """
    where, labels = f"target '{show(name)}'", to_codes(cells, classes)
    if not labels.size:
        raise DataError(f"{where}: no row that counts has a value; there is nothing to compare with")
    unknown = cells.filter(mask_array(labels < 0)).unique().to_pylist()
    if unknown:
        known = quoted_list(list(classes), 10)
        what = f"{quoted_list(unknown)} is no class of the model, which knows {known}"
        raise DataError(f"{where}: {what}; leave those rows out, or train anew")
    return labels


def groupings(model: Model, features: Features) -> Iterator[Grouping]:
    """Groups of rows for each column: numbers by quarters of these rows, categories by their levels.

    Args:
        model: whose columns they are; dates and texts make no groups.
        features: of the rows.
    """
    encoder = model.description.encoder
    for j, name in enumerate(encoder.numeric):
        yield _quarters(name, features.x_num[:, j])
    yield from level_groupings(model, features)


def level_groupings(model: Model, features: Features) -> Iterator[Grouping]:
    """Groups of rows for each boolean and each category, by their levels.

    Args:
        model: whose columns they are.
        features: of the rows.
    """
    encoder = model.description.encoder
    n_booleans = len(encoder.booleans)
    for j, name in enumerate(encoder.booleans):
        yield Grouping(name, (_MISSING, "false", "true"), features.x_cat[:, j].astype(np.int64))
    for j, column in enumerate(encoder.categories, start=n_booleans):
        names = (_OTHER, *(level or _MISSING for level in column.levels))
        yield Grouping(column.name, names, features.x_cat[:, j].astype(np.int64))


def _quarters(name: str, values: NDArray[np.float64]) -> Grouping:
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, _QUARTERS)) if known.size else np.zeros(0)
    codes = np.where(np.isnan(values), edges.size + 1, np.searchsorted(edges, values)).astype(np.int64)
    shown = [f"{edge:.6g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(shown)]
    names = [f"up to {shown[0]}", *between, f"above {shown[-1]}"] if shown else ["none"]
    return Grouping(name, (*names, _MISSING), codes)
