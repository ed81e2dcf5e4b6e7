"""A table that was read becomes one that can be learned from: target found, columns chosen, findings made."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.guard.arrangement import arrange_rows, refuse_as_arranging
from nncli.guard.columns import examine_columns
from nncli.guard.findings import Finding
from nncli.guard.rows import examine_target, examine_weights
from nncli.settings import UNWEIGHTED, WeightSettings
from nncli.table.arrangement import Arrangement, group_identical_rows
from nncli.table.arrow import mask_array, number_array
from nncli.table.reading import Table
from nncli.table.schema import Schema
from nncli.table.source import display_name
from nncli.table.split import Split
from nncli.table.target import Target, choose_target, encode_target
from nncli.table.weights import Weights, read_weights, require_classes, weights_of


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
    numbers: NDArray[np.int64]
    """Of these rows among all of the data as read, from 1. Shape: ``(n_rows,)``."""
    schema: Schema
    target: Target
    target_reason: str
    arrangement: Arrangement
    """What decides to which side of a split rows may go."""
    weights: Weights | None
    """What a column says that each row counts; without that column, none. Shape: ``(n_rows,)``."""
    findings: tuple[Finding, ...]


def examine_table(
    table: Table,
    target_name: str | None,
    group: str | None = None,
    time: str | None = None,
    weights: WeightSettings = UNWEIGHTED,
) -> ExaminedTable:
    """Finds the target, the columns to use and what is odd about the data.

    Args:
        table: as read.
        target_name: as asked for; ``None`` leaves the choice to the column names.
        group: the column whose equal values stay on one side of a split; it is not learned from.
        time: the column by which rows are ordered before they are split; it is learned from as others are.
        weights: what makes rows count; those of weight 0 are left out.

    Raises:
        DataError: there is no usable target, column or weight, or rows have no time.
        UsageError: the target is to decide how rows are split.
    """
    counts, of_column = _counted(table.rows, weights.column)
    counted = table.rows.drop_columns([] if weights.column is None else [weights.column]).filter(mask_array(counts))
    names = counted.schema.names
    name, reason = choose_target(names, target_name)
    refuse_as_arranging("--group", group, names, name)
    refuse_as_arranging("--time", time, names, name)
    target = encode_target(counted[name], name)
    require_classes(weights, target)
    rows = counted.drop_columns([name]).filter(mask_array(target.has_label))
    columns, findings = examine_columns(rows.drop_columns([] if group is None else [group]))
    if not columns:
        raise DataError(f"{display_name(table.path)}: no column is left to learn from; all are empty, constant or IDs")
    schema = Schema(tuple(columns), name, target.classes)
    learned = rows.select(schema.names)
    arrangement, arranged = arrange_rows(rows, target.labels, group_identical_rows(learned), group, time)
    return ExaminedTable(
        path=table.path,
        data_sha256=table.sha256,
        dialect=table.dialect,
        n_rows=table.rows.num_rows,
        n_columns=table.rows.num_columns,
        rows=learned,
        numbers=np.flatnonzero(counts)[target.has_label] + 1,
        schema=schema,
        target=target,
        target_reason=reason,
        arrangement=arrangement,
        weights=None if of_column is None else of_column[target.has_label],
        findings=(
            *arranged,
            *examine_weights(weights.column, table.rows.num_rows - counted.num_rows),
            *examine_target(target),
            *findings,
        ),
    )


def _counted(rows: pa.RecordBatch, column: str | None) -> tuple[NDArray[np.bool_], Weights | None]:
    """Which rows have a weight that is not 0, and the weights of these."""
    if column is None:
        return np.ones(rows.num_rows, dtype=bool), None
    weights = read_weights(rows, column)
    counts = weights > 0
    return counts, weights[counts]


def with_known_classes(table: ExaminedTable, split: Split) -> tuple[ExaminedTable, Split]:
    """The rows whose classes training knows, as if there were no others, and the split of them.

    Only in the order of time is a class unknown to training; then neither side can learn it, and the columns of
    probabilities stay the same for all models.
    """
    target = table.target
    known = np.unique(target.labels[split.train])
    if known.size == len(target.classes):
        return table, split
    is_known = np.isin(target.labels, known)
    rows = np.flatnonzero(is_known)
    has_label = target.has_label.copy()
    has_label[has_label] = is_known
    labels, classes = np.searchsorted(known, target.labels[rows]), tuple(target.classes[number] for number in known)
    train, validation, test = (np.searchsorted(rows, part) for part in (split.train, split.validation, split.test))
    return replace(
        table,
        rows=table.rows.take(number_array(rows)),
        numbers=table.numbers[rows],
        schema=replace(table.schema, classes=classes),
        target=replace(target, classes=classes, labels=labels, has_label=has_label),
        arrangement=replace(table.arrangement.take(rows), labels=labels),
        weights=weights_of(table.weights, rows),
    ), replace(split, train=train, validation=validation, test=test, unknown=rows[:0])
