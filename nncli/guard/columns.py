"""Columns that no model should see: empty, constant, identifiers. And cells that do not fit their column."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from nncli.errors import DataError, quoted_list, show
from nncli.guard.cells import examine_cells
from nncli.guard.findings import Finding
from nncli.table.cells import chosen, is_infinite, is_missing, matches, stripped, to_dates, to_numbers
from nncli.table.numbers import PLAIN_NUMBERS, NumberFormats
from nncli.table.schema import Column, Kind, infer_kind

_NEARLY_ALL = 0.95


class _Foreign(NamedTuple):
    pattern: str
    name: str
    remedy: str = "write numbers as 1234.5"


_FOREIGN_FORMATS = (
    _Foreign(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+", "numbers with a decimal comma"),
    _Foreign(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", "numbers with thousands separators"),
    _Foreign(
        r"\d{1,2}[-./]\d{1,2}[-./](\d{4}|\d{2})([T ].*)?",
        "dates that do not begin with the year",
        "write dates as 2024-12-31",
    ),
)
_FEWEST_IDS = 20
"""Below this many rows all-different values are no evidence of an identifier."""


def examine_columns(
    rows: pa.RecordBatch, formats: NumberFormats = PLAIN_NUMBERS, keep: Sequence[str] = ()
) -> tuple[list[Column], list[Finding]]:
    """The columns to learn from, and findings on those left out or read with losses.

    Args:
        rows: the columns besides the target, every cell as text, with plain numbers.
        formats: in which the file has them.
        keep: columns to learn from even if they look like IDs.

    Raises:
        DataError: a column to keep is empty or constant.
    """
    columns, findings = [], []
    for name in rows.schema.names:
        cells = stripped(rows[name])
        unusable = _unusable(name, cells, formats, name in keep)
        if unusable:
            findings.append(unusable)
            continue
        column = Column(name, infer_kind(cells), formats.of_columns.get(name))
        columns.append(column)
        foreign = _undecided_format(name, formats) or _foreign_format(column, cells)
        findings.extend([*_misfits(column, cells), *(foreign or examine_cells(column, cells))])
    return columns, findings


def _unusable(name: str, cells: pa.Array, formats: NumberFormats, is_kept: bool) -> Finding | None:
    missing = is_missing(cells)
    values = chosen(cells, ~missing)
    n_distinct = len(values.unique())
    if n_distinct == 0:
        return _dropped("empty-column", name, "has no value in any row", is_kept)
    if n_distinct == 1 and not missing.any():
        return _dropped("constant-column", name, f"holds '{show(values[0].as_py(), 30)}' in every row", is_kept)
    is_all_different = len(values) >= _FEWEST_IDS and n_distinct >= 0.99 * len(values)
    may_go = not is_kept and name not in formats.undecided
    if is_all_different and may_go and _is_identifier(values):
        why = f"looks like an ID: {n_distinct:,} different values in {len(values):,} rows"
        message = f"column '{show(name)}' {why}; left out of network and trees; --keep-column keeps it"
        return Finding("id-column", "info", (name,), message)
    return None


def _dropped(code: str, name: str, why: str, is_kept: bool) -> Finding:
    if is_kept:
        raise DataError(
            f"--keep-column '{show(name)}': the column {why}; there is nothing to keep; leave the option out"
        )
    return Finding(code, "info", (name,), f"column '{show(name)}' {why}; left out of network and trees")


def _is_identifier(values: pa.Array) -> bool:
    kind: Kind = infer_kind(values)
    if kind == "categorical":
        return _format_of(values) is None
    if kind != "numeric":
        return False
    numbers = to_numbers(values)
    numbers = numbers[~np.isnan(numbers)]
    if not (numbers == np.floor(numbers)).all():
        return False
    steps = np.diff(numbers)
    dense = numbers.max() - numbers.min() < 2 * numbers.size
    return bool(dense or (steps > 0).all() or (steps < 0).all())


def _format_of(values: pa.Array) -> _Foreign | None:
    """What categories really are where nearly all of them are written in a way that nncli does not read."""
    return next((form for form in _FOREIGN_FORMATS if matches(values, form.pattern).mean() >= _NEARLY_ALL), None)


def _undecided_format(name: str, formats: NumberFormats) -> list[Finding]:
    """Numbers that could be read in two ways."""
    if name not in formats.undecided:
        return []
    cell, *readings = formats.undecided[name]
    message = (
        f"column '{show(name)}' holds numbers that can be read in two ways: '{show(cell, 30)}' is "
        f"{' or '.join(readings)}; its cells count as categories, which loses their order; write them as 1234.5"
    )
    return [Finding("foreign-format", "warn", (name,), message)]


def _foreign_format(column: Column, cells: pa.Array) -> list[Finding]:
    values = chosen(cells, ~is_missing(cells))
    found = _format_of(values) if column.kind == "categorical" and len(values) else None
    if found is None:
        return []
    others = chosen(values, ~matches(values, found.pattern)).unique().to_pylist()
    but = f" (but not {quoted_list(others)}; if that means missing, add --na)" if others else ""
    message = (
        f"column '{show(column.name)}' holds {found.name} such as '{show(values[0].as_py(), 30)}'{but}; its cells "
        f"count as categories, which loses their order; {found.remedy}"
    )
    return [Finding("foreign-format", "warn", (column.name,), message)]


def _misfits(column: Column, cells: pa.Array) -> list[Finding]:
    """Cells of a numeric or date column that are neither that nor a missing word."""
    if column.kind not in ("numeric", "date"):
        return []
    unread = np.isnan(to_numbers(cells)) if column.kind == "numeric" else np.isnat(to_dates(cells))
    bad = chosen(cells, unread & ~is_missing(cells))
    bad = chosen(bad, ~is_infinite(bad))
    if len(bad) == 0:
        return []
    others = bad.unique().to_pylist()
    every = "all " if len(others) == 1 < len(bad) else ""
    found = f"{len(bad):,} of its cells are not ({every}{quoted_list(others)})"
    remedy = "they count as missing; mend them, or say with --na that they mean that"
    message = f"column '{show(column.name)}' is {column.kind}, but {found}; {remedy}"
    return [Finding("misfit-cells", "warn", (column.name,), message)]
