from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, TimeSeriesSplit

from nncli.errors import DataError
from nncli.settings import SplitSettings
from nncli.table.arrangement import Arrangement
from nncli.table.split import distinct_rounds, make_folds, make_split, thinned

SETTINGS = SplitSettings()


def apart(y) -> Arrangement:  # type: ignore[no-untyped-def]
    """Rows that are all different."""
    return Arrangement(y, np.arange(y.size))


def grouped(y, groups) -> Arrangement:  # type: ignore[no-untyped-def]
    return Arrangement(y, np.arange(y.size), groups=groups, unit="groups of g")


def ordered(y, moments) -> Arrangement:  # type: ignore[no-untyped-def]
    return Arrangement(y, np.arange(y.size), moments=moments, unit="moments of t")


def made(make, *args):  # type: ignore[no-untyped-def]
    """What can be made; an example that cannot be split is none."""
    try:
        return make(*args)
    except DataError:
        assume(False)


def parts(split):  # type: ignore[no-untyped-def]
    return split.train, split.validation, split.test


@given(
    labels=st.lists(st.integers(0, 4), min_size=5, max_size=200),
    n_groups=st.integers(1, 200),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_row_is_in_one_part_and_every_class_in_training(labels, n_groups, seed) -> None:  # type: ignore[no-untyped-def]
    y = np.array(labels)
    groups = np.random.default_rng(seed).integers(n_groups, size=y.size)
    split = made(make_split, Arrangement(y, groups), SETTINGS, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts(split))), np.arange(y.size))
    assert set(y[split.train]) == set(labels)
    if not split.identical_rows_straddle:
        assert not np.intersect1d(groups[split.validation], groups[split.test]).size
        assert not np.intersect1d(groups[split.train], groups[split.test]).size
        assert not np.intersect1d(groups[split.train], groups[split.validation]).size


@given(labels=st.lists(st.integers(0, 2), min_size=10, max_size=120), seed=st.integers(0, 99))
def test_folds_test_every_row_once_and_train_on_every_class(labels, seed) -> None:  # type: ignore[no-untyped-def]
    y = np.array(labels)
    folds = made(make_folds, apart(y), SETTINGS, seed)
    counts = np.bincount(y)
    tested = np.sort(np.concatenate([fold.test for fold in folds]))
    assert set(np.setdiff1d(np.arange(y.size), tested)) <= set(np.flatnonzero(counts[y] == 1))
    assert np.unique(tested).size == tested.size
    for fold in folds:
        assert set(y[fold.train]) == set(labels)
        np.testing.assert_array_equal(np.sort(np.concatenate(parts(fold))), np.arange(y.size))


def test_shares_hold_for_each_class() -> None:
    y = np.repeat([0, 1, 2], [900, 90, 10])
    split = make_split(apart(y), SETTINGS, 0)
    np.testing.assert_allclose(np.bincount(y[split.test]) / np.bincount(y), 0.2, atol=0.1)
    np.testing.assert_allclose(np.bincount(y[split.validation]) / np.bincount(y), 0.16, atol=0.1)


def test_many_small_classes_still_fill_every_part() -> None:
    y = np.repeat(np.arange(50), 3)
    split = make_split(apart(y), SETTINGS, 0)
    np.testing.assert_allclose([part.size / y.size for part in parts(split)], [0.64, 0.16, 0.2], atol=0.05)


