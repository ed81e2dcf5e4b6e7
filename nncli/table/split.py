"""Row numbers for training, validation and test: stratified by class, identical rows on one side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nncli.settings import SplitSettings

Rows = NDArray[np.int64]
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


def group_identical_rows(frame: pd.DataFrame) -> NDArray[np.int64]:
    """A group number per row; rows with the same cells share it. Shape: ``(n_rows,)``."""
    hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return np.unique(hashes, return_inverse=True)[1].astype(np.int64)


def make_split(labels: NDArray[np.int64], groups: NDArray[np.int64], settings: SplitSettings, seed: int) -> Split:
    """Splits rows once, for every model.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        groups: from :func:`group_identical_rows`.
        settings: the shares.
        seed: of the shuffle.
    """
    test, validation = settings.test_fraction, settings.validation_fraction
    parts, straddle = partition(labels, groups, (test, validation, 1 - test - validation), seed)
    return Split(parts[2], parts[1], parts[0], straddle)


def make_folds(labels: NDArray[np.int64], groups: NDArray[np.int64], settings: SplitSettings, seed: int) -> list[Split]:
    """Splits for cross-validation: every row is in the test part of one fold."""
    n_folds = settings.n_folds
    tests, straddle = partition(labels, groups, [1 / n_folds] * n_folds, seed)
    share = settings.validation_fraction / (1 - settings.test_fraction)
    folds = []
    for number, test in enumerate(tests):
        rest = np.setdiff1d(np.arange(labels.size), test)
        untrained = ~np.isin(labels[test], labels[rest])
        rest, test = np.union1d(rest, test[untrained]), test[~untrained]
        (validation, train), _ = partition(labels[rest], groups[rest], (share, 1 - share), seed + 1 + number)
        folds.append(Split(rest[train], rest[validation], test, straddle))
    return folds


def partition(
    labels: NDArray[np.int64], groups: NDArray[np.int64], shares: Sequence[float], seed: int
) -> tuple[list[Rows], bool]:
    """Row numbers of parts with about the given shares of every class, and whether groups were torn.

    Whole groups go to a part where that can be done: every part within a tenth of its size, every class
    that has a row for each part present in each. Else single rows do. A class with one row is in the last part.
    """
    whole = _assign(labels, groups, shares, seed)
    if _is_fair(labels, whole, shares):
        return _rows(whole, len(shares)), False
    torn = _assign(labels, np.arange(labels.size), shares, seed)
    return _rows(torn, len(shares)), bool(np.unique(groups).size < groups.size)


def _rows(part: NDArray[np.int64], n_parts: int) -> list[Rows]:
    return [np.flatnonzero(part == number) for number in range(n_parts)]


def _assign(
    labels: NDArray[np.int64], groups: NDArray[np.int64], shares: Sequence[float], seed: int
) -> NDArray[np.int64]:
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
    by_row = part[group]
    for label in np.setdiff1d(labels, labels[by_row == len(shares) - 1]):
        by_row[np.isin(group, group[labels == label])] = len(shares) - 1
    return by_row


def _is_fair(labels: NDArray[np.int64], part: NDArray[np.int64], shares: Sequence[float]) -> bool:
    sizes = np.bincount(part, minlength=len(shares)) / part.size
    if (np.abs(sizes - shares) > np.maximum(0.1 * np.asarray(shares), 1.5 / part.size)).any():
        return False
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count * min(shares) >= 2 and np.unique(part[labels == label]).size < len(shares):
            return False
    return True
