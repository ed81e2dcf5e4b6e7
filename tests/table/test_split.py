import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rows import rows_of

from nncli.settings import SplitSettings
from nncli.table.split import group_identical_rows, make_folds, make_split, thinned

SETTINGS = SplitSettings()


def parts(split):  # type: ignore[no-untyped-def]
    return split.train, split.validation, split.test


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=200),
    n_groups=st.integers(1, 200),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_row_is_in_one_part_and_every_class_in_training(labels, n_groups, seed) -> None:  # type: ignore[no-untyped-def]
    y = np.array(labels)
    groups = np.random.default_rng(seed).integers(n_groups, size=y.size)
    split = make_split(y, groups, SETTINGS, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts(split))), np.arange(y.size))
    assert set(y[split.train]) == set(labels)
    if not split.identical_rows_straddle:
        assert not np.intersect1d(groups[split.validation], groups[split.test]).size
        assert not np.intersect1d(groups[split.train], groups[split.test]).size
        assert not np.intersect1d(groups[split.train], groups[split.validation]).size


@given(labels=st.lists(st.integers(0, 2), min_size=10, max_size=120), seed=st.integers(0, 99))
def test_folds_test_every_row_once_and_train_on_every_class(labels, seed) -> None:  # type: ignore[no-untyped-def]
    y = np.array(labels)
    folds = make_folds(y, np.arange(y.size), SETTINGS, seed)
    counts = np.bincount(y)
    tested = np.sort(np.concatenate([fold.test for fold in folds]))
    assert set(np.setdiff1d(np.arange(y.size), tested)) <= set(np.flatnonzero(counts[y] == 1))
    assert np.unique(tested).size == tested.size
    for fold in folds:
        assert set(y[fold.train]) == set(labels)
        np.testing.assert_array_equal(np.sort(np.concatenate(parts(fold))), np.arange(y.size))


def test_shares_hold_for_each_class() -> None:
    y = np.repeat([0, 1, 2], [900, 90, 10])
    split = make_split(y, np.arange(y.size), SETTINGS, 0)
    np.testing.assert_allclose(np.bincount(y[split.test]) / np.bincount(y), 0.2, atol=0.1)
    np.testing.assert_allclose(np.bincount(y[split.validation]) / np.bincount(y), 0.16, atol=0.1)


def test_many_small_classes_still_fill_every_part() -> None:
    y = np.repeat(np.arange(50), 3)
    split = make_split(y, np.arange(y.size), SETTINGS, 0)
    np.testing.assert_allclose([part.size / y.size for part in parts(split)], [0.64, 0.16, 0.2], atol=0.05)


def test_identical_rows_stay_together_and_torn_ones_are_admitted() -> None:
    rows = rows_of({"a": ["x", "x", "y"] * 100, "b": [i // 3 for i in range(300)]})
    groups = group_identical_rows(rows)
    assert np.unique(groups).size == 200
    assert groups[0] == groups[1] != groups[2]
    y = np.tile([0, 0, 1], 100)
    assert not make_split(y, groups, SETTINGS, 0).identical_rows_straddle
    assert make_split(y, y, SETTINGS, 0).identical_rows_straddle  # two kinds of rows cannot fill three parts


def test_one_large_group_tears_no_other() -> None:
    groups = np.concatenate([np.repeat(np.arange(425), 2), np.full(150, 425)])
    y = np.random.default_rng(0).integers(2, size=1000)
    split = make_split(y, groups, SETTINGS, 0)
    shared = np.intersect1d(groups[split.train], groups[split.test])
    assert shared.tolist() == [425]
    assert split.identical_rows_straddle


def test_the_split_depends_on_the_seed_alone() -> None:
    y = np.repeat([0, 1], 50)
    first, again, other = (make_split(y, np.arange(100), SETTINGS, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


@given(labels=st.lists(st.integers(0, 3), min_size=30, max_size=200), seed=st.integers(0, 99))
def test_a_thinned_split_keeps_its_test_rows_its_classes_and_their_shares(labels, seed) -> None:  # type: ignore[no-untyped-def]
    y = np.array(labels)
    split = make_split(y, np.arange(y.size), SETTINGS, seed)
    half, quarter = (thinned(split, y, share, seed) for share in (1 / 2, 1 / 4))
    np.testing.assert_array_equal(half.test, split.test)
    for name in ("train", "validation"):
        whole, some, fewer = (getattr(each, name) for each in (split, half, quarter))
        assert set(fewer) <= set(some) <= set(whole)
        assert np.bincount(y[some]).tolist() == np.ceil(np.bincount(y[whole]) / 2).tolist()
