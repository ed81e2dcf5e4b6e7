"""Where a model does worst: slices of rows by one column or two, of which chance is told from cause.

Only slices are named whose loss is clearly above that of all rows: the interval of each is widened for the number of
slices that were looked at (Bonferroni), or the worst of hundreds would always look bad.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.metrics import Floats

FEWEST_ROWS = 30
"""Of a slice: a t interval of fewer losses, which are skewed, is not to be trusted."""
_MOST_PAIRED = 30
"""Columns that are combined with each other."""


@dataclass(frozen=True)
class Grouping:
    """Rows told apart by one column."""

    column: str
    names: tuple[str, ...]
    """Of the groups."""
    codes: NDArray[np.int64]
    """The group of each row. Shape: ``(n_rows,)``."""


@dataclass(frozen=True)
class Slice:
    """Some rows, and how a model does on them."""

    where: tuple[tuple[str, str], ...]
    """One or two columns, each with the name of its group."""
    n_rows: int
    loss: float
    """Mean of their losses."""
    low: float
    high: float
    """Of its interval, widened for the number of slices."""
    accuracy: float


@dataclass(frozen=True)
class Slices:
    """The worst, the one that is most surely bad first."""

    worst: tuple[Slice, ...]
    n_tried: int


def worst_slices(
    losses: Floats, hits: NDArray[np.bool_], groupings: Sequence[Grouping], confidence: float = 0.95, most: int = 10
) -> Slices:
    """Looks at every group of every column, and at those of every pair of columns.

    Args:
        losses: of each row, shape ``(n_rows,)``.
        hits: whether it was classified right.
        groupings: of the same rows.
        confidence: that no slice is named by chance.
        most: to name.

    Returns:
        Slices whose interval lies above the mean of all rows; of two columns only where no group of one is named.
    """
    from scipy.special import stdtrit

    tried = [*_singles(losses, hits, groupings), *_pairs(losses, hits, groupings)]
    quantile = 1 - (1 - confidence) / (2 * max(1, len(tried)))
    bad = []
    for where, n_rows, loss, deviation, accuracy in tried:
        half = float(stdtrit(n_rows - 1, quantile)) * deviation / np.sqrt(n_rows)
        if loss - half > losses.mean():
            bad.append(Slice(where, n_rows, loss, loss - half, loss + half, accuracy))
    named = {found.where[0] for found in bad if len(found.where) == 1}
    kept = [found for found in bad if len(found.where) == 1 or named.isdisjoint(found.where)]
    kept.sort(key=lambda found: -found.low)
    return Slices(tuple(kept[:most]), len(tried))


_Tried = tuple[tuple[tuple[str, str], ...], int, float, float, float]


def _singles(losses: Floats, hits: NDArray[np.bool_], groupings: Sequence[Grouping]) -> Iterator[_Tried]:
    for grouping in groupings:
        for code, *found in _moments(losses, hits, grouping.codes, len(grouping.names)):
            yield ((grouping.column, grouping.names[code]),), *found  # type: ignore[misc]


def _pairs(losses: Floats, hits: NDArray[np.bool_], groupings: Sequence[Grouping]) -> Iterator[_Tried]:
    for a, b in combinations(groupings[:_MOST_PAIRED], 2):
        n_second = len(b.names)
        for code, *found in _moments(losses, hits, a.codes * n_second + b.codes, len(a.names) * n_second):
            first, second = divmod(code, n_second)
            yield ((a.column, a.names[first]), (b.column, b.names[second])), *found  # type: ignore[misc]


def _moments(
    losses: Floats, hits: NDArray[np.bool_], codes: NDArray[np.int64], n_codes: int
) -> Iterator[tuple[int, int, float, float, float]]:
    """Of each group that has rows enough and is not all of them: rows, mean loss, its deviation, accuracy."""
    counts = np.bincount(codes, minlength=n_codes)
    sums = np.bincount(codes, losses, minlength=n_codes)
    squares = np.bincount(codes, losses**2, minlength=n_codes)
    right = np.bincount(codes, hits, minlength=n_codes)
    for code in np.flatnonzero((counts >= FEWEST_ROWS) & (counts < codes.size)).tolist():
        n_rows, mean = int(counts[code]), float(sums[code] / counts[code])
        variance = max(0.0, float(squares[code]) - n_rows * mean**2) / (n_rows - 1)
        yield code, n_rows, mean, float(np.sqrt(variance)), float(right[code] / n_rows)
