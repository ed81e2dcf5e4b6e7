"""What is known of each column after training rows were seen, and its cells as numbers or codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.table.arrow import mask_array, numpy_array, text_scalar
from nncli.table.cells import is_missing, stripped, to_booleans, to_codes, to_dates, to_numbers

MOST_LEVELS = 254
"""Most levels of a category, besides code 0. scikit-learn's trees take 255 codes, so both sides get those."""

LARGEST_NUMBER, SMALLEST_NUMBER = float(np.finfo(np.float32).max), 1e-290
"""What is beyond counts as that, what is smaller as zero: no measurement is lost."""
_FEWEST_ROWS_OF_A_LEVEL = 2
_WEEKDAY_OF_1970 = 3
DATE_PARTS = ("days", "year", "month", "day", "weekday", "hour")

Encoded = tuple[NDArray[Any], int]
"""A value or a row of values for each cell; and how many cells are neither missing nor what the column holds."""


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

    def is_sound(self) -> bool:
        """Whether every level has one code, and the trees can hold all of them."""
        return len(set(self.levels)) == len(self.levels) <= MOST_LEVELS


def fit_levels(name: str, cells: pa.Array) -> CategoryLevels:
    """The levels of a categorical column; ties are broken by the level's text, not by the order of rows.

    >>> fit_levels("c", pa.array(["a", "b", "b", "a", " b", "once"], pa.large_string())).levels
    ('b', 'a')
    """
    counts = level_counts(cells)
    frequent = {level: n for level, n in counts.items() if n >= _FEWEST_ROWS_OF_A_LEVEL}
    return CategoryLevels(name, tuple(most_frequent(frequent)[:MOST_LEVELS]))


def level_counts(cells: pa.Array) -> dict[str, int]:
    """How many cells hold each level; missing cells are one, written as empty text."""
    counted = _level_names(stripped(cells)).value_counts()
    return dict(zip(*(counted.field(i).to_pylist() for i in range(2)), strict=True))


def most_frequent(counts: Mapping[str, int]) -> list[str]:
    """Levels, the most frequent first, those of the same number by their text."""
    return sorted(counts, key=lambda level: (-counts[level], level))


def encode_levels(column: CategoryLevels, cells: pa.Array) -> Encoded:
    """Codes of a categorical column; shape ``(n_rows,)``, int32."""
    return _by_distinct(cells, lambda cells: _coded(to_codes(_level_names(cells), column.levels) + 1))


def _level_names(cells: pa.Array) -> pa.Array:
    """Stripped cells, those that are missing as empty text."""
    return pc.if_else(mask_array(is_missing(cells)), text_scalar(""), cells)


def encode_boolean(cells: pa.Array) -> Encoded:
    """1 for false, 2 for true, 0 for missing; shape ``(n_rows,)``, int32."""
    return _by_distinct(cells, lambda cells: _coded(to_booleans(cells)))


def _coded(codes: NDArray[np.integer]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    return codes.astype(np.int32), codes == 0


def encode_numeric(cells: pa.Array) -> Encoded:
    """Numbers within bounds, or NaN; shape ``(n_rows, 1)``, float64."""

    def encode(cells: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        numbers = bounded(to_numbers(cells))
        return numbers[:, None], np.isnan(numbers)

    return _by_distinct(cells, encode)


def bounded(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers of which neither a difference nor a slope between two overflows; NaN stays.

    >>> bounded(np.array([1e300, -1e-300, 2.5])).tolist()
    [3.4028234663852886e+38, 0.0, 2.5]
    """
    numbers = np.clip(numbers, -LARGEST_NUMBER, LARGEST_NUMBER)
    return np.where(np.abs(numbers) < SMALLEST_NUMBER, 0.0, numbers)


def encode_date(cells: pa.Array) -> Encoded:
    """Days since 1970 and the parts of :data:`DATE_PARTS`, in UTC; shape ``(n_rows, len(DATE_PARTS))``, float64."""

    def encode(cells: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        dates = to_dates(cells)
        years, months, days, hours = (dates.astype(f"M8[{unit}]") for unit in "YMDh")
        counts = [
            dates.astype(np.int64) / (24 * 3600 * 1_000_000),
            years.astype(np.int64) + 1970,
            months.astype(np.int64) % 12 + 1,
            (days - months.astype("M8[D]")).astype(np.int64) + 1,
            (days.astype(np.int64) + _WEEKDAY_OF_1970) % 7,
            hours.astype(np.int64) % 24,
        ]
        return np.where(np.isnat(dates)[:, None], np.nan, np.column_stack(counts)), np.isnat(dates)

    return _by_distinct(cells, encode)


def _by_distinct(cells: pa.Array, encode: Callable[[pa.Array], tuple[NDArray[Any], NDArray[np.bool_]]]) -> Encoded:
    """Encodes each distinct cell once, stripped: most columns repeat few of them.

    Args:
        cells: of one column.
        encode: stripped cells to values, and which of them hold none.
    """
    encoded = cells.dictionary_encode()
    distinct, place = stripped(encoded.dictionary), numpy_array(encoded.indices)
    values, is_nothing = encode(distinct)
    unread = is_nothing & ~is_missing(distinct)
    return values[place], int(unread[place].sum()) if unread.any() else 0
