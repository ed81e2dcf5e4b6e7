"""What is known of each column after training rows were seen, and its cells as numbers or codes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nncli.table.cells import is_missing, stripped, to_booleans, to_dates, to_numbers

MOST_LEVELS = 254
"""Most levels of a category, besides code 0. scikit-learn's trees take 255 codes, so both sides get those."""

_FEWEST_ROWS_OF_A_LEVEL = 2
DATE_PARTS = ("days", "year", "month", "day", "weekday", "hour")


@dataclass(frozen=True)
class CategoryLevels:
    """A categorical column: the levels that have a code of their own, most frequent first.

    Code 0 stands for everything else: rare in training, or never seen there. Missing cells are a level of
    their own, written as empty text, where training rows had any.
    """

    name: str
    levels: tuple[str, ...]

    @property
    def cardinality(self) -> int:
        """Number of codes, code 0 included."""
        return len(self.levels) + 1


def fit_levels(name: str, cells: pd.Series) -> CategoryLevels:
    """The levels of a categorical column; ties are broken by the level's text, not by the order of rows.

    >>> fit_levels("c", pd.Series(["a", "b", "b", "a", "b", "once"])).levels
    ('b', 'a')
    """
    counts = _level_names(cells).value_counts()
    counts = counts[counts >= _FEWEST_ROWS_OF_A_LEVEL]
    names = sorted(counts.index, key=lambda level: (-counts[level], level))
    return CategoryLevels(name, tuple(names[:MOST_LEVELS]))


def encode_levels(column: CategoryLevels, cells: pd.Series) -> tuple[NDArray[np.int32], int]:
    """Codes of a categorical column, shape ``(n_rows,)``, and how many cells hold a level without a code."""
    names = _level_names(cells)
    codes = pd.Index(column.levels, dtype="str").get_indexer(names) + 1  # type: ignore[arg-type]
    return codes.astype(np.int32), int(((codes == 0) & (names != "").to_numpy()).sum())


def _level_names(cells: pd.Series) -> pd.Series:
    cells = stripped(cells)
    return cells.where(~is_missing(cells), "")


def encode_boolean(cells: pd.Series) -> tuple[NDArray[np.int32], int]:
    """1 for false, 2 for true, 0 for missing, shape ``(n_rows,)``; and how many cells are none of these."""
    cells = stripped(cells)
    codes = to_booleans(cells)
    return codes, _unread(cells, codes == 0)


def encode_numeric(cells: pd.Series) -> tuple[NDArray[np.float64], int]:
    """Finite numbers or NaN, shape ``(n_rows, 1)``; and how many cells are neither numbers nor missing."""
    cells = stripped(cells)
    numbers = to_numbers(cells)
    return numbers[:, None], _unread(cells, np.isnan(numbers))


def encode_date(cells: pd.Series) -> tuple[NDArray[np.float64], int]:
    """Days since 1970 and the parts of :data:`DATE_PARTS`, in UTC; and how many cells are neither dates nor missing.

    Shape:
        ``(n_rows,)`` to ``(n_rows, len(DATE_PARTS))``.
    """
    cells = stripped(cells)
    dates = to_dates(cells)
    days = (dates - pd.Timestamp(0, tz="UTC").as_unit("us")) / pd.Timedelta(days=1)
    parts = dates.dt
    columns = [days, parts.year, parts.month, parts.day, parts.day_of_week, parts.hour]
    numbers = np.column_stack([column.to_numpy(dtype=np.float64, na_value=np.nan) for column in columns])
    return numbers, _unread(cells, dates.isna().to_numpy())


def _unread(cells: pd.Series, is_nothing: NDArray[np.bool_]) -> int:
    return int((is_nothing & ~is_missing(cells)).sum()) if is_nothing.any() else 0
