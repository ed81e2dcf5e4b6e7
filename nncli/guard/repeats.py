"""Rows that are nearly the same as others, and rows that are the same but for their class."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import show
from nncli.guard.evidence import FEWEST_ROWS
from nncli.guard.findings import Finding
from nncli.guard.levels import Levels, levels_of
from nncli.table.arrangement import Arrangement, Groups, Labels
from nncli.table.arrow import number_array
from nncli.table.cells import stripped
from nncli.table.schema import Column
from nncli.table.target import Target

Keys = NDArray[np.uint64]

_WORST_CEILING = 0.99
_MOST_ROWS, _MOST_CELLS = 50_000, 5_000_000
_FEWEST_COLUMNS, _MOST_LEFT_OUT = 4, 12
_LEAST_SHARE, _LEAST_AGREEMENT = 0.02, 0.9
"""Of rows with a near twin; of twins of one class, beyond chance: as high as among copies of one thing."""
_MOST_BY_CHANCE = 0.01
"""Twins that independent columns would give, of those that are there."""
_STEPS = 100
"""Between the quartiles, to which numbers are rounded."""


def examine_conflicts(repeats: Groups, target: Target) -> list[Finding]:
    """Rows that are the same but for their class, and the accuracy that nothing learned from them can exceed."""
    n_classes = len(target.classes)
    pairs, counts = np.unique(repeats * n_classes + target.labels, return_counts=True)
    largest = np.zeros(int(repeats.max()) + 1, dtype=np.int64)
    np.maximum.at(largest, pairs // n_classes, counts)
    n_classes_of = np.bincount(pairs // n_classes)
    n_rows = int((n_classes_of[repeats] > 1).sum())
    ceiling = largest.sum() / target.labels.size
    if ceiling > _WORST_CEILING:
        return []
    message = (
        f"{n_rows:,} rows have the same columns as a row of another class: no model can be right in more than "
        f"{ceiling:.1%} of all rows; add columns that tell such rows apart, or expect no more"
    )
    return [Finding("label-conflict", "warn", (), message)]


def find_near_repeats(rows: pa.RecordBatch, columns: Sequence[Column], arrangement: Arrangement) -> list[Finding]:
    """Rows that are equal but for one column, or once numbers are rounded, and of one class as copies are.

    Each cell has a random number, and a row the sum of its cells' numbers; without a column, the sum less its number.

    Args:
        rows: those that have a target, every cell as text.
        columns: to look at.
        arrangement: of these rows; of identical ones the first counts: they are known already.
    """
    first = np.unique(arrangement.repeats, return_index=True)[1]
    most = min(_MOST_ROWS, _MOST_CELLS // max(1, len(columns)))
    sample = np.sort(np.random.default_rng(0).permutation(first)[:most])
    if sample.size < FEWEST_ROWS or len(columns) < _FEWEST_COLUMNS:
        return []
    looked_at = rows.take(number_array(sample))
    levels = [levels_of(column.kind, stripped(looked_at[column.name])) for column in columns]
    scale = first.size / sample.size  # of two twins, so much fewer are in the sample
    found = max(_twins(levels, arrangement.labels[sample], scale), default=None)
    if found is None:
        return []
    share, place = found
    what = "once numbers are rounded" if place < 0 else f"but for column '{show(columns[place].name)}'"
    message = (
        f"{share:.1%} of rows are the same as another {what}, and of the same class: if both are one thing written "
        "down twice, training knows rows of the test; keep one of each, or name the thing with --group"
    )
    return [Finding("near-duplicates", "warn", () if place < 0 else (columns[place].name,), message)]


def _twins(levels: Sequence[Levels], labels: Labels, scale: float) -> Iterator[tuple[float, int]]:
    """The share of rows with a twin, if it is no chance, and the column without which they are twins; -1: rounded."""
    random = np.random.default_rng(0)
    keys = [_keys(one, random) for one in levels]
    total: Keys = np.stack(keys).sum(axis=0)
    log_alike = np.log([float(((one.counts / labels.size) ** 2).sum()) for one in levels])
    for place in np.argsort([-one.n_levels for one in levels], kind="stable")[:_MOST_LEFT_OUT]:
        others = log_alike.sum() - log_alike[place]
        yield from _share_of_twins(total - keys[place], labels, others, scale, int(place))
    rounded = [_rounded(one) for one in levels]
    log_alike = np.log([float(((one.counts / labels.size) ** 2).sum()) for one in rounded])
    total = np.stack([_keys(one, random) for one in rounded]).sum(axis=0)
    yield from _share_of_twins(total, labels, log_alike.sum(), scale, -1)


def _keys(levels: Levels, random: np.random.Generator) -> Keys:
    return random.integers(2**64, size=levels.n_levels, dtype=np.uint64)[levels.codes]


def _rounded(levels: Levels) -> Levels:
    if levels.values is None:
        return levels
    values = levels.values[levels.codes]
    with np.errstate(over="ignore", invalid="ignore"):  # numbers at the ends of what a double holds
        low, high = np.nanquantile(values, (0.25, 0.75)) if np.isfinite(levels.values[0]) else (0.0, 0.0)
        steps = np.round(values / (float(high - low) or float(np.nanstd(values)) or 1.0) * _STEPS)
    distinct, codes = np.unique(steps, return_inverse=True)
    return Levels(codes, distinct.size, distinct)


def _share_of_twins(
    keys: Keys, labels: Labels, log_alike: float, scale: float, place: int
) -> Iterator[tuple[float, int]]:
    _, codes, counts = np.unique(keys, return_inverse=True, return_counts=True)
    n_pairs = float((counts * (counts - 1.0)).sum()) / 2
    share = scale * float((counts[codes] > 1).mean())
    log_chance = 2 * np.log(labels.size) - np.log(2) + log_alike
    if share < _LEAST_SHARE or log_chance > np.log(_MOST_BY_CHANCE * n_pairs):
        return
    twins = np.unique(codes * (int(labels.max()) + 1) + labels, return_counts=True)[1].astype(np.float64)
    same, chance = (twins * (twins - 1)).sum() / (2 * n_pairs), ((np.bincount(labels) / labels.size) ** 2).sum()
    if (same - chance) / (1 - chance) >= _LEAST_AGREEMENT:
        yield min(share, 1.0), place
