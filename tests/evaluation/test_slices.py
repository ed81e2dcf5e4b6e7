import numpy as np
import pytest
from scipy import stats

from nncli.evaluation.slices import FEWEST_ROWS, Grouping, worst_slices


def drawn(seed: int, n_rows: int = 2000, n_columns: int = 6) -> tuple[np.ndarray, np.ndarray, list[Grouping]]:
    random = np.random.default_rng(seed)
    losses = random.exponential(size=n_rows)
    groupings = [
        Grouping(f"c{j}", tuple("wxyz"), random.choice(4, n_rows, p=[0.4, 0.3, 0.2, 0.1])) for j in range(n_columns)
    ]
    return losses, losses < 1.2, groupings


def test_slices_of_noise_are_named_in_one_table_of_twenty_at_most() -> None:
    named = [bool(worst_slices(*drawn(seed)).worst) for seed in range(200)]
    assert sum(named) <= stats.binom.ppf(0.999, 200, 0.05)


def test_what_is_planted_is_found_and_parts_of_it_are_not_named_again() -> None:
    losses, hits, groupings = drawn(0)
    losses = losses + (groupings[2].codes == 3)
    found = worst_slices(losses, hits, groupings)
    assert [s.where for s in found.worst] == [(("c2", "z"),)]
    rows = groupings[2].codes == 3
    (slice_,) = found.worst
    assert (slice_.n_rows, slice_.loss, slice_.accuracy) == pytest.approx(
        (rows.sum(), losses[rows].mean(), hits[rows].mean())
    )
    quantile = 1 - 0.05 / (2 * found.n_tried)
    half = stats.t.ppf(quantile, rows.sum() - 1) * stats.sem(losses[rows])
    assert (slice_.low, slice_.high) == pytest.approx((slice_.loss - half, slice_.loss + half))


def test_what_only_two_columns_together_tell_is_found() -> None:
    losses, hits, groupings = drawn(1)
    both = (groupings[0].codes == 1) & (groupings[4].codes == 2)
    found = worst_slices(losses + 2 * both, hits, groupings)
    assert found.worst[0].where in ((("c0", "x"), ("c4", "y")), (("c0", "x"),), (("c4", "y"),))
    alone = worst_slices(losses + 2 * both, hits, [groupings[0], groupings[4]])
    assert any(dict(s.where).items() <= {"c0": "x", "c4": "y"}.items() for s in alone.worst)


def test_every_slice_with_rows_enough_is_counted_and_no_other() -> None:
    losses, hits, groupings = drawn(2, n_rows=400, n_columns=2)
    a, b = (grouping.codes for grouping in groupings)
    sizes = [*np.bincount(a, minlength=4), *np.bincount(b, minlength=4), *np.bincount(4 * a + b, minlength=16)]
    assert worst_slices(losses, hits, groupings).n_tried == sum(size >= FEWEST_ROWS for size in sizes)
    one_group = [Grouping("all", ("same",), np.zeros(400, np.int64))]
    assert worst_slices(losses, hits, one_group).n_tried == 0  # it is all rows
