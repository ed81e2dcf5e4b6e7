"""Cells of text become missing marks, numbers, dates and category names: one rule each, used everywhere.

Both schema inference and prediction go through these functions, so a cell means the same at both times.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING_WORDS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>")
"""Cells that hold one of these, spaces aside, are missing."""

_TRUE_WORDS = ("true", "yes", "t", "y", "1", "1.0")
_FALSE_WORDS = ("false", "no", "f", "n", "0", "0.0")

DATE_PATTERN = (
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?)?"
)
"""Year first, with an optional time and zone: the only order that cannot be misread."""


def stripped(cells: pd.Series) -> pd.Series:
    """Cells without the spaces around them."""
    return cells.str.strip()


def is_missing(cells: pd.Series) -> NDArray[np.bool_]:
    """Which stripped cells are missing. Shape: ``(n_rows,)``."""
    return cells.isin(MISSING_WORDS).to_numpy()


def to_numbers(cells: pd.Series) -> NDArray[np.float64]:
    """Stripped cells as numbers; what is no finite number becomes NaN. Shape: ``(n_rows,)``.

    >>> to_numbers(pd.Series(["1", "2.5", "x", "inf"])).tolist()
    [1.0, 2.5, nan, nan]
    """
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def to_dates(cells: pd.Series) -> pd.Series:
    """Stripped cells as UTC timestamps of microseconds; what is no date becomes NaT.

    Finer digits are cut: with nanoseconds a column could not hold the year 9999 beside them.
    """
    dates = cells.where(cells.str.fullmatch(DATE_PATTERN)).str.replace("/", "-")
    dates = dates.str.replace(r" ?UTC$", "Z", regex=True).str.replace(r"(\.\d{6})\d+", r"\1", regex=True)
    return pd.to_datetime(dates, errors="coerce", utc=True, format="ISO8601").dt.as_unit("us")


def to_booleans(cells: pd.Series) -> NDArray[np.int32]:
    """Stripped cells as 1 (false), 2 (true) or 0 (missing or neither). Shape: ``(n_rows,)``.

    >>> to_booleans(pd.Series(["Yes", "no", "", "perhaps"])).tolist()
    [2, 1, 0, 0]
    """
    lower = cells.str.lower()
    return np.where(lower.isin(_TRUE_WORDS), 2, lower.isin(_FALSE_WORDS)).astype(np.int32)
