"""Columns that no model should see: empty, constant, identifiers. And cells that do not fit their column."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from nncli.errors import DataError, show
from nncli.guard.findings import Finding
from nncli.guard.spelling import spelled_alike
from nncli.table.cells import chosen, is_missing, matches, stripped, to_dates, to_numbers
from nncli.table.schema import Column, Kind, infer_kind

_NEARLY_ALL = 0.95
_FOREIGN_FORMATS = {
    r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+": "numbers with a decimal comma",
    r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?": "numbers with thousands separators",
    r"\d{1,2}[-./]\d{1,2}[-./](\d{4}|\d{2})([T ].*)?": "dates that do not begin with the year",
}
_FEWEST_IDS = 20
"""Below this many rows all-different values are no evidence of an identifier."""


def examine_columns(rows: pa.RecordBatch, keep: Sequence[str] = ()) -> tuple[list[Column], list[Finding]]:
    """The columns to learn from, and findings on those left out or read with losses.

    Args:
        rows: the columns besides the target, every cell as text.
        keep: columns to learn from even if they look like IDs.

    Raises:
        DataError: a column to keep is empty or constant.
    """
    columns, findings = [], []
    for name in rows.schema.names:
        cells = stripped(rows[name])
        unusable = _unusable(name, cells, name in keep)
        if unusable:
            findings.append(unusable)
            continue
        column = Column(name, infer_kind(cells))
        columns.append(column)
        findings.extend(
            [*_misfits(column, cells), *_foreign_format(column, cells), *_similar_categories(column, cells)]
        )
    return columns, findings


def _unusable(name: str, cells: pa.Array, is_kept: bool) -> Finding | None:
    missing = is_missing(cells)
    values = chosen(cells, ~missing)
    n_distinct = len(values.unique())
    if n_distinct == 0:
        return _dropped("empty-column", name, "has no value in any row", is_kept)
    if n_distinct == 1 and not missing.any():
        return _dropped("constant-column", name, f"holds '{show(values[0].as_py(), 30)}' in every row", is_kept)
    is_all_different = len(values) >= _FEWEST_IDS and n_distinct >= 0.99 * len(values)
    if is_all_different and not is_kept and _is_identifier(values):
        why = f"looks like an ID: {n_distinct:,} different values in {len(values):,} rows"
        message = f"column '{show(name)}' {why}; left out, for both sides; --keep-column keeps it"
        return Finding("id-column", "info", (name,), message)
    return None


def _dropped(code: str, name: str, why: str, is_kept: bool) -> Finding:
    if is_kept:
        raise DataError(
            f"--keep-column '{show(name)}': the column {why}; there is nothing to keep; leave the option out"
        )
    return Finding(code, "info", (name,), f"column '{show(name)}' {why}; left out, for both sides")


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


def _format_of(values: pa.Array) -> str | None:
    """What categories really are where nearly all of them are written in a way that nncli does not read."""
    for pattern, name in _FOREIGN_FORMATS.items():
        if matches(values, pattern).mean() >= _NEARLY_ALL:
            return name
    return None


def _foreign_format(column: Column, cells: pa.Array) -> list[Finding]:
    values = chosen(cells, ~is_missing(cells))
    found = _format_of(values) if column.kind == "categorical" and len(values) else None
    if found is None:
        return []
    return [
        Finding(
            "foreign-format",
            "warn",
            (column.name,),
            f"column '{show(column.name)}' holds {found} such as '{show(values[0].as_py(), 30)}'; its cells count as "
            "categories, which loses their order; write numbers as 1234.5 and dates as 2024-12-31",
        )
    ]


def _misfits(column: Column, cells: pa.Array) -> list[Finding]:
    """Cells of a numeric or date column that are neither that nor a missing word."""
    if column.kind not in ("numeric", "date"):
        return []
    unread = np.isnan(to_numbers(cells)) if column.kind == "numeric" else np.isnat(to_dates(cells))
    bad = chosen(cells, unread & ~is_missing(cells))
    if len(bad) == 0:
        return []
    example = show(bad[0].as_py(), 30)
    return [
        Finding(
            "misfit-cells",
            "warn",
            (column.name,),
            f"column '{show(column.name)}' is {column.kind}, but {len(bad):,} of its cells are not "
            f"('{example}'); they count as missing",
        )
    ]


def _similar_categories(column: Column, cells: pa.Array) -> list[Finding]:
    if column.kind != "categorical":
        return []
    alike = spelled_alike(chosen(cells, ~is_missing(cells)).unique())
    if alike is None:
        return []
    message = f"column '{show(column.name)}': {alike}; they count as different; write each in one way"
    return [Finding("similar-categories", "warn", (column.name,), message)]
