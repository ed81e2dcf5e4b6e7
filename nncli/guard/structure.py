"""Rows that belong together, or come in time, where nobody said so; rows that are sorted by class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from nncli.errors import show
from nncli.guard.evidence import FEWEST_ROWS, Evidence
from nncli.guard.findings import Finding
from nncli.guard.levels import Levels
from nncli.table.arrangement import Groups, Labels

_FEWEST_GROUPS, _MOST_ROWS_A_GROUP = 20, 50
_LEAST_SHARED = 0.1
"""Of the rows in groups of two and more."""
_MOST_OF_ONE = 0.1
"""Of the rows in one group: things are many."""
_LEAST_GAIN, _LEAST_AGREEMENT, _ERRORS = 0.1, 0.25, 3
"""Agreement within groups more than by chance; as a share of what chance leaves, and so many standard errors more; of
numbers, also more than with the next number."""
_N_BLOCKS, _FEWEST_MOMENTS = 10, 10
_LEAST_DRIFT, _CHANCE = 0.1, 1e-6
"""Cramér's V between block of time and class, and of what is taken for no chance."""
_SORTED = 0.05
"""Changes of class from row to row, of those in shuffled rows."""


def examine_order(labels: Labels) -> list[Finding]:
    """Rows that stand class by class."""
    shares = np.bincount(labels) / labels.size
    expected, n_changes = (labels.size - 1) * (1 - (shares**2).sum()), int(np.count_nonzero(np.diff(labels)))
    if labels.size < FEWEST_ROWS or n_changes > _SORTED * expected:
        return []
    message = (
        f"the rows are sorted by class: from row to row it changes {n_changes:,} times, in shuffled rows about "
        f"{expected:,.0f} times; the split shuffles them, but a column that follows this order would tell the target"
    )
    return [Finding("sorted-rows", "info", (), message)]


def find_groups(columns: Sequence[Evidence], repeats: Groups) -> list[Finding]:
    """Columns that look like the names of things with several rows each, of one class far more often than by chance.

    Args:
        columns: to look at.
        repeats: the same number for identical rows, of which the first counts: copies agree in everything.
    """
    first = np.unique(repeats, return_index=True)[1]
    return [found for evidence in columns if _may_name_things(evidence) and (found := _find_group(evidence, first))]


def _may_name_things(evidence: Evidence) -> bool:
    levels = evidence.levels
    if evidence.column.kind not in ("categorical", "numeric") or levels.n_levels < _FEWEST_GROUPS:
        return False
    is_whole = levels.values is None or np.array_equal(levels.values, np.floor(levels.values), equal_nan=True)
    return is_whole and levels.codes.size <= _MOST_ROWS_A_GROUP * levels.n_levels


def _find_group(evidence: Evidence, first: NDArray[np.int64]) -> Finding | None:
    levels = evidence.all_levels
    labels, codes = evidence.target.labels[first], levels.codes[first]
    is_there = codes != levels.missing
    labels, codes = labels[is_there], codes[is_there]
    sizes = np.bincount(codes)
    n_shared = int(sizes[sizes > 1].sum())
    is_crowd = (sizes > 1).sum() >= _FEWEST_GROUPS and sizes.max() <= _MOST_OF_ONE * sizes.sum()
    if not is_crowd or n_shared < _LEAST_SHARED * first.size:
        return None
    chance = float(((np.bincount(labels) / labels.size) ** 2).sum())
    same, next_one = _agreements(codes, labels, evidence.n_classes)
    by_chance = chance if levels.values is None else max(chance, next_one)
    errors = _ERRORS / np.sqrt((sizes[sizes > 1] - 1).sum())
    if same - by_chance < max(_LEAST_GAIN, (_LEAST_AGREEMENT + errors) * (1 - chance)):
        return None
    name = show(evidence.column.name)
    message = (
        f"looks like the name of things with several rows each ({(sizes > 1).sum():,} values in {n_shared:,} rows), "
        f"and two rows of one value are of one class in {same:.1%} ({chance:.1%} by chance): a random split tests on "
        f"things that training knows; use --group '{name}' if new rows will be of new ones"
    )
    return evidence.finding("group-structure", "warn", message)


def _agreements(codes: NDArray[np.int64], labels: Labels, n_classes: int) -> tuple[float, float]:
    """How often two rows are of one class: rows of one level, and rows of neighbouring levels."""
    pairs, counts = np.unique(codes * n_classes + labels, return_counts=True)
    sizes = np.bincount(codes)
    same = (counts * (counts - 1)).sum() / max(1, (sizes * (sizes - 1)).sum())
    place = np.minimum(np.searchsorted(pairs, pairs + n_classes), pairs.size - 1)
    is_met = pairs[place] == pairs + n_classes
    next_one = (counts * counts[place])[is_met].sum() / max(1, (sizes[1:] * sizes[:-1]).sum())
    return float(same), float(next_one)


def find_times(columns: Sequence[Evidence]) -> list[Finding]:
    """Dates, and numbers by which the rows are sorted and along which the shares of classes drift."""
    return [found for evidence in columns if (found := _find_time(evidence))]


def _find_time(evidence: Evidence) -> Finding | None:
    levels, kind = evidence.levels, evidence.column.kind
    is_fine = levels.values is not None and levels.n_levels >= _FEWEST_MOMENTS
    if kind != "date" and (not is_fine or levels.missing >= 0 or (np.diff(levels.codes) < 0).any()):
        return None
    drift, chance = _drift(evidence) if is_fine else (0.0, 1.0)
    name = show(evidence.column.name)
    if drift >= _LEAST_DRIFT and chance < _CHANCE:
        what = "holds dates" if kind == "date" else "numbers the rows in order"
        message = (
            f"{what}, and the shares of classes drift along it (Cramér's V {drift:.2f}): a random split learns from "
            f"what comes after the rows it tests; use --time '{name}' if new rows will be later ones"
        )
        return evidence.finding("time-structure", "warn", message)
    if kind != "date":
        return None
    message = (
        f"holds dates, and a random split tests on days that training knows; use --time '{name}' if new rows will be "
        f"later ones, or --keep-column '{name}' if their order does not matter"
    )
    return evidence.finding("date-column", "warn", message)


def _drift(evidence: Evidence) -> tuple[float, float]:
    """Cramér's V of class and block of time, and its p value by the chi-squared test of independence."""
    levels = evidence.levels
    counts = levels.counts
    middle = np.cumsum(counts) - counts / 2  # missing cells, the last level, stand in a block of their own
    block = middle * (_N_BLOCKS / (levels.codes.size - (counts[levels.missing] if levels.missing >= 0 else 0)))
    blocks = Levels(np.minimum(block.astype(np.int64), _N_BLOCKS)[levels.codes], _N_BLOCKS + 1, None)
    table = blocks.by_class(evidence.labels, evidence.n_classes)[:_N_BLOCKS]
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic, least = ((table - expected) ** 2 / expected).sum(), min(table.shape) - 1
    if not least:
        return 0.0, 1.0
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return float(np.sqrt(statistic / (table.sum() * least))), float(chdtrc(freedom, statistic))
