"""What each column of a table is, decided over the whole column."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from nncli.table.cells import is_missing, stripped, to_booleans, to_dates, to_numbers

Kind = Literal["numeric", "boolean", "categorical", "date", "text"]

_ENOUGH = 0.95
"""Share of a column's cells that must fit a kind; the rest become missing, and a warning says so."""
_LARGEST_EXACT_INTEGER = 2.0**53


@dataclass(frozen=True)
class Column:
    """A column that the models use."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Schema:
    """The columns that the models use, in order, and the target with its classes."""

    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Names of the columns that the models use."""
        return [column.name for column in self.columns]


def infer_kind(cells: pd.Series) -> Kind:
    """The kind of a column, from its cells as text.

    Numbers with leading zeros (postal codes) and integers that a double cannot hold are categories.

    >>> infer_kind(pd.Series(["1.5", "2", ""])), infer_kind(pd.Series(["01067", "80331"]))
    ('numeric', 'categorical')
    """
    cells = stripped(cells)
    values = cells[~is_missing(cells)]
    if len(values) == 0:
        return "categorical"
    if _is_boolean(values):
        return "boolean"
    if _is_numeric(values):
        return "numeric"
    if to_dates(values).notna().mean() >= _ENOUGH:
        return "date"
    return "text" if _is_free_text(values) else "categorical"


def _is_boolean(values: pd.Series) -> bool:
    """One word for true and one for false; two words for the same would lose their difference."""
    distinct = pd.Series(values.unique(), dtype="str")
    truths = to_booleans(distinct)
    return bool((truths > 0).all() and np.unique(truths).size == distinct.size)


def _is_numeric(values: pd.Series) -> bool:
    numbers = to_numbers(values)
    parsed = ~np.isnan(numbers)
    if parsed.mean() < _ENOUGH or np.unique(values[~parsed]).size > 5:
        return False
    codes = values.str.fullmatch(r"0\d+").any()
    whole = values[parsed].str.fullmatch(r"[+-]?\d+")
    return not codes and not (whole.all() and np.abs(numbers[parsed]).max() > _LARGEST_EXACT_INTEGER)


def _is_free_text(values: pd.Series) -> bool:
    n_distinct = values.nunique()
    return bool(n_distinct > 50 and n_distinct > 0.2 * len(values) and values.str.count(r"\s+").mean() >= 1.5)
