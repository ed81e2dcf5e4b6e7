"""Row numbers for training, validation and test: stratified by class, what belongs together on one side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import ceil

import numpy as np
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.settings import SplitSettings
from nncli.table.arrangement import Arrangement, Groups, Labels, Rows

Seed = tuple[int, int]
"""Of a shuffle, and the round that it is for; round 0 shuffles as the seed alone does."""
_SIZE_NOISE = 4.0
"""The most that a group's size is multiplied with before groups are ordered, so that seeds differ."""
_FEW_ALIKE = 3
"""Identical rows that stay together in any table, though parts differ by as many from their sizes."""
_GOLDEN = 0.618034
"""Multiples of it, modulo 1, are spread evenly."""


@dataclass(frozen=True)
class Split:
    """Row numbers, each part sorted; the parts do not overlap, and training has every class that the others have."""

    train: Rows
    validation: Rows
    test: Rows
    unknown: Rows
    """Rows in no part, because in the order of time their classes come after all training rows."""
    identical_rows_straddle: bool
    """True where identical rows are on two sides."""


def make_split(rows: Arrangement, settings: SplitSettings, seed: int) -> Split:
    """Splits rows once, for every model.

    Args:
        rows: what is known of them.
        settings: the shares.
        seed: of the shuffle; what came first is not shuffled.

    Raises:
        DataError: there are too few rows, groups or moments, or too few that share classes.
    """
    _refuse_fewer(rows, 3, "training, validation and test")
    test, validation = settings.test_fraction, settings.validation_fraction
    if rows.moments is not None:
        part = 2 - _in_order(rows.moments, (1 - test - validation, validation, test))
    else:
        part = _partition(rows, (test, validation, 1 - test - validation), (seed, 0))
        part[_untrained(rows, part == 2)] = 2
    test_rows, validation_rows, train_rows = (np.flatnonzero(part == number) for number in range(3))
    straddle = _are_on_two_sides(rows.repeats, train_rows, validation_rows, test_rows)
    return _scorable(rows, train_rows, validation_rows, test_rows, straddle)


def make_folds(rows: Arrangement, settings: SplitSettings, seed: int, round_number: int = 0) -> list[Split]:
    """Splits for one round of cross-validation.

    Every row is in the test part of one fold, unless no other row (or group) has its class. In the order of time each
    fold learns from all rows before those that it tests, as in scikit-learn's ``TimeSeriesSplit``: the first block of
    rows is never tested.

    Args:
        rows: what is known of them.
        settings: the shares and the number of folds.
        seed: of the shuffle.
        round_number: from 0; each round is shuffled differently, see :func:`distinct_rounds`.

    Raises:
        DataError: there are too few rows, groups or moments, or too few that share classes.
    """
    n_folds, share = settings.n_folds, settings.validation_fraction / (1 - settings.test_fraction)
    if rows.moments is not None:
        _refuse_fewer(rows, n_folds + 2, f"{n_folds} folds")
        block = 1 / (n_folds + 1)  # the first one has to give the first fold rows to validate on
        part = _in_order(rows.moments, (block * (1 - share), block * share, *[block] * n_folds))
        sides = [(part <= last, part == last + 1) for last in range(1, n_folds + 1)]
    else:
        _refuse_fewer(rows, n_folds, f"{n_folds} folds")
        part = _partition(rows, [1 / n_folds] * n_folds, (seed, round_number))
        sides = [(part != tested, part == tested) for tested in range(n_folds)]
    folds = [_make_fold(rows, *side, share, (seed + 1 + i, round_number)) for i, side in enumerate(sides)]
    straddle = any(fold.identical_rows_straddle for fold in folds)
    return [replace(fold, identical_rows_straddle=straddle) for fold in folds]


