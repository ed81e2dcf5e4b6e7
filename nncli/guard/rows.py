"""Findings on the rows and on the target."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nncli.errors import quoted_list, show
from nncli.guard.findings import Finding
from nncli.guard.spelling import spelled_alike
from nncli.table.arrow import text_array
from nncli.table.cells import to_numbers
from nncli.table.split import Split
from nncli.table.target import Target

_FEW_ROWS = 200
_RARE_CLASS = 10
_MANY_CLASSES, _MANY_NUMBERS = 100, 10
_MANY_COLUMNS = 10_000


def examine_target(target: Target) -> list[Finding]:
    """Rows without a target, classes with too few rows."""
    findings = []
    n_unlabelled = int((~target.has_label).sum())
    if n_unlabelled:
        message = f"{n_unlabelled:,} rows have no value in the target '{show(target.name)}'; they are left out"
        findings.append(Finding("missing-target", "warn", (target.name,), message))
    counts = np.bincount(target.labels, minlength=len(target.classes))
    single = [name for name, count in zip(target.classes, counts, strict=True) if count == 1]
    rare = [name for name, count in zip(target.classes, counts, strict=True) if 1 < count < _RARE_CLASS]
    if single:
        message = (
            f"the class {quoted_list(single)} has a single row, which cannot be both learned from and tested"
            if len(single) == 1
            else f"the classes {quoted_list(single)} have a single row each, too few to learn from and to test"
        )
        findings.append(Finding("single-row-class", "warn", (target.name,), message))
    if rare:
        message = f"fewer than {_RARE_CLASS} rows of {quoted_list(rare)}; scores for so few mean little"
        findings.append(Finding("rare-class", "warn", (target.name,), message))
    return [*findings, *_examine_names(target)]


def _examine_names(target: Target) -> list[Finding]:
    """Classes that are one, that are numbers, or too many to learn well."""
    findings, n_classes, where = [], len(target.classes), f"target '{show(target.name)}'"
    names = text_array(target.classes)
    alike = spelled_alike(names)
    if alike is not None:
        message = f"{where}: the classes {alike}; they count as different; write each in one way"
        findings.append(Finding("similar-classes", "warn", (target.name,), message))
    if n_classes > _MANY_NUMBERS and not np.isnan(to_numbers(names)).any():
        message = (
            f"{where}: its {n_classes:,} classes are numbers, as a quantity is; they count as names, so to be one off "
            "is as wrong as to be far off; put them into a few ranges if they are a quantity"
        )
        findings.append(Finding("numeric-classes", "warn", (target.name,), message))
    if n_classes >= _MANY_CLASSES:
        message = (
            f"{where}: {n_classes:,} classes; time and memory grow with them, above all the trees'; join rare classes "
            "if that is too much"
        )
        findings.append(Finding("many-classes", "warn", (target.name,), message))
    return findings


def examine_shape(n_rows: int, n_columns: int) -> list[Finding]:
    """Too few rows for the columns to learn from, or more columns than are quickly learned from."""
    findings = []
    if n_rows < n_columns:
        message = (
            f"{n_columns:,} columns to learn from, but {n_rows:,} rows: some columns fit the classes by chance; leave "
            "out those that cannot matter, or find more rows"
        )
        findings.append(Finding("more-columns-than-rows", "warn", (), message))
    if n_columns > _MANY_COLUMNS:
        message = (
            f"{n_columns:,} columns to learn from; time and memory grow with them; leave out those that cannot matter"
        )
        findings.append(Finding("many-columns", "warn", (), message))
    return findings


def examine_weights(column: str | None, n_without: int) -> list[Finding]:
    """Rows of weight 0, so many of them."""
    if column is None or not n_without:
        return []
    message = f"{n_without:,} rows have weight 0 in '{show(column)}'; they are left out"
    return [Finding("zero-weight", "info", (column,), message)]


def examine_rows(groups: NDArray[np.int64], split: Split) -> list[Finding]:
    """Few rows, repeated rows."""
    findings = []
    if groups.size < _FEW_ROWS:
        message = f"only {groups.size:,} rows; expect wide intervals, and prefer compare-baseline's folds"
        findings.append(Finding("few-rows", "warn", (), message))
    n_repeats = groups.size - np.unique(groups).size
    if split.identical_rows_straddle:
        message = (
            f"{n_repeats:,} rows repeat the columns of another, and not all identical rows are on one side of the "
            "split; scores may be flattered, the network's and the trees' alike"
        )
        findings.append(Finding("duplicate-rows-straddle", "warn", (), message))
    elif n_repeats:
        message = f"{n_repeats:,} rows repeat the columns of another; identical rows stay on one side of the split"
        findings.append(Finding("duplicate-rows", "info", (), message))
    return findings


def examine_classes(target: Target, splits: Sequence[Split]) -> list[Finding]:
    """Classes that training does not know or that are never tested, because rows were grouped or ordered.

    Args:
        target: with the labels of all rows.
        splits: one, or all folds.
    """
    findings = []
    unknown = np.unique(np.concatenate([split.unknown for split in splits]))
    if unknown.size:
        names = [target.classes[number] for number in np.unique(target.labels[unknown])]
        message = (
            f"{unknown.size:,} rows are of classes that no training row before them has ({quoted_list(names)}); they "
            "are left out, as no side can know these classes"
        )
        findings.append(Finding("unknown-class", "warn", (target.name,), message))
    shown = np.concatenate([target.labels[part] for split in splits for part in (split.test, split.unknown)])
    counts = np.bincount(target.labels, minlength=len(target.classes))
    untested = np.setdiff1d(np.flatnonzero(counts >= _RARE_CLASS), shown)
    if untested.size:
        names = [target.classes[number] for number in untested]
        message = f"no test row is of the class {quoted_list(names)}; the scores say nothing about it"
        findings.append(Finding("untested-class", "warn", (target.name,), message))
    return findings
