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
_NEARLY_ALWAYS, _NEARLY_THE_SAME, _OFTEN_ANYWAY = 0.995, 0.8, 0.9
"""Share of a class among these rows; correlation of both; share among all rows where a trace would be no news."""
_CHANCE = 1e-9
"""Of what is taken for no chance."""
_RIGHTLY_NAMED, _BEYOND_CHANCE = 0.95, 0.8
"""Share of names that are those of the rows' classes; the least of what chance leaves for them to get right."""
_MOST_NAMES, _LONGEST_NAME = 100, 50
_MOST_CLASSES = 20
"""Whose shares are compared with a column's values."""
_LEAST_SPREAD = 0.05
"""Between the averages of groups."""
_CLOSE = 0.2
"""The most that averages keep of the distance from the line to be expected, and of their distances from each other."""


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
    """Filled cells, or empty ones, that one class has for itself: they are all of it, or nearly all of each other."""
    table = flags.by_class(evidence.labels, evidence.n_classes)
    sizes, n_rows = table.sum(axis=0), table.sum()
    if sizes.max() == n_rows:
        return None
    for word, counts in zip(("filled", "empty"), table, strict=True):
        label, n_flagged = int(counts.argmax()), int(counts.sum())
        share, flagged = sizes[label] / n_rows, n_flagged / n_rows
        correlation = (counts[label] / n_rows - share * flagged) / np.sqrt(
            share * (1 - share) * flagged * (1 - flagged)
        )
        is_pure = counts[label] >= _NEARLY_ALWAYS * n_flagged or correlation >= _NEARLY_THE_SAME
        is_news = share < _OFTEN_ANYWAY and n_flagged * np.log(share) < np.log(_CHANCE)
        if is_pure and is_news and n_flagged >= _LEAST_SHARE * n_rows:
            message = (
                f"is {word} almost only in rows of '{show(evidence.target.classes[label], 30)}' ({counts[label]:,} of "
                f"{n_flagged:,}; of all rows, {share:.1%} are of that class); {REMEDY}"
            )
            return evidence.finding("missing-tells-target", "warn", message)
    return None


def find_names(evidence: Evidence) -> Finding | None:
    """Text in which the name of the row's class stands."""
    if evidence.column.kind not in ("text", "categorical") or evidence.levels.n_levels <= evidence.n_classes:
        return None
    named = _named_classes(evidence.cells, evidence.target.classes)
    is_named = named >= 0
    n_named = int(is_named.sum())
    if n_named < max(FEWEST_ROWS, _LEAST_SHARE * named.size):
        return None
    shares = np.bincount(evidence.labels, minlength=evidence.n_classes) / named.size
    right, chance = float((named == evidence.labels)[is_named].mean()), float(shares[named[is_named]].mean())
    if right < max(_RIGHTLY_NAMED, chance + _BEYOND_CHANCE * (1 - chance)):
        return None
    message = f"names a class in {n_named / named.size:.1%} of rows, in {right:.1%} of them the row's own; {REMEDY}"
    return evidence.finding("text-names-target", "warn", message)


def _named_classes(cells: pa.Array, classes: Sequence[str]) -> NDArray[np.int64]:
    """The class whose name comes first in each cell, as a word; -1 where none does. Shape: ``(n_rows,)``."""
    names = [name.lower() for name in classes]
    looked_for = [name for name in names if len(name) <= _LONGEST_NAME and name.isprintable()][:_MOST_NAMES]
    if not looked_for:
        return np.full(len(cells), -1)
    texts = cells.dictionary_encode()
    words = "|".join(re.escape(name) for name in sorted(looked_for, key=len, reverse=True))
    found = pc.extract_regex(pc.utf8_lower(texts.dictionary), rf"(?:^|\W)(?P<name>{words})(?:\W|$)")
    name = pc.fill_null(pc.struct_field(found, "name"), "")
    of_text = to_codes(name, names)
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
    sizes, values = counts[repeated].astype(np.float64), of_levels[repeated]
    return len(table) > 2 and any(_chance_of_fit(values, of_class, sizes) < _CHANCE for of_class in table.T)


def _chance_of_fit(values: NDArray[np.float64], counts: NDArray[np.int64], sizes: NDArray[np.float64]) -> float:
    """An upper bound of how probable it is that so many rows of a class in each level fit a line so well.

    Args:
        values: of the levels.
        counts: rows of the class in each.
        sizes: rows of each, two at least.
    """
    shares, weights, values = counts / sizes, sizes / sizes.sum(), values / np.abs(values).max()
    x, y = values - weights @ values, shares - weights @ shares
    lack = float(sizes @ (y - x * ((weights * x) @ y / ((weights * x) @ x))) ** 2)
    follows_line = lack < _CLOSE * float(sizes @ y**2)  # and not only balanced, as in a planned experiment
    by_chance = shares * (1 - shares) * sizes / (sizes - 1)  # what each level adds to it, if it is honest
    freedom = by_chance.sum() ** 2 / max((by_chance**2).sum(), np.finfo(np.float64).tiny) - 2
    if not follows_line or np.ptp(shares) <= _LEAST_SPREAD or freedom <= 0 or lack > _CLOSE * by_chance.sum():
        return 1.0
    # Counts are whole numbers: even an exact fit has a chance, of each level's commonest count; two levels make a line.
    commonest = np.sort(np.minimum(1, 1 / np.sqrt(2 * np.pi * np.maximum(sizes * by_chance, 1e-9))))[:-2]
    return max(float(chdtr(freedom, lack / by_chance.sum() * freedom)), float(np.exp(np.log(commonest).sum())))
