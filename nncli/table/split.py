"""Row numbers for training, validation and test: stratified by class, identical rows on one side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.settings import SplitSettings

Rows = NDArray[np.int64]
Labels = NDArray[np.int64]
Groups = NDArray[np.int64]
_GOLDEN = 0.618034
"""Multiples of it, modulo 1, are spread evenly."""


@dataclass(frozen=True)
class Split:
    """Row numbers, each part sorted; the parts do not overlap."""

    train: Rows
    validation: Rows
    test: Rows
    identical_rows_straddle: bool
    """True where rows repeat so much that they could not be kept on one side."""


def group_identical_rows(rows: pa.RecordBatch) -> Groups:
    """A group number per row; rows with the same cells share it. Shape: ``(n_rows,)``."""
    import pandas as pd

    hashes = pd.util.hash_pandas_object(rows.to_pandas(), index=False).to_numpy()
    return np.unique(hashes, return_inverse=True)[1].astype(np.int64)


def make_split(labels: Labels, groups: Groups, settings: SplitSettings, seed: int) -> Split:
    """Splits rows once, for every model.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        groups: from :func:`group_identical_rows`.
        settings: the shares.
        seed: of the shuffle.
    """
    test, validation = settings.test_fraction, settings.validation_fraction
    part, straddle = _partition(labels, groups, (test, validation, 1 - test - validation), seed)
    part[_untrained(labels, groups, part == 2)] = 2
    test_rows, validation_rows, train_rows = (np.flatnonzero(part == number) for number in range(3))
    return Split(train_rows, validation_rows, test_rows, straddle)


def make_folds(labels: Labels, groups: Groups, settings: SplitSettings, seed: int) -> list[Split]:
    """Splits for cross-validation: every row is in the test part of one fold, unless no other row has its class."""
    n_folds = settings.n_folds
    fold, straddle = _partition(labels, groups, (1 / n_folds,) * n_folds, seed)
    share = settings.validation_fraction / (1 - settings.test_fraction)
    folds = []
    for number in range(n_folds):
        learned = fold != number
        learned |= _untrained(labels, groups, learned)
        rest, test = np.flatnonzero(learned), np.flatnonzero(~learned)
        part, _ = _partition(labels[rest], groups[rest], (share, 1 - share), seed + 1 + number)
        part[_untrained(labels[rest], groups[rest], part == 1)] = 1
        folds.append(Split(rest[part == 1], rest[part == 0], test, straddle))
    return folds


def thinned(split: Split, labels: Labels, share: float, seed: int) -> Split:
    """The same test rows, with a share of the other rows, of each class alike; a smaller share is a part of a larger.

    Args:
        split: what is thinned.
        labels: class numbers of all rows, shape ``(n_rows,)``.
        share: of the rows to learn from and of those for validation; of each class one row at least.
        seed: of which rows stay.
    """

    def some(rows: Rows) -> Rows:
        order = np.random.default_rng(seed).permutation(rows)
        by_class = order[np.argsort(labels[order], kind="stable")]
        counts = np.unique(labels[by_class], return_counts=True)[1]
        place = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.sort(by_class[place < np.repeat(np.ceil(share * counts), counts)])

    return replace(split, train=some(split.train), validation=some(split.validation))


def _untrained(labels: Labels, groups: Groups, learned: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows of classes that have no row to learn from, and rows identical to them. Shape: ``(n_rows,)``."""
    classless = ~np.isin(labels, labels[learned])
    return np.isin(groups, groups[classless]) & ~learned


def _partition(labels: Labels, groups: Groups, shares: Sequence[float], seed: int) -> tuple[NDArray[np.int64], bool]:
    """The part of each row, about the given shares of every class, and whether groups were torn.

    Whole groups go to a part, but for those that would fill a tenth of the smallest part: their rows go singly, as
    all rows do where whole groups give no fair split (every part within a tenth of its size, every class that has
    rows enough present in each).
    """
    sizes = np.bincount(groups, minlength=groups.max() + 1)
    is_large = sizes[groups] > max(1, 0.1 * min(shares) * groups.size)
    single = groups.max() + 1 + np.arange(groups.size)
    whole = _assign(labels, np.where(is_large, single, groups), shares, seed)
    if _is_fair(labels, whole, shares):
        return whole, bool(is_large.any())
    return _assign(labels, single, shares, seed), bool((sizes > 1).any())


def _assign(labels: Labels, groups: Groups, shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """The part of each row: groups in random order, laid along the shares class by class."""
    _, first_rows, group = np.unique(groups, return_index=True, return_inverse=True)
    classes = labels[first_rows]  # a group counts as its first row's class
    sizes = np.bincount(group)
    order = np.random.default_rng(seed).permutation(sizes.size)
    part = np.empty(sizes.size, dtype=np.int64)
    for number, label in enumerate(np.unique(classes)):
        members = order[classes[order] == label]
        middle = (np.cumsum(sizes[members]) - sizes[members] / 2) / sizes[members].sum()
        # Each class starts elsewhere, or many small classes would all leave the same part without rows.
        place = (middle + number * _GOLDEN) % 1
        part[members] = np.searchsorted(np.cumsum(shares)[:-1], place, side="right")
    return part[group]


def _is_fair(labels: Labels, part: NDArray[np.int64], shares: Sequence[float]) -> bool:
    sizes = np.bincount(part, minlength=len(shares)) / part.size
    if (np.abs(sizes - shares) > np.maximum(0.1 * np.asarray(shares), 1.5 / part.size)).any():
        return False
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count * min(shares) >= 2 and np.unique(part[labels == label]).size < len(shares):
            return False
    return True
