"""Findings on the rows and on the target."""

import numpy as np
from numpy.typing import NDArray

from nncli.errors import quoted_list, show
from nncli.guard.findings import Finding
from nncli.table.split import Split
from nncli.table.target import Target

_FEW_ROWS = 200
_RARE_CLASS = 10


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
            f"the class {quoted_list(single)} has a single row; it stays in training and cannot be tested"
            if len(single) == 1
            else f"the classes {quoted_list(single)} have a single row each; they stay in training and cannot be tested"
        )
        findings.append(Finding("single-row-class", "warn", (target.name,), message))
    if rare:
        message = f"fewer than {_RARE_CLASS} rows of {quoted_list(rare)}; scores for so few mean little"
        findings.append(Finding("rare-class", "warn", (target.name,), message))
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
            f"{n_repeats:,} rows repeat the columns of another, some so often that identical rows could not all be "
            "kept on one side of the split; scores may be flattered, for both sides alike"
        )
        findings.append(Finding("duplicate-rows-straddle", "warn", (), message))
    elif n_repeats:
        message = f"{n_repeats:,} rows repeat the columns of another; identical rows stay on one side of the split"
        findings.append(Finding("duplicate-rows", "info", (), message))
    return findings
