"""``--strict``: what would be warned of is refused, before anything is learned."""

from collections.abc import Sequence

from nncli.errors import DataError
from nncli.guard.examine import ExaminedTable
from nncli.guard.rows import examine_classes, examine_rows
from nncli.table.source import display_name
from nncli.table.split import Split


def refuse_warnings(table: ExaminedTable, splits: Sequence[Split]) -> None:
    """Refuses data that a run would warn of.

    Args:
        table: examined.
        splits: that the run will make of it: one, or all folds.

    Raises:
        DataError: there is a finding of level ``warn`` or ``error``; the message holds all of them with their remedies.
    """
    found = (
        *table.findings,
        *examine_rows(table.arrangement.repeats, splits[0]),
        *examine_classes(table.target, splits),
    )
    refused = [finding for finding in found if finding.level != "info"]
    if refused:
        what = "a warning" if len(refused) == 1 else f"{len(refused)} warnings"
        listed = " ".join(f"({number}) {finding.code}: {finding.message}." for number, finding in enumerate(refused, 1))
        remedy = "mend the data, or leave --strict out"
        raise DataError(f"{display_name(table.path)}: --strict refuses data with {what}; {remedy}: {listed}")
