"""Cells of text become missing marks, numbers, dates and category names: one rule each, used everywhere.

Both schema inference and prediction go through these functions, so a cell means the same at both times. Cells are Arrow
arrays of :data:`TEXT`, because Arrow starts in a tenth of a second and its kernels let other threads run.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.table.arrow import TEXT, joined, mask_array, numpy_array, text_array, text_scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING_WORDS = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A", "<NA>")
"""Cells that hold one of these, spaces aside, are missing."""

TRUE_WORDS = ("true", "yes", "t", "y", "1", "1.0")
FALSE_WORDS = ("false", "no", "f", "n", "0", "0.0")

NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
"""What :func:`to_numbers` reads."""
_INFINITE = r"[-+]?(?i:inf|infinity)"
_DATE = (
    r"^(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d+))?)?"
    r"(?: ?(?:Z|UTC|(?P<sign>[-+])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})))?)?$"
)
"""Year first, with an optional time and zone: the only order that cannot be misread."""


def stripped(cells: pa.Array) -> pa.Array:
    """Cells without the spaces around them."""
    return pc.utf8_trim_whitespace(cells)


def is_missing(cells: pa.Array) -> NDArray[np.bool_]:
    """Which stripped cells are missing. Shape: ``(n_rows,)``."""
    return _is_one_of(cells, MISSING_WORDS)


def with_missing(rows: pa.RecordBatch, words: "Sequence[str]") -> pa.RecordBatch:
    """The same rows, with empty cells where one of some words stands, spaces aside."""
    if not words:
        return rows
    empty = text_scalar("")
    cells = (pc.if_else(mask_array(_is_one_of(stripped(column), words)), empty, column) for column in rows.columns)
    return pa.record_batch(list(cells), rows.schema.names)


def matches(cells: pa.Array, pattern: str) -> NDArray[np.bool_]:
    """Which cells are wholly of a pattern (RE2's syntax). Shape: ``(n_rows,)``."""
    return numpy_array(pc.match_substring_regex(cells, rf"^(?:{pattern})$"))


def chosen(cells: pa.Array, rows: NDArray[np.bool_]) -> pa.Array:
    """The cells of some rows."""
    return cells.filter(mask_array(rows))


def to_numbers(cells: pa.Array) -> NDArray[np.float64]:
    """Stripped cells as numbers; what is no finite number becomes NaN. Shape: ``(n_rows,)``.

    >>> to_numbers(text_array(["1", "2.5", "x", "inf"])).tolist()
    [1.0, 2.5, nan, nan]
    >>> to_numbers(text_array(["1e3", "inf"])).tolist()
    [1000.0, nan]
    """
    numbers = _floats(cells)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def is_infinite(cells: pa.Array) -> NDArray[np.bool_]:
    """Which stripped cells are infinite numbers, or too large for a double. Shape: ``(n_rows,)``.

    >>> is_infinite(text_array(["inf", "-1e999", "1e308", "nan", "infinite"])).tolist()
    [True, True, False, False, False]
    """
    return np.isinf(_floats(cells)) | matches(cells, _INFINITE)


def _floats(cells: pa.Array) -> NDArray[np.float64]:
    """With NaN for what is no number, and perhaps for words for what is not finite."""
    try:  # Arrow reads what NUMBER says and, beyond it, only words for what is not finite
        floats = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        floats = pc.cast(pc.if_else(mask_array(matches(cells, NUMBER)), cells, pa.nulls(1, TEXT)[0]), pa.float64())
    return numpy_array(floats, np.nan)


def to_dates(cells: pa.Array) -> NDArray[np.datetime64]:
    """Stripped cells as UTC times in microseconds; finer digits are cut; what is no date becomes NaT.

    Shape:
        ``(n_rows,)``.
    """
    fields = pc.extract_regex(cells, _DATE)

    def number(name: str) -> NDArray[np.int64]:
        digits = pc.fill_null(pc.struct_field(fields, name), text_scalar(""))
        if name == "fraction":
            digits = pc.utf8_rpad(pc.utf8_slice_codeunits(digits, 0, 6), 6, "0")
        return numpy_array(pc.cast(joined("0", digits), pa.int64()))

    year, month, day = number("year"), number("month"), number("day")
    hour, minute, second = number("hour"), number("minute"), number("second")
    sign = np.where(_is_one_of(pc.struct_field(fields, "sign"), ["-"]), -1, 1)
    zone_hour, zone_minute = number("zone_hour"), number("zone_minute")
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1)
    seconds = hour * 3600 + minute * 60 + second - sign * (zone_hour * 3600 + zone_minute * 60)
    dates = days.astype("M8[us]") + (seconds * 1_000_000 + number("fraction"))
    in_calendar = (year > 0) & (month > 0) & (month < 13) & (days.astype("M8[M]") == months)
    on_clock = (hour < 24) & (minute < 60) & (second < 60) & (zone_hour < 24) & (zone_minute < 60)
    return np.where(numpy_array(pc.is_valid(fields)) & in_calendar & on_clock, dates, np.datetime64("NaT", "us"))


def to_booleans(cells: pa.Array) -> NDArray[np.int32]:
    """Stripped cells as 1 (false), 2 (true) or 0 (missing or neither). Shape: ``(n_rows,)``.

    >>> to_booleans(text_array(["Yes", "no", "", "perhaps"])).tolist()
    [2, 1, 0, 0]
    """
    lower = pc.utf8_lower(cells)
    return np.where(_is_one_of(lower, TRUE_WORDS), 2, _is_one_of(lower, FALSE_WORDS)).astype(np.int32)


def to_codes(cells: pa.Array, names: "Sequence[str]") -> NDArray[np.int64]:
    """The position of each cell in ``names``, -1 where it is none of them. Shape: ``(n_rows,)``."""
    return numpy_array(pc.index_in(cells, value_set=_value_set(tuple(names))), -1).astype(np.int64)


def _is_one_of(cells: pa.Array, words: "Sequence[str]") -> NDArray[np.bool_]:
    return numpy_array(pc.is_in(cells, value_set=_value_set(tuple(words))))


@lru_cache(maxsize=1024)
def _value_set(words: tuple[str, ...]) -> pa.Array:
    """Made once, not for every chunk of rows."""
    return text_array(words)
