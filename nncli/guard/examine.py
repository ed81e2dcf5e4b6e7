"""A table that was read becomes one that can be learned from: target found, columns chosen, findings made."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError, UsageError, nearest_names, show
from nncli.guard.arrangement import arrange_rows, refuse_as_arranging
from nncli.guard.cells import find_missing_codes
from nncli.guard.columns import examine_columns
from nncli.guard.evidence import Evidence, collect
from nncli.guard.findings import Finding
from nncli.guard.leaks import find_leaks, find_telling_ids
from nncli.guard.memory import refuse_too_large
from nncli.guard.reading import describe_formats, examine_reading
from nncli.guard.repeats import examine_conflicts, find_near_repeats
from nncli.guard.rows import examine_shape, examine_target, examine_weights
from nncli.guard.structure import examine_order, find_groups, find_times
from nncli.settings import DELIMITED, UNWEIGHTED, RunSettings, WeightSettings
from nncli.table.arrangement import Arrangement, group_identical_rows
from nncli.table.arrow import mask_array, number_array
from nncli.table.cells import stripped
from nncli.table.chunks import Rejected
from nncli.table.numbers import PLAIN_NUMBERS, NumberFormats, find_formats, with_plain_numbers
from nncli.table.reading import Table, read_table
from nncli.table.schema import Column, Schema
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
    rejected: tuple[Rejected, ...] = ()
    """Rows that could not be read, and are none of the others."""


def examine_file(path: str, settings: RunSettings) -> ExaminedTable:
    """Reads a file, or standard input for ``-``, and examines it, as the settings of a run say.

    Raises:
        DataError, UsageError: those of :func:`~nncli.table.reading.read_table` and :func:`examine_table`.
        MemoryLimitError: there is not memory enough to learn from it.
    """
    table = read_table(path, settings.reading, settings.bad_rows)
    weights, keep = settings.weights, settings.keep_columns
    examined = examine_table(table, settings.target, settings.group, settings.time, weights, keep)
    refuse_too_large(examined.rows.num_rows, len(examined.schema.names))
    return examined


def examine_table(
    table: Table,
    target_name: str | None,
    group: str | None = None,
    time: str | None = None,
    weights: WeightSettings = UNWEIGHTED,
    keep: Sequence[str] = (),
) -> ExaminedTable:
    """Finds the target, the columns to use and what is odd about the data.

    Args:
        table: as read.
        target_name: as asked for; ``None`` leaves the choice to the column names.
        group: the column whose equal values stay on one side of a split; it is not learned from.
        time: the column by which rows are ordered before they are split; it is learned from as others are.
        weights: what makes rows count; those of weight 0 are left out.
        keep: columns to learn from even if they look like IDs or are copies of the target.

    Raises:
        DataError: there is no usable target, column or weight, or rows have no time; there is nothing to keep.
        UsageError: the target is to decide how rows are split, or what is never learned from is to be kept.
    """
    counts, of_column = _counted(table.rows, weights.column)
    counted = _without(table.rows, weights.column).filter(mask_array(counts))
    name, reason = choose_target(counted.schema.names, target_name)
    _refuse_roles(counted.schema.names, name, group, time, keep)
    target = _encoded(counted[name], name, weights)
    rows, formats = _plain(_without(counted, name).filter(mask_array(target.has_label)), table, group)
    columns, findings = examine_columns(_without(rows, group), formats, keep)
    evidence = collect(rows, columns, target)
    leaks = find_leaks(evidence, keep)
    schema = _schema_without(leaks, keep, columns, target, table)
    learned = rows.select(schema.names)
    arrangement, arranged = arrange_rows(rows, target.labels, group_identical_rows(learned), group, time)
    return ExaminedTable(
        path=table.path,
        data_sha256=table.sha256,
        dialect=table.dialect + describe_formats(formats),
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
            *examine_reading(table, formats),
            *arranged,
            *examine_weights(weights.column, table.rows.num_rows - counted.num_rows),
            *_on_target(target, counted[name]),
            *examine_shape(learned.num_rows, learned.num_columns),
            *findings,
            *find_telling_ids(rows, [found.columns[0] for found in findings if found.code == "id-column"], target),
            *_with_structure(leaks, evidence, learned, arrangement, keep),
            *examine_conflicts(arrangement.repeats, target),
        ),
        rejected=table.rejected,
    )


def _with_structure(
    leaks: Sequence[Finding],
    evidence: Sequence[Evidence],
    rows: pa.RecordBatch,
    arrangement: Arrangement,
    keep: Sequence[str],
) -> list[Finding]:
    """Leaks, and what nobody needs to be told who named groups or a time; a group's name tells of its rows anyway.

    Of a time that is to be kept nobody needs to be told either.
    """
    if arrangement.groups is not None or arrangement.moments is not None:
        return list(leaks)
    learned = set(rows.schema.names)
    columns = [one for one in evidence if one.column.name in learned]
    groups = find_groups(columns, arrangement.repeats)
    names = [found.columns[0] for found in groups]
    return [
        *[found for found in leaks if found.code != "tells-target" or found.columns[0] not in names],
        *groups,
        *find_times([one for one in columns if one.column.name not in keep]),
        *examine_order(arrangement.labels),
        *find_near_repeats(rows, [one.column for one in columns], arrangement),
    ]


def _refuse_roles(
    columns: Sequence[str], target: str, group: str | None, time: str | None, keep: Sequence[str]
) -> None:
    """Refuses columns that are to arrange the rows, or to be kept, and cannot."""
    refuse_as_arranging("--group", group, columns, target)
    refuse_as_arranging("--time", time, columns, target)
    for name in keep:
        if name in (target, group):
            raise UsageError(
                f"--keep-column '{show(name)}': the target and the column of --group are never learned from"
            )
        if name not in columns:
            raise DataError(f"--keep-column '{show(name)}': no such column; {nearest_names(name, list(columns))}")


def _encoded(cells: pa.Array, name: str, weights: WeightSettings) -> Target:
    target = encode_target(cells, name)
    require_classes(weights, target)
    return target


def _on_target(target: Target, cells: pa.Array) -> list[Finding]:
    return [*examine_target(target), *find_missing_codes(target.name, stripped(cells))]


def _without(rows: pa.RecordBatch, column: str | None) -> pa.RecordBatch:
    return rows.drop_columns([] if column is None else [column])


def _plain(rows: pa.RecordBatch, table: Table, group: str | None) -> tuple[pa.RecordBatch, NumberFormats]:
    """Rows with plain numbers, and the formats in which the file has those that may be learned from."""
    formats = find_formats(_without(rows, group)) if table.format in DELIMITED else PLAIN_NUMBERS
    return with_plain_numbers(rows, formats.of_columns), formats


def _schema_without(
    leaks: Sequence[Finding], keep: Sequence[str], columns: Sequence[Column], target: Target, table: Table
) -> Schema:
    """The columns but copies of the target."""
    copies = {name for found in leaks if found.code == "target-copy" for name in found.columns}.difference(keep)
    left = tuple(column for column in columns if column.name not in copies)
    if left:
        return Schema(left, target.name, target.classes, table.reading)
    what = "empty, constant, IDs or copies of the target"
    remedy = "--keep-column keeps an ID or a copy"
    raise DataError(f"{display_name(table.path)}: no column is left to learn from; all are {what}; {remedy}")


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
