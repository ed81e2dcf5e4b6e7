"""What each column of a table is, decided over the whole column."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nncli.settings import DELIMITED, USUAL_READING, InputFormat, ReadingSettings
from nncli.table.arrow import numpy_array
from nncli.table.cells import (
    chosen,
    is_infinite,
    is_missing,
    matches,
    stripped,
    to_booleans,
    to_codes,
    to_dates,
    to_numbers,
    with_missing,
)
from nncli.table.numbers import NumberFormat, with_plain_numbers

Kind = Literal["numeric", "boolean", "categorical", "date", "text"]

_ENOUGH = 0.95
"""Share of a column's cells that must fit a kind; the rest become missing, and a warning says so."""
_MOST_WORDS = 5
"""Different ones among numbers; with more of them, a column is none of numbers."""
LARGEST_EXACT_INTEGER = 2.0**53 - 1
"""Beyond it a double leaves some out: what comes next may be another number that was rounded."""


@dataclass(frozen=True)
class Column:
    """A column that the models use."""

    name: str
    kind: Kind
    numbers: NumberFormat | None = None
    """How its numbers are written in delimited text, if not as 1234.5; in other formats, numbers have a type."""


@dataclass(frozen=True)
class Schema:
    """The columns that the models use, in order, and the target with its classes."""

    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...]
    reading: ReadingSettings = USUAL_READING
    """How the table was read, so that other data are read in the same way."""

    @property
    def names(self) -> list[str]:
        """Names of the columns that the models use."""
        return [column.name for column in self.columns]

    def of_kind(self, kind: str) -> tuple[str, ...]:
        """Names of the columns of a kind."""
        return tuple(column.name for column in self.columns if column.kind == kind)

    def is_sound(self) -> bool:
        """Whether there is something to learn from and something to tell apart, each once, under a name of its own."""
        return all(len(set(names)) == len(names) >= 2 for names in ([*self.names, self.target], self.classes))

    def plain(self, rows: pa.RecordBatch, read_from: InputFormat) -> pa.RecordBatch:
        """Rows as nncli writes cells: numbers as 1234.5, missing ones empty.

        Args:
            rows: cells as they stand in a file.
            read_from: the file's format.
        """
        rows = with_missing(rows, self.reading.missing_words)
        formats = {column.name: column.numbers for column in self.columns if column.numbers is not None}
        return with_plain_numbers(rows, formats) if read_from in DELIMITED else rows


def infer_kind(cells: pa.Array) -> Kind:
    """The kind of a column, from its cells as text.

    Numbers with leading zeros (postal codes) and integers that a double cannot hold are categories.

    >>> infer_kind(pa.array(["1.5", "2", ""], pa.large_string()))
    'numeric'
    >>> infer_kind(pa.array(["01067", "80331"], pa.large_string()))
    'categorical'
    """
    cells = stripped(cells)
    values = chosen(cells, ~is_missing(cells))
    if len(values) == 0:
        return "categorical"
    if _is_boolean(values):
        return "boolean"
    if _is_numeric(values):
        return "numeric"
    if _are_dates(values):
        return "date"
    return "text" if _is_free_text(values) else "categorical"


def _is_boolean(values: pa.Array) -> bool:
    """One word for true and one for false; two words for the same would lose their difference."""
    truths = to_booleans(values.unique())
    return bool((truths > 0).all() and np.unique(truths).size == truths.size)


def _is_numeric(values: pa.Array) -> bool:
    numbers = to_numbers(values)
    parsed = ~np.isnan(numbers)
    others = chosen(values, ~parsed)
    words = others.unique()
    words = chosen(words, ~is_infinite(words))  # which are missing numbers
    if not parsed.any() or len(words) > _MOST_WORDS:
        return False
    n_numbers, n_words = int(parsed.sum()), int((to_codes(others, words.to_pylist()) >= 0).sum())
    if n_numbers < _ENOUGH * (n_numbers + n_words):
        return False
    codes = matches(values, r"0\d+").any()
    whole = matches(chosen(values, parsed), r"[+-]?\d+").all()
    return not codes and not (whole and np.abs(numbers[parsed]).max() > LARGEST_EXACT_INTEGER)


def _are_dates(values: pa.Array) -> bool:
    counted = values.value_counts()  # days come again and again, as categories do
    is_date = ~np.isnat(to_dates(counted.field("values")))
    return bool(numpy_array(counted.field("counts"))[is_date].sum() >= _ENOUGH * len(values))


def _is_free_text(values: pa.Array) -> bool:
    n_distinct = len(values.unique())
    if n_distinct <= max(50, 0.2 * len(values)):
        return False
    return bool(pc.mean(pc.count_substring_regex(values, r"\s+")).as_py() >= 1.5)
