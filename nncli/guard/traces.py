"""Traces that an outcome leaves in other columns: cells filled in after it, its name in a text, averages of it."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import chdtr

from nncli.errors import show
from nncli.guard.evidence import FEWEST_ROWS, REMEDY, Evidence
from nncli.guard.findings import Finding, Level
from nncli.guard.levels import Levels, tell
from nncli.table.arrow import numpy_array
from nncli.table.cells import is_missing, to_codes
from nncli.table.target import Target

_LEAST_SHARE = 0.02
"""Of rows that show a trace."""
_NEARLY_ALWAYS, _OFTEN_ANYWAY = 0.995, 0.9
"""Share of a class among these rows, and among all rows, where a trace would be no news."""
_CHANCE = 1e-9
"""Of what is taken for no chance."""
_RIGHTLY_NAMED, _SHORTEST_NAME = 0.95, 3
_MOST_NAMES = 100
_MOST_CLASSES = 20
"""Whose shares are compared with a column's values."""
_LEAST_SPREAD = 0.05
"""Between the averages of groups."""
_CLOSE = 0.2
"""The part of their expected distance from the line that averages keep at the most."""


def find_telling_gaps(evidence: Evidence) -> Finding | None:
    """Whether a cell is empty tells the target, or is a matter of one class."""
    is_empty = is_missing(evidence.cells)
    if not 0 < is_empty.sum() < is_empty.size:
        return None
    flags = Levels(is_empty.astype(np.int64), 2, None)
    told = tell(flags, evidence.labels, evidence.n_classes)
    if told.is_too_much:
        level: Level = "error" if told.is_nearly_all else "warn"
        message = f"tells the target by which of its cells are empty ({told.in_figures}); {REMEDY}"
        return evidence.finding("missing-tells-target", level, message)
    return _of_one_class(evidence, flags)


def _of_one_class(evidence: Evidence, flags: Levels) -> Finding | None:
    """Filled cells, or empty ones, that are all of one class, more of them than chance would give it."""
    table = flags.by_class(evidence.labels, evidence.n_classes)
    shares = table.sum(axis=0) / table.sum()
    for word, counts in zip(("filled", "empty"), table, strict=True):
        label, n_rows = int(counts.argmax()), int(counts.sum())
        is_pure = counts[label] >= _NEARLY_ALWAYS * n_rows and n_rows >= _LEAST_SHARE * table.sum()
        if is_pure and shares[label] < _OFTEN_ANYWAY and n_rows * np.log(shares[label]) < np.log(_CHANCE):
            message = (
                f"is {word} for '{show(evidence.target.classes[label], 30)}' almost alone ({counts[label]:,} of "
                f"{n_rows:,} such rows, {shares[label]:.1%} of all rows); {REMEDY}"
            )
            return evidence.finding("missing-tells-target", "warn", message)
    return None


def find_names(evidence: Evidence) -> Finding | None:
    """Text in which the name of the row's class stands."""
    if evidence.column.kind not in ("text", "categorical") or evidence.levels.n_levels <= evidence.n_classes:
        return None
    named = _named_classes(evidence.cells, evidence.target.classes)
    is_named = named >= 0
    n_named, n_right = int(is_named.sum()), int((named == evidence.labels).sum())
    if n_named < max(FEWEST_ROWS, _LEAST_SHARE * named.size) or n_right < _RIGHTLY_NAMED * n_named:
        return None
    shares = np.bincount(evidence.labels, minlength=evidence.n_classes) / named.size
    if shares[named[is_named]].mean() > _OFTEN_ANYWAY:
        return None
    message = (
        f"names the row's class: {n_named / named.size:.1%} of rows name one, {n_right / n_named:.1%} of them rightly; "
        f"{REMEDY}"
    )
    return evidence.finding("text-names-target", "warn", message)


def _named_classes(cells: pa.Array, classes: Sequence[str]) -> NDArray[np.int64]:
    """The class whose name comes first in each cell, as a word; -1 where none does. Shape: ``(n_rows,)``."""
    names = [
        name.lower() for name in classes[:_MOST_NAMES] if len(name) >= _SHORTEST_NAME and re.search(r"[^\W\d]", name)
    ]
    if not names:
        return np.full(len(cells), -1)
    texts = cells.dictionary_encode()
    words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    found = pc.extract_regex(pc.utf8_lower(texts.dictionary), rf"(?:^|\W)(?P<name>{words})(?:\W|$)")
    name = pc.fill_null(pc.struct_field(found, "name"), "")
    of_text = to_codes(name, [name.lower() for name in classes])
    named: NDArray[np.int64] = of_text[numpy_array(texts.indices)]
    return named


def find_averages(evidence: Evidence) -> Finding | None:
    """Values that are averages of the target over the rows that have them, as the mean of a row's group is.

    A test of lack of fit, in its lower tail: a line through the levels of an honest column leaves their shares of a
    class to chance. Where they follow a line more exactly than chance allows, they come from the labels.
    """
    levels = evidence.levels
    if levels.values is None or not 3 <= levels.n_levels <= evidence.labels.size / 2:
        return None
    every = evidence.all_levels
    if every.values is None or not _fits_too_well(every, every.values, evidence.target):
        return None
    message = (
        "holds averages of the target: the shares of a class among rows of equal value follow the value more exactly "
        "than chance allows, so each knows the class of its own row; average other rows only, or remove the column"
    )
    return evidence.finding("target-average", "error", message)


def _fits_too_well(levels: Levels, of_levels: NDArray[np.float64], target: Target) -> bool:
    """Whether the levels' shares of a class lie closer to a line than rows drawn by chance can, for a large class."""
    counts, n_classes = levels.counts, len(target.classes)
    repeated = (counts > 1) & ~np.isnan(of_levels)
    largest = np.argsort(-np.bincount(target.labels, minlength=n_classes), kind="stable")[:_MOST_CLASSES]
    place = np.full(n_classes, _MOST_CLASSES)
    place[largest] = np.arange(largest.size)
    table = levels.by_class(place[target.labels], _MOST_CLASSES + 1)[repeated][:, : largest.size]
    if len(table) < 3:
        return False
    sizes, values = counts[repeated].astype(np.float64), of_levels[repeated]
    means, weights = table / sizes[:, None], sizes / sizes.sum()
    x, y = values - weights @ values, means - weights @ means
    slopes = (weights * x) @ y / ((weights * x) @ x)
    lack = (sizes[:, None] * (y - np.outer(x, slopes)) ** 2).sum(axis=0)
    by_chance = means * (1 - means) * (sizes / (sizes - 1))[:, None]  # what each level adds to it, if it is honest
    expected = by_chance.sum(axis=0)
    varies = (expected > 0) & (np.ptp(y, axis=0) > _LEAST_SPREAD)
    lack, expected, freedom = lack[varies], expected[varies], expected[varies] ** 2 / (by_chance[:, varies] ** 2).sum(0)
    return bool(((lack < _CLOSE * expected) & (chdtr(freedom, lack / expected * freedom) < _CHANCE)).any())
