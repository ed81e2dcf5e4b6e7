"""Which rows a split has to keep together, or in order: as asked for, and said as a finding."""

from collections.abc import Sequence

import pyarrow as pa

from nncli.errors import DataError, UsageError, nearest_names, show
from nncli.guard.findings import Finding
from nncli.table.arrangement import Arrangement, Groups, Labels, group_by_value, rank_moments
from nncli.table.cells import is_missing, stripped
from nncli.table.schema import Schema


def refuse_as_arranging(option: str, wanted: str | None, columns: Sequence[str], target: str) -> None:
    """Refuses a column that cannot decide which rows are tested.

    Raises:
        DataError: there is no such column.
        UsageError: it is the target.
    """
    if wanted is not None and wanted not in columns:
        raise DataError(f"{option} '{show(wanted)}': no such column; {nearest_names(wanted, list(columns))}")
    if wanted == target:
        raise UsageError(f"{option} '{show(target)}': this column is the target; name another, or another --target")


def date_hints(schema: Schema) -> list[Finding]:
    """Says where a split in time is possible, and was not asked for."""
    dates = tuple(column.name for column in schema.columns if column.kind == "date")
    if not dates:
        return []
    message = (
        f"column '{show(dates[0])}' holds dates; if the model is to predict what comes later, test it so: "
        f"--time '{show(dates[0])}'"
    )
    return [Finding("date-column", "info", dates, message)]


def arrange_rows(
    rows: pa.RecordBatch, labels: Labels, repeats: Groups, group: str | None, time: str | None
) -> tuple[Arrangement, list[Finding]]:
    """What decides to which side of a split rows may go.

    Args:
        rows: those that have a target.
        labels: their class numbers.
        repeats: the same number for identical rows.
        group: the column whose equal values stay together, if any.
        time: the column that the rows are to be ordered by, if any.

    Raises:
        DataError: some rows have no time.
    """
    if group is not None:
        groups = group_by_value(rows[group])
        arrangement = Arrangement(labels, repeats, groups=groups, unit=f"groups of '{show(group)}'")
        n_missing = int(is_missing(stripped(rows[group])).sum())
        alone = f", {n_missing:,} of them rows without a value," if n_missing else ""
        message = (
            f"grouped by '{show(group)}': its {arrangement.n_units:,} groups{alone} stay whole in every split; "
            "the column is not learned from"
        )
        return arrangement, [Finding("group-split", "info", (group,), message)]
    if time is not None:
        moments = rank_moments(rows[time], time)
        arrangement = Arrangement(labels, repeats, moments=moments, unit=f"moments of '{show(time)}'")
        message = f"ordered by '{show(time)}': the test rows are the latest, the training rows the earliest"
        return arrangement, [Finding("time-split", "info", (time,), message)]
    return Arrangement(labels, repeats), []
