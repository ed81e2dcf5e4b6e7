"""Columns that know the target: copies, near-copies, what alone foretells it.

Labels are looked at before the split here, of all rows. That can flatter neither side: what comes of it are warnings,
and columns that go, for both sides alike. A column that goes takes away what could be learned; no row, no value and no
setting is chosen by what a label says. All tests see a sample of the rows, but a copy is left out only if every row
says so.
"""

from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.errors import show
from nncli.guard.evidence import REMEDY, Evidence, collect
from nncli.guard.findings import Finding, Level
from nncli.guard.levels import Levels, coarse, tell
from nncli.guard.traces import find_averages, find_names, find_telling_gaps
from nncli.table.arrangement import Labels
from nncli.table.arrow import numpy_array
from nncli.table.schema import Column, infer_kind
from nncli.table.target import Target

_DISAGREEING, _RECOVERED = 0.01, 0.9
"""The most rows in which a near-copy differs; the least share of rows not of the commonest class that it gets right."""


def find_leaks(columns: Sequence[Evidence], keep: Sequence[str] = ()) -> list[Finding]:
    """What the columns know of the target, the worst of each.

    Args:
        columns: to look at.
        keep: names of those that are used even if they are copies of the target.
    """
    found = (_find_copy(column, column.column.name in keep) or _worst(column) for column in columns)
    return [finding for finding in found if finding]


def _worst(column: Evidence) -> Finding | None:
    found = [finding for test in _TESTS if (finding := test(column))]
    return max(found, key=lambda finding: _LEVELS.index(finding.level), default=None)


def find_telling_ids(rows: pa.RecordBatch, names: Sequence[str], target: Target) -> list[Finding]:
    """Identifiers, left out as they are, whose order tells the target: the rows were numbered class by class."""
    findings, columns = [], [Column(name, infer_kind(rows[name])) for name in names]
    for evidence in collect(rows, columns, target):
        told = tell(coarse(_in_order(evidence)), evidence.labels, evidence.n_classes)
        if told.is_too_much:
            message = (
                f"numbers the rows class by class: its order alone tells the target ({told.in_figures}); no model "
                "learns from it; remove it from the data, and whatever else keeps that order"
            )
            findings.append(evidence.finding("id-tells-target", "warn", message))
    return findings


def _in_order(evidence: Evidence) -> Levels:
    """Text in the order of its letters, so that neighbours can tell of each other."""
    if evidence.levels.values is not None:
        return evidence.levels
    texts = evidence.cells.dictionary_encode()
    ranks: NDArray[np.int64] = np.argsort(numpy_array(pc.array_sort_indices(texts.dictionary)))
    return Levels(ranks[numpy_array(texts.indices)], ranks.size, np.arange(ranks.size, dtype=np.float64))


def _find_copy(evidence: Evidence, is_kept: bool) -> Finding | None:
    """A column whose values and the classes go one with one, in every row."""
    if not _are_paired(evidence.levels, evidence.labels):
        return None
    if not _are_paired(evidence.all_levels, evidence.target.labels):
        return None
    left_out = "left out of network and trees; remove it, or --keep-column keeps it"
    fate = "kept by --keep-column" if is_kept else left_out
    message = f"is a copy of the target: each of its values goes with one class ({_examples(evidence)}); {fate}"
    return evidence.finding("target-copy", "error" if is_kept else "warn", message)


def _are_paired(levels: Levels, labels: Labels) -> bool:
    n_classes = int(labels.max()) + 1
    if levels.n_levels > n_classes:
        return False
    together = levels.by_class(labels, n_classes) > 0
    return bool((together.sum(axis=1) == 1).all() and (together.sum(axis=0) <= 1).all())


def _examples(evidence: Evidence) -> str:
    """Two values, and the class that each goes with."""
    levels = evidence.levels
    table = levels.by_class(evidence.labels, evidence.n_classes)
    pairs = []
    for level in np.argsort(-levels.counts, kind="stable")[:2]:
        value = evidence.cells[int((levels.codes == level).argmax())].as_py()
        pairs.append(f"'{show(value, 20)}' with '{show(evidence.target.classes[table[level].argmax()], 20)}'")
    return ", ".join(pairs)


def _find_near_copy(evidence: Evidence) -> Finding | None:
    """Few values, each with a class of its own but for a few rows, also of the rarer classes."""
    if evidence.levels.n_levels > evidence.n_classes + 2:
        return None
    table = evidence.levels.by_class(evidence.labels, evidence.n_classes)
    n_rows, n_right, n_commonest = table.sum(), table.max(axis=1).sum(), table.sum(axis=0).max()
    if n_rows - n_right >= _DISAGREEING * n_rows or n_right - n_commonest < _RECOVERED * (n_rows - n_commonest):
        return None
    but_for = f"it differs in {n_rows - n_right:,} of the {n_rows:,} rows looked at"
    message = f"is nearly a copy of the target: {but_for} ({_examples(evidence)}); {REMEDY}"
    return evidence.finding("near-copy", "error", message)


def _find_telling(evidence: Evidence) -> Finding | None:
    told = evidence.told
    if not told.is_too_much:
        return None
    level: Level = "error" if told.is_nearly_all else "warn"
    thing = f"; if it names things with several rows, use --group '{show(evidence.column.name)}'"
    return evidence.finding("tells-target", level, f"alone tells the target ({told.in_figures}); {REMEDY}{thing}")


_TESTS: tuple[Callable[[Evidence], Finding | None], ...] = (
    _find_near_copy,
    find_averages,
    find_telling_gaps,
    _find_telling,
    find_names,
)
_LEVELS = get_args(Level)