def thinned(split: Split, rows: Arrangement, share: float, seed: int) -> Split:
    """The same test rows, with a share of the others, of each class alike; a smaller share is a part of a larger.

    Where rows are grouped, so many of the groups are taken whole.

    Args:
        split: what is thinned.
        rows: what is known of all rows.
        share: of the rows to learn from and of those for validation; of each class one row at least.
        seed: of which rows stay.

    Raises:
        DataError: a class would be lost with its groups.
    """
    random = np.random.default_rng(seed)
    place = random.permutation(rows.labels.size) if rows.groups is None else random.permutation(rows.n_units)
    units = None if rows.groups is None else np.unique(rows.groups, return_inverse=True)[1]

    def some(part: Rows) -> Rows:
        if units is not None:
            kept = np.unique(place[units[part]])
            return part[np.isin(place[units[part]], kept[: ceil(share * kept.size)])]
        order = part[np.argsort(place[part])]
        by_class = order[np.argsort(rows.labels[order], kind="stable")]
        counts = np.unique(rows.labels[by_class], return_counts=True)[1]
        rank = np.arange(part.size) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.sort(by_class[rank < np.repeat(np.ceil(share * counts), counts)])

    found = replace(split, train=some(split.train), validation=some(split.validation))
    if not np.isin(rows.labels[split.train], rows.labels[found.train]).all():
        raise DataError(f"{share:.0%} of the {rows.unit} hold too few classes")
    return found


def distinct_rounds(rows: Arrangement, settings: SplitSettings, seed: int, wanted: int) -> list[int]:
    """Numbers of the rounds, from 0, whose folds are those of no earlier one.

    Shuffled rows never fall alike, but a few groups may, and the order of time gives one round only.

    Args:
        rows: what is known of them.
        settings: as for :func:`make_folds`.
        seed: as for :func:`make_folds`.
        wanted: rounds that are looked at.

    Raises:
        DataError: as :func:`make_folds`.
    """
    if rows.groups is None:
        return list(range(wanted if rows.moments is None else 1))
    rounds: dict[frozenset[str], int] = {}
    for number in range(wanted):
        folds = make_folds(rows, settings, seed, number)
        rounds.setdefault(frozenset(sha256(fold.test.tobytes()).hexdigest() for fold in folds), number)
    return list(rounds.values())


def _make_fold(
    rows: Arrangement, learned: NDArray[np.bool_], tested: NDArray[np.bool_], share: float, seed: Seed
) -> Split:
    """Lays a share of the rows to learn from aside for validation."""
    if rows.moments is None:
        returned = _untrained(rows, learned)
        learned, tested = learned | returned, tested & ~returned
    rest, test = np.flatnonzero(learned), np.flatnonzero(tested)
    known = rows.take(rest)
    if known.moments is not None:
        part = 1 - _in_order(known.moments, (1 - share, share))
    else:
        part = _partition(known, (share, 1 - share), seed)
        part[_untrained(known, part == 1)] = 1
    straddle = _are_on_two_sides(rows.repeats, rest, test)
    return _scorable(rows, rest[part == 1], rest[part == 0], test, straddle)


def _scorable(rows: Arrangement, train: Rows, validation: Rows, test: Rows, straddle: bool) -> Split:
    """Leaves out the rows whose class training does not know.

    Raises:
        DataError: nothing to score is left, or a single class to learn.
    """
    is_known = np.isin(rows.labels, rows.labels[train])
    unknown = [part[~is_known[part]] for part in (validation, test)]
    validation, test = validation[is_known[validation]], test[is_known[test]]
    if min(train.size, validation.size, test.size) == 0 or np.unique(rows.labels[train]).size < 2:
        why = "" if rows.groups is None and rows.moments is None else " share classes"
        raise _too_few(rows, f"{why} for training, validation and test")
    return Split(train, validation, test, np.concatenate(unknown), straddle)


def _refuse_fewer(rows: Arrangement, n_needed: int, what_for: str) -> None:
    if rows.n_units < n_needed:
        raise _too_few(rows, f" for {what_for}, which need {n_needed}")


def _too_few(rows: Arrangement, what_for: str) -> DataError:
    return DataError(f"the data have {rows.n_units:,} {rows.unit}: too few{what_for}; add rows")


def _are_on_two_sides(repeats: Groups, *sides: Rows) -> bool:
    """Whether some identical rows are."""
    found = np.concatenate([np.unique(repeats[side]) for side in sides])
    return np.unique(found).size < found.size