def test_identical_rows_stay_together_and_torn_ones_are_admitted() -> None:
    groups = np.unique(np.column_stack([np.arange(300) // 3, np.tile([0, 0, 1], 100)]), axis=0, return_inverse=True)[1]
    y = np.tile([0, 0, 1], 100)
    assert not make_split(Arrangement(y, groups), SETTINGS, 0).identical_rows_straddle
    assert make_split(
        Arrangement(y, y), SETTINGS, 0
    ).identical_rows_straddle  # two kinds of rows cannot fill three parts


@pytest.mark.parametrize("n_rows", [40, 80, 120, 200])
@pytest.mark.parametrize("n_alike", [2, 3])
def test_a_few_identical_rows_stay_together_in_small_tables_too(n_rows: int, n_alike: int) -> None:
    """Also where they are a tenth of the test rows or more."""
    y, groups = np.arange(n_rows) % 2, np.arange(n_rows)
    groups[:n_alike] = 0
    for seed in range(30):
        assert not make_split(Arrangement(y, groups), SETTINGS, seed).identical_rows_straddle
        assert not make_folds(Arrangement(y, groups), SETTINGS, seed)[0].identical_rows_straddle


def test_one_large_group_tears_no_other() -> None:
    groups = np.concatenate([np.repeat(np.arange(425), 2), np.full(150, 425)])
    y = np.random.default_rng(0).integers(2, size=1000)
    split = make_split(Arrangement(y, groups), SETTINGS, 0)
    shared = np.intersect1d(groups[split.train], groups[split.test])
    assert shared.tolist() == [425]
    assert split.identical_rows_straddle


def test_the_split_depends_on_the_seed_alone() -> None:
    y = np.repeat([0, 1], 50)
    first, again, other = (make_split(apart(y), SETTINGS, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


@given(labels=st.lists(st.integers(0, 3), min_size=30, max_size=200), seed=st.integers(0, 99))
def test_a_thinned_split_keeps_its_test_rows_its_classes_and_their_shares(labels, seed) -> None:  # type: ignore[no-untyped-def]
    y = np.array(labels)
    split = made(make_split, apart(y), SETTINGS, seed)
    half, quarter = (thinned(split, apart(y), share, seed) for share in (1 / 2, 1 / 4))
    np.testing.assert_array_equal(half.test, split.test)
    for name in ("train", "validation"):
        whole, some, fewer = (getattr(each, name) for each in (split, half, quarter))
        assert set(fewer) <= set(some) <= set(whole)
        assert np.bincount(y[some]).tolist() == np.ceil(np.bincount(y[whole]) / 2).tolist()


def test_rounds_are_shuffled_differently_and_the_first_is_the_seeds_own() -> None:
    y, groups = np.repeat([0, 1], 50), np.random.default_rng(0).integers(20, size=100)
    assert [len(make_folds(apart(y), SETTINGS, 3, number)) for number in (0, 1)] == [5, 5]
    for rows in (apart(y), grouped(y, groups)):
        assert distinct_rounds(rows, SETTINGS, 3, 4) == [0, 1, 2, 3]
        first, second, again = (make_folds(rows, SETTINGS, 3, number) for number in (0, 1, 1))
        for fold, other, same, own in zip(first, second, again, make_folds(rows, SETTINGS, 3), strict=True):
            assert not np.array_equal(fold.test, other.test)
            for part, same_part in zip(parts(other), parts(same), strict=True):
                np.testing.assert_array_equal(part, same_part)
            for part, own_part in zip(parts(fold), parts(own), strict=True):
                np.testing.assert_array_equal(part, own_part)


def test_five_groups_and_the_order_of_time_give_one_round() -> None:
    y, five = np.tile([0, 1], 50), np.arange(100) // 20
    assert distinct_rounds(grouped(y, five), SETTINGS, 0, 4) == [0]
    assert distinct_rounds(ordered(y, np.arange(100)), SETTINGS, 0, 4) == [0]
    six = grouped(np.tile([0, 1], 60), np.arange(120) // 20)
    assert len(distinct_rounds(six, SETTINGS, 0, 100)) == 15  # any two of the six can share a fold


@given(
    labels=st.lists(st.integers(0, 3), min_size=12, max_size=200),
    n_groups=st.integers(2, 60),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_group_is_on_two_sides_whatever_its_labels(labels, n_groups, seed) -> None:  # type: ignore[no-untyped-def]
    y, groups = np.array(labels), np.random.default_rng(seed).integers(n_groups, size=len(labels))
    rows = grouped(y, groups)
    folds = made(make_folds, rows, SETTINGS, seed)
    for split in (*folds, made(make_split, rows, SETTINGS, seed)):
        np.testing.assert_array_equal(np.sort(np.concatenate(parts(split))), np.arange(y.size))
        assert set(y[split.train]) == set(labels)
        sides = np.concatenate([np.unique(groups[part]) for part in parts(split)])
        assert np.unique(sides).size == sides.size
    tested = np.concatenate([fold.test for fold in folds])
    assert np.unique(tested).size == tested.size
    of_one_group = [label for label in np.unique(y) if np.unique(groups[y == label]).size == 1]
    assert set(np.setdiff1d(np.arange(y.size), tested)) <= set(
        np.flatnonzero(np.isin(groups, groups[np.isin(y, of_one_group)]))
    )


def off_balance(y, parts, shares) -> float:  # type: ignore[no-untyped-def]
    """How far the parts' shares of each class are from what they should be, on average."""
    counts = np.array([np.bincount(y[part], minlength=y.max() + 1) for part in parts])
    return float(np.sqrt(np.mean((counts / counts.sum(axis=0) - np.array(shares)[:, None]) ** 2)))


@pytest.mark.parametrize("n_groups", [30, 100, 400])
def test_groups_are_as_balanced_as_scikit_learns(n_groups: int) -> None:
    random = np.random.default_rng(n_groups)
    groups = np.repeat(np.arange(n_groups), random.geometric(0.1, n_groups))
    y = (random.random(groups.size) < random.beta(1, 2, n_groups)[groups]).astype(int)
    theirs = [test for _, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(y, y, groups)]
    ours = [fold.test for fold in make_folds(grouped(y, groups), SETTINGS, 0)]
    assert off_balance(y, ours, [0.2] * 5) <= 1.2 * off_balance(y, theirs, [0.2] * 5)
    assert off_balance(y, parts(make_split(grouped(y, groups), SETTINGS, 0)), [0.64, 0.16, 0.2]) < 0.03


def test_three_groups_of_every_class_are_enough_and_a_class_of_one_group_is_learned() -> None:
    split = make_split(grouped(np.tile([0, 1], 6), np.arange(12) // 4), SETTINGS, 0)
    assert [part.size for part in parts(split)] == [4, 4, 4]
    y = np.where(np.arange(200) < 20, 2, np.tile([0, 1], 100))  # all of class 2 are of one group
    folds = make_folds(grouped(y, np.arange(200) // 20), SETTINGS, 0)
    assert all(set(y[fold.train]) == {0, 1, 2} and 2 not in y[fold.test] for fold in folds)


@given(
    moments=st.lists(st.integers(0, 99), min_size=12, max_size=200),
    n_classes=st.integers(2, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_in_the_order_of_time_nothing_later_is_learned_from(moments, n_classes, seed) -> None:  # type: ignore[no-untyped-def]
    when = np.array(moments)
    y = np.random.default_rng(seed).integers(n_classes, size=when.size)
    rows = ordered(y, when)
    folds = made(make_folds, rows, SETTINGS, seed)
    for split in (*folds, made(make_split, rows, SETTINGS, seed)):
        for earlier, later in pairwise(parts(split)):
            assert when[earlier].max() < when[later].min()
        assert set(y[split.train]) >= set(y[split.validation]) | set(y[split.test])
        assert not set(y[split.train]) & set(y[split.unknown])
    for fold, following in pairwise(folds):
        learned = np.union1d(fold.train, fold.validation)
        assert set(learned) | set(fold.test) <= set(
            np.concatenate([following.train, following.validation, following.unknown])
        )
        assert when[fold.test].max() < when[following.test].min()
    split = make_split(rows, SETTINGS, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([*parts(split), split.unknown])), np.arange(when.size))


def test_folds_in_the_order_of_time_are_scikit_learns() -> None:
    when = np.random.default_rng(0).permutation(120)
    order = np.argsort(when)
    folds = make_folds(ordered(np.tile([0, 1, 1], 40), when), SETTINGS, 0)
    for fold, (learned, tested) in zip(folds, TimeSeriesSplit(5).split(order), strict=True):
        np.testing.assert_array_equal(fold.test, np.sort(order[tested]))
        np.testing.assert_array_equal(np.union1d(fold.train, fold.validation), np.sort(order[learned]))
        assert fold.validation.size == round(0.2 * learned.size)
    split = make_split(ordered(np.tile([0, 1, 1], 40), when), SETTINGS, 0)
    assert [part.size for part in parts(split)] == [77, 19, 24]


def test_few_moments_give_each_part_one_at_least() -> None:
    y, years = np.tile([0, 1], 172), np.repeat([2007, 2008, 2009], [110, 114, 120])
    assert [part.size for part in parts(make_split(ordered(y, years), SETTINGS, 0))] == [110, 114, 120]
    seven = np.minimum(np.arange(344) // 2, 6)  # most rows are of the last
    assert [fold.test.size for fold in make_folds(ordered(y, seven), SETTINGS, 0)] == [2, 2, 2, 2, 332]


def test_rows_of_classes_that_come_later_are_left_out() -> None:
    y = np.tile([0, 1], 50)
    y[[70, 90, 99]] = 2
    split = make_split(ordered(y, np.arange(100)), SETTINGS, 0)
    assert split.unknown.tolist() == [70, 90, 99]
    assert [part.size for part in parts(split)] == [64, 15, 18]


@pytest.mark.parametrize(
    ("rows", "make", "message"),
    [
        (apart(np.array([0, 1, 0])), make_split, "3 usable rows: too few for training, validation and test;"),
        (grouped(np.tile([0, 1], 9), np.arange(18) % 2), make_split, "2 groups of g: too few for training"),
        (grouped(np.tile([0, 1], 9), np.arange(18) % 4), make_folds, "4 groups of g: too few for 5 folds"),
        (grouped(np.arange(18) % 4, np.arange(18) % 4), make_split, "4 groups of g: too few share classes"),
        (ordered(np.tile([0, 1], 9), np.arange(18) % 2), make_split, "2 moments of t: too few for training"),
        (ordered(np.tile([0, 1], 9), np.arange(18) % 6), make_folds, "6 moments of t: too few for 5 folds"),
        (ordered(np.arange(18) // 9, np.arange(18)), make_folds, "18 moments of t: too few share classes"),
    ],
)
def test_what_cannot_be_split_is_refused(rows: Arrangement, make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        make(rows, SETTINGS, 0)


def test_identical_rows_in_two_groups_are_admitted() -> None:
    y, groups = np.tile([0, 1], 50), np.arange(100) // 4
    one_group = Arrangement(y, np.arange(100) // 2, groups=groups)
    many = Arrangement(y, np.arange(100) % 10, groups=groups)
    for make in (lambda rows: make_split(rows, SETTINGS, 0), lambda rows: make_folds(rows, SETTINGS, 0)[0]):
        assert not make(one_group).identical_rows_straddle
        assert make(many).identical_rows_straddle


def test_thinned_groups_stay_whole() -> None:
    y, groups = np.tile([0, 1], 200), np.arange(400) // 8
    rows = grouped(y, groups)
    split = make_split(rows, SETTINGS, 0)
    half, quarter = (thinned(split, rows, share, 0) for share in (1 / 2, 1 / 4))
    for name in ("train", "validation"):
        whole, some, fewer = (np.unique(groups[getattr(each, name)]) for each in (split, half, quarter))
        assert set(fewer) <= set(some) <= set(whole)
        assert (some.size, fewer.size) == (np.ceil(whole.size / 2), np.ceil(whole.size / 4))
        assert getattr(half, name).size == 8 * some.size
    with pytest.raises(DataError, match="too few classes"):
        thinned(make_split(grouped(groups % 2, groups), SETTINGS, 0), grouped(groups % 2, groups), 0.01, 0)
