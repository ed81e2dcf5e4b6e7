"""What one column tells: scikit-learn is the oracle."""

import numpy as np
import pytest
from rows import cells_of
from sklearn.metrics import log_loss, roc_auc_score

from nncli.guard.levels import Levels, coarse, levels_of, tell

N = 2000


def test_numbers_and_dates_count_by_what_they_mean() -> None:
    numbers = levels_of("numeric", cells_of(["2", "1.0", "", "1", "2.00", "10"]))
    assert numbers.codes.tolist() == [1, 0, 3, 0, 1, 2]
    assert (numbers.n_levels, numbers.missing, numbers.counts.tolist()) == (4, 3, [2, 2, 1, 1])
    days = levels_of("date", cells_of(["2024-02-01", "2024/1/31", "2024-01-31"]))
    assert (days.codes.tolist(), days.missing) == ([1, 0, 0], -1)


def test_text_counts_as_written_and_missing_words_are_one_level() -> None:
    names = levels_of("categorical", cells_of(["b", "", "a", "NA", "b"]))
    assert names.missing == names.n_levels - 1 == 2
    assert names.codes[1] == names.codes[3] == 2
    assert names.codes[0] == names.codes[4] != names.codes[2]


def test_bins_keep_the_order_and_missing_cells_stay_alone() -> None:
    values = np.random.default_rng(0).normal(size=N)
    cells = ["" if value < -1 else f"{value:.6f}" for value in values]
    fine = levels_of("numeric", cells_of(cells))
    bins = coarse(fine)
    assert bins.n_levels <= N // 10 + 1
    there = values >= -1
    assert (np.diff(bins.codes[there][np.argsort(values[there])]) >= 0).all()
    assert np.unique(bins.codes[~there]).size == 1
    assert bins.codes[~there][0] not in bins.codes[there]


def test_of_many_names_the_rarest_are_joined() -> None:
    random = np.random.default_rng(0)
    names = [f"n{min(int(number), 900)}" for number in random.exponential(100, N)]
    few = coarse(levels_of("categorical", cells_of(names)))
    assert few.n_levels == N // 10
    commonest = max(set(names), key=names.count)
    assert np.unique(few.codes[[name == commonest for name in names]]).size == 1


@pytest.mark.parametrize("n_classes", [2, 4])
def test_what_is_told_agrees_with_scikit_learn(n_classes: int) -> None:
    """Shares of each level, learned from the other rows, scored by scikit-learn."""
    random = np.random.default_rng(1)
    codes = random.integers(0, 8, N)
    labels = np.where(random.random(N) < 0.7, codes % n_classes, random.integers(0, n_classes, N))
    told = tell(Levels(codes, 8, None), labels, n_classes)
    fold = np.random.default_rng(0).permutation(N) % 5
    shares, prior = np.empty((N, n_classes)), np.empty((N, n_classes))
    for k in range(5):
        other = np.bincount(labels[fold != k], minlength=n_classes) + 0.5
        prior[fold == k] = other / other.sum()
        for level in range(8):
            counts = np.bincount(labels[(fold != k) & (codes == level)], minlength=n_classes)
            shares[(fold == k) & (codes == level)] = (counts + 0.1 * other / other.sum()) / (counts.sum() + 0.1)
    assert told.explained == pytest.approx(1 - log_loss(labels, shares) / log_loss(labels, prior))
    assert told.accuracy == pytest.approx((shares.argmax(1) == labels).mean())
    if n_classes == 2:
        assert told.roc_auc == pytest.approx(roc_auc_score(labels, shares[:, 1]))
    else:
        assert np.isnan(told.roc_auc)


def test_a_level_for_each_row_tells_nothing() -> None:
    """Or every ID would be a leak."""
    labels = np.random.default_rng(0).integers(0, 2, N)
    told = tell(coarse(Levels(np.random.default_rng(1).permutation(N), N, None)), labels, 2)
    assert told.explained < 0.05
    assert not told.is_too_much
