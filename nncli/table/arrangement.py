"""What is known of rows before they are split: their classes, which belong together, which came first."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError, show
from nncli.table.arrow import numpy_array
from nncli.table.cells import chosen, is_missing, stripped, to_dates, to_numbers

Rows = NDArray[np.int64]
Labels = NDArray[np.int64]
Groups = NDArray[np.int64]


@dataclass(frozen=True)
class Arrangement:
    """What decides to which side of a split rows may go. Shape of all arrays: ``(n_rows,)``."""

    labels: Labels
    """Class numbers."""
    repeats: Groups
    """Rows with the same number have the same cells. They stay on one side where they can, if nothing else decides."""
    groups: Groups | None = None
    """Rows with the same number are never parted."""
    moments: Groups | None = None
    """The latest rows, with the largest numbers, are tested; those with the same number are never parted."""
    unit: str = "usable rows"
    """What is never parted, in words."""

    @property
    def n_units(self) -> int:
        """How many parts the rows could be split into at the most."""
        units = self.groups if self.moments is None else self.moments
        return self.labels.size if units is None else np.unique(units).size

    def groups_of(self, rows: Rows) -> Groups | None:
        """The groups of some rows; ``None`` where none were named."""
        return None if self.groups is None else self.groups[rows]

    def take(self, rows: Rows) -> "Arrangement":
        """Of some of the rows."""
        groups, moments = (None if units is None else units[rows] for units in (self.groups, self.moments))
        return replace(self, labels=self.labels[rows], repeats=self.repeats[rows], groups=groups, moments=moments)


def group_identical_rows(rows: pa.RecordBatch) -> Groups:
    """A group number per row; rows with the same cells share it. Shape: ``(n_rows,)``."""
    import pandas as pd

    hashes = pd.util.hash_pandas_object(rows.to_pandas(), index=False).to_numpy()
    return np.unique(hashes, return_inverse=True)[1].astype(np.int64)


def group_by_value(cells: pa.Array) -> Groups:
    """A group number per cell; the same values share it, and every missing cell has its own. Shape: ``(n_rows,)``.

    >>> group_by_value(pa.array(["a", "", "a ", "NA"], pa.large_string())).tolist()
    [0, 5, 0, 7]
    """
    cells = stripped(cells)
    numbers = numpy_array(cells.dictionary_encode().indices).astype(np.int64)
    return np.where(is_missing(cells), len(cells) + np.arange(len(cells)), numbers)


def rank_moments(cells: pa.Array, name: str) -> Groups:
    """The place of each cell's moment among all moments, the earliest 0. Shape: ``(n_rows,)``.

    Args:
        cells: numbers, or dates as everywhere in nncli.
        name: of their column.

    Raises:
        DataError: some are neither.
    """
    cells = stripped(cells)
    numbers, dates = to_numbers(cells), to_dates(cells)
    moments: NDArray[Any] = numbers if np.isnan(numbers).sum() <= np.isnat(dates).sum() else dates
    unread = np.isnan(moments)
    if unread.any():
        example = show(chosen(cells, unread)[0].as_py(), 30)
        raise DataError(
            f"--time '{show(name)}': {unread.sum():,} of {len(cells):,} rows have no number or date there that can be "
            f"read ('{example}'); write dates as 2024-12-31, or leave these rows out"
        )
    return np.unique(moments, return_inverse=True)[1].astype(np.int64)
