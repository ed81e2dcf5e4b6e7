"""A table that was read becomes one that can be learned from: target found, columns chosen, findings made."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.guard.columns import examine_columns
from nncli.guard.findings import Finding
from nncli.guard.rows import examine_target, examine_weights
from nncli.settings import UNWEIGHTED, WeightSettings
from nncli.table.arrow import mask_array
from nncli.table.reading import Table
from nncli.table.schema import Schema
from nncli.table.source import display_name
from nncli.table.split import group_identical_rows
from nncli.table.target import Target, choose_target, encode_target
from nncli.table.weights import read_weights, require_classes


@dataclass(frozen=True)
class ExaminedTable:
    """A table of which it is known what can be used; nothing has been learned from it."""

    path: str
    data_sha256: str
    dialect: str
    n_rows: int
    """Of the data as read, with those that do not count."""
    n_columns: int
    rows: pa.RecordBatch
    """Rows that have a target; the columns that both sides use, as text."""
    schema: Schema
    target: Target
    target_reason: str
    groups: NDArray[np.int64]
    """Rows with the same number are identical. Shape: ``(n_rows,)``."""
    weights: NDArray[np.float64] | None
    """What a column says that each row counts; without that column, none. Shape: ``(n_rows,)``."""
    findings: tuple[Finding, ...]


def examine_table(table: Table, target_name: str | None, weights: WeightSettings = UNWEIGHTED) -> ExaminedTable:
    """Finds the target, the columns to use and what is odd about the data.

    Args:
        table: as read.
        target_name: as asked for; ``None`` leaves the choice to the column names.
        weights: what makes rows count; those of weight 0 are left out.

    Raises:
        DataError: there is no usable target, no usable column, or no usable weight.
    """
    counted, of_column = _counted_rows(table.rows, weights.column)
    name, reason = choose_target(counted.schema.names, target_name)
    target = encode_target(counted[name], name)
    require_classes(weights, target)
    rows = counted.drop_columns([name]).filter(mask_array(target.has_label))
    columns, findings = examine_columns(rows)
    if not columns:
        raise DataError(f"{display_name(table.path)}: no column is left to learn from; all are empty, constant or IDs")
    schema = Schema(tuple(columns), name, target.classes)
    rows = rows.select(schema.names)
    return ExaminedTable(
        path=table.path,
        data_sha256=table.sha256,
        dialect=table.dialect,
        n_rows=table.rows.num_rows,
        n_columns=table.rows.num_columns,
        rows=rows,
        schema=schema,
        target=target,
        target_reason=reason,
        groups=group_identical_rows(rows),
        weights=None if of_column is None else of_column[target.has_label],
        findings=(
            *examine_weights(weights.column, table.rows.num_rows - counted.num_rows),
            *examine_target(target),
            *findings,
        ),
    )


def _counted_rows(rows: pa.RecordBatch, column: str | None) -> tuple[pa.RecordBatch, NDArray[np.float64] | None]:
    """Rows whose weight is not 0, without the column of weights; and their weights."""
    if column is None:
        return rows, None
    weights = read_weights(rows, column)
    counts = weights > 0
    return rows.drop_columns([column]).filter(mask_array(counts)), weights[counts]
