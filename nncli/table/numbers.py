"""Numbers that are not written as 1234.5: how those of each column are, and how they read.

A format is decided over a whole column, and only where every cell fits it. Some cells can be read in two ways:
``1,234`` is 1.234 or 1234. Where all cells of a column leave that open, the other columns decide, for a file has one
decimal mark; where they do not, nothing is decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from nncli.table.arrow import joined, mask_array
from nncli.table.cells import NUMBER, chosen, is_infinite, is_missing, matches, stripped, to_numbers

_SPACES, _APOSTROPHES = "[\u00a0\u2009\u202f]", "\u2019"
"""What is written for a space and for an apostrophe, besides these."""


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written."""

    decimal: Literal[".", ","]
    thousands: Literal["", ",", ".", " ", "'"]
    """Between groups of three digits; empty: nothing is."""

    @property
    def pattern(self) -> str:
        """A number; of RE2. Groups are not needed, but have three digits, and the first no zero in front."""
        grouped = rf"|[1-9]\d{{0,2}}(?:[{self.thousands}]\d{{3}})+" if self.thousands else ""
        mark = rf"[{self.decimal}]"
        return rf"[-+]?(?:(?:\d+{grouped})(?:{mark}\d+)?|{mark}\d+)(?:[eE][-+]?\d+)?"

    @property
    def words(self) -> str:
        """What is unusual about it."""
        found = ["decimal commas"] * (self.decimal == ",") + ["thousands separators"] * bool(self.thousands)
        return " and ".join(found)


_FIRST = 100
"""Values that are looked at before all are, for most columns are no numbers."""
_PLAIN = NumberFormat(".", "")
_FORMATS = (
    NumberFormat(",", ""),
    NumberFormat(".", ","),
    NumberFormat(",", "."),
    NumberFormat(".", " "),
    NumberFormat(",", " "),
    NumberFormat(".", "'"),
    NumberFormat(",", "'"),
)
"""Of two that read a column alike, the first is taken: the one that allows less."""
_GROUPED_BY_POINTS = NumberFormat(",", ".")


@dataclass(frozen=True)
class NumberFormats:
    """The columns of a table whose numbers are not plain."""

    of_columns: Mapping[str, NumberFormat] = field(default_factory=dict)
    by_others: tuple[str, ...] = ()
    """Those that could be read in two ways, and are read as the decimal mark of other columns says."""
    undecided: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A cell of each column that could be read in several ways, and the ways."""


PLAIN_NUMBERS = NumberFormats()
"""None of a table's columns has others."""


def find_formats(rows: pa.RecordBatch) -> NumberFormats:
    """The formats of the numbers in text columns.

    Args:
        rows: cells; every column is one of values.
    """
    values = {name: _values(rows[name]) for name in rows.schema.names}
    possible = {name: found for name, some in values.items() if (found := _possible(some))}
    sure = {name: found[0] for name, found in possible.items() if len(found) == 1}
    marks = {form.decimal for name, form in sure.items() if _shows_mark(values[name], form)}
    if "," in marks:  # then points may group digits in columns that would pass for plain
        possible |= {name: (_PLAIN, _GROUPED_BY_POINTS) for name, some in values.items() if _may_be_grouped(some)}
    open_ones = {name: found for name, found in possible.items() if len(found) > 1}
    if not open_ones:
        return NumberFormats(sure)
    marks |= {"."} if any(_has_plain_point(values[name]) for name in values if name not in possible) else set()
    mark = marks.pop() if len(marks) == 1 else None
    decided = {name: form for name, found in open_ones.items() for form in found if form.decimal == mark}
    left = {name: found for name, found in open_ones.items() if name not in decided and _PLAIN not in found}
    return NumberFormats(
        {**sure, **{name: form for name, form in decided.items() if form != _PLAIN}},
        tuple(decided),
        {name: _readings(values[name], found) for name, found in left.items()},
    )


def with_plain_numbers(rows: pa.RecordBatch, formats: Mapping[str, NumberFormat]) -> pa.RecordBatch:
    """The same rows with the numbers of some columns as nncli writes them, 1234.5."""
    if not formats:
        return rows
    columns = [
        plain_numbers(column, formats[name]) if name in formats else column
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.record_batch(columns, rows.schema.names)


def plain_numbers(cells: pa.Array, form: NumberFormat) -> pa.Array:
    """Cells whose numbers are plain. A number in another format is none: it would be read in a wrong way.

    >>> cells = pa.array(["1.234,5", "12", "1.5", "x"], pa.large_string())
    >>> plain_numbers(cells, NumberFormat(",", ".")).to_pylist()
    ['1234.5', '12', '?1.5', 'x']
    """
    cells = _usual_marks(stripped(cells))
    plain = pc.replace_substring(cells, form.thousands, "") if form.thousands else cells
    plain = pc.replace_substring(plain, form.decimal, ".")
    others = pc.if_else(mask_array(matches(cells, NUMBER)), joined("?", cells), cells)
    return pc.if_else(mask_array(matches(cells, form.pattern)), plain, others)


def _usual_marks(cells: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring_regex(cells, _SPACES, " "), _APOSTROPHES, "'")


def _values(cells: pa.Array) -> pa.Array:
    """The distinct cells that are neither missing nor infinite."""
    cells = stripped(cells.unique())
    cells = _usual_marks(chosen(cells, ~is_missing(cells)))
    return chosen(cells, ~is_infinite(cells))


def _possible(values: pa.Array) -> tuple[NumberFormat, ...]:
    """The formats that fit all values, one for each way to read them; none where they are plain, or no numbers."""
    if not len(values) or matches(values, NUMBER).all():
        return ()
    found: dict[bytes, NumberFormat] = {}
    for form in _FORMATS:
        if matches(values[:_FIRST], form.pattern).all() and matches(values, form.pattern).all():
            found.setdefault(to_numbers(plain_numbers(values, form)).tobytes(), form)
    return tuple(found.values())


def _may_be_grouped(values: pa.Array) -> bool:
    """Whether plain numbers could be whole ones, grouped by points."""
    return bool(
        len(values)
        and matches(values, NUMBER).all()
        and matches(values, _GROUPED_BY_POINTS.pattern).all()
        and matches(values, r".*\..*").any()
    )


def _has_plain_point(values: pa.Array) -> bool:
    """Whether plain numbers have a decimal point that cannot group digits."""
    return bool(
        len(values)
        and matches(values, NUMBER).all()
        and (matches(values, r".*\..*") & ~matches(values, _GROUPED_BY_POINTS.pattern)).any()
    )


def _shows_mark(values: pa.Array, form: NumberFormat) -> bool:
    """Whether values tell the decimal mark: they have it, or group digits by the other one."""
    marks = {form.decimal, form.thousands} & {".", ","}
    return any(pc.any(pc.match_substring(values, mark)).as_py() for mark in marks)


def _readings(values: pa.Array, formats: tuple[NumberFormat, ...]) -> tuple[str, ...]:
    cell = chosen(values, ~matches(values, NUMBER))[:1]
    return (str(cell[0].as_py()), *(str(plain_numbers(cell, form)[0].as_py()) for form in formats))
