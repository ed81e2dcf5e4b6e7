"""A column beside the labels: all that the tests for leaks look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import show
from nncli.guard.findings import Finding, Level
from nncli.guard.levels import Levels, Told, coarse, levels_of, tell
from nncli.table.arrangement import Labels
from nncli.table.arrow import number_array
from nncli.table.cells import stripped
from nncli.table.schema import Column
from nncli.table.target import Target

FEWEST_ROWS = 30
"""Below it chance leaks the target."""
_MOST_ROWS, _MOST_CELLS = 20_000, 5_000_000

REMEDY = "if it is known only after the outcome, remove it from the data"


@dataclass(frozen=True)
class Evidence:
    """A sample of the rows, and all rows for what a sample cannot say."""

    column: Column
    target: Target
    rows: pa.RecordBatch
    sample: NDArray[np.int64]

    @property
    def n_classes(self) -> int:
        """Of the target."""
        return len(self.target.classes)

    @cached_property
    def labels(self) -> Labels:
        """Of the sample."""
        return self.target.labels[self.sample]

    @cached_property
    def cells(self) -> pa.Array:
        """Of the sample, stripped."""
        return stripped(self.rows[self.column.name].take(number_array(self.sample)))

    @cached_property
    def levels(self) -> Levels:
        """Of the sample."""
        return levels_of(self.column.kind, self.cells)

    @cached_property
    def all_levels(self) -> Levels:
        """Of all rows."""
        if self.sample.size == self.target.labels.size:
            return self.levels
        return levels_of(self.column.kind, stripped(self.rows[self.column.name]))

    @cached_property
    def told(self) -> Told:
        """What the column alone tells."""
        return tell(coarse(self.levels), self.labels, self.n_classes)

    def finding(self, code: str, level: Level, message: str) -> Finding:
        """On this column."""
        return Finding(code, level, (self.column.name,), f"column '{show(self.column.name)}' {message}")


def collect(rows: pa.RecordBatch, columns: Sequence[Column], target: Target) -> list[Evidence]:
    """Of each column, from the same rows; from fewer where the columns are many; nothing where the rows are too few.

    Args:
        rows: those that have a target, every cell as text.
        columns: to look at.
        target: of these rows.
    """
    if rows.num_rows < FEWEST_ROWS:
        return []
    n_looked_at = min(_MOST_ROWS, max(1000, _MOST_CELLS // max(1, len(columns))))
    sample = np.sort(np.random.default_rng(0).permutation(rows.num_rows)[:n_looked_at])
    return [Evidence(column, target, rows, sample) for column in columns]