def _untrained(rows: Arrangement, learned: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows of classes that have no row to learn from, and rows that belong to them. Shape: ``(n_rows,)``."""
    groups = rows.repeats if rows.groups is None else rows.groups
    classless = ~np.isin(rows.labels, rows.labels[learned])
    return np.isin(groups, groups[classless]) & ~learned


def _in_order(moments: Groups, shares: Sequence[float]) -> NDArray[np.int64]:
    """The part of each row, the earliest rows in the first: whole moments, one at least, about these shares of rows."""
    _, place, sizes = np.unique(moments, return_inverse=True, return_counts=True)
    wanted = moments.size * np.cumsum(shares)[:-1]
    n_before = 1 + np.abs(np.cumsum(sizes)[:, None] - wanted).argmin(axis=0)  # moments before each border
    least = np.arange(1, len(shares))
    n_before = least + np.maximum.accumulate(np.maximum(n_before - least, 0))
    n_before = np.minimum(n_before, sizes.size - len(shares) + least)
    return np.searchsorted(n_before, place, side="right")


def _partition(rows: Arrangement, shares: Sequence[float], seed: Seed) -> NDArray[np.int64]:
    """The part of each row, about the given shares of every class.

    Named groups stay whole. Of identical rows whole groups go to a part, but for those of many rows that would fill a
    tenth of the smallest part: their rows go singly, as all rows do where whole groups give no fair split (every part
    within a tenth of its size or three rows, every class that has rows enough present in each).
    """
    labels, groups = rows.labels, rows.repeats
    if rows.groups is not None:
        return _deal(labels, rows.groups, shares, seed)
    sizes = np.bincount(groups, minlength=groups.max() + 1)
    is_large = sizes[groups] > max(_FEW_ALIKE, 0.1 * min(shares) * groups.size)
    single = groups.max() + 1 + np.arange(groups.size)
    whole = _assign(labels, np.where(is_large, single, groups), shares, seed)
    return whole if _is_fair(labels, whole, shares) else _assign(labels, single, shares, seed)


def _deal(labels: Labels, groups: Groups, shares: Sequence[float], seed: Seed) -> NDArray[np.int64]:
    """The part of each row: groups one by one, each to the part that needs its classes most; none is left empty.

    Large groups come first, or nothing could make up for them. As scikit-learn's ``StratifiedGroupKFold``, but for
    parts of different sizes: what is kept small is the sum, over classes and parts, of (share of the class's rows)² /
    share of the part, which is smallest where the two shares are the same; and sizes count for more or less by chance.
    """
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n_classes = labels.max() + 1
    pairs, counts = np.unique(group * n_classes + labels, return_counts=True)
    owner, classes = np.divmod(pairs, n_classes)
    starts, fractions = np.searchsorted(owner, np.arange(sizes.size + 1)), counts / np.bincount(labels)[classes]
    order = np.argsort(-sizes * np.random.default_rng(seed).uniform(1, _SIZE_NOISE, sizes.size))
    filled, is_empty = np.zeros((len(shares), n_classes)), np.ones(len(shares), dtype=np.bool_)
    part = np.empty(sizes.size, dtype=np.int64)
    for n_left, number in zip(range(sizes.size, 0, -1), order, strict=True):
        own = slice(starts[number], starts[number + 1])
        added = fractions[own]
        cost = ((2 * filled[:, classes[own]] + added) * added).sum(axis=1) / shares
        chosen = np.where(is_empty | (n_left > is_empty.sum()), cost, np.inf).argmin()
        filled[chosen, classes[own]] += added
        is_empty[chosen], part[number] = False, chosen
    return part[group]


def _assign(labels: Labels, groups: Groups, shares: Sequence[float], seed: Seed) -> NDArray[np.int64]:
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
    if (np.abs(sizes - shares) > np.maximum(0.1 * np.asarray(shares), _FEW_ALIKE / part.size)).any():
        return False
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count * min(shares) >= 2 and np.unique(part[labels == label]).size < len(shares):
            return False
    return True
