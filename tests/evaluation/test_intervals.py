import numpy as np
import pytest
from scipy import stats

from nncli.evaluation.intervals import (
    bootstrap_error,
    difference_bounds,
    loss_bounds,
    share_bounds,
    t_quantile,
    wilson_bounds,
)


@pytest.mark.parametrize(("hits", "n_rows"), [(0, 10), (3, 10), (81, 263), (20, 20)])
def test_wilson_bounds_are_scipys(hits: int, n_rows: int) -> None:
    expected = stats.binomtest(hits, n_rows).proportion_ci(0.95, method="wilson")
    found = wilson_bounds(hits / n_rows, n_rows, stats.norm.ppf(0.975))
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_share_with_more_spread_counts_as_fewer_rows() -> None:
    quantile = 1.96
    half = quantile * np.sqrt(2 * 0.9 * 0.1 / 100)  # twice the variance of 100 independent rows
    assert share_bounds(0.9, half, quantile, 1) == pytest.approx(wilson_bounds(0.9, 50, quantile))


def test_a_share_that_cannot_vary_is_known() -> None:
    assert share_bounds(0.5, 0.0, 1.96, 20) == (0.5, 0.5)


def test_losses_are_bounded_alike_on_the_scale_of_logarithms_and_stay_in_range() -> None:
    low, high = loss_bounds(0.2, 0.1)
    assert low * high == pytest.approx(0.2**2)
    assert high - low == pytest.approx(0.2, rel=0.1)
    assert loss_bounds(1.8, 1.0, most=2.0)[1] == 2
    assert loss_bounds(0.0, 0.0) == (0, 0)
    assert difference_bounds(-0.1, 0.3) == pytest.approx((-0.4, 0.2))


def test_the_error_of_a_mean_is_that_of_its_draws() -> None:
    random = np.random.default_rng(0)
    values = random.exponential(size=20)
    draws = values[random.integers(20, size=(20_000, 20))].mean(axis=1)
    assert bootstrap_error(draws, 20) == pytest.approx(values.std(ddof=1) / np.sqrt(20), rel=0.02)
    assert bootstrap_error(np.append(draws, np.nan), 20) == bootstrap_error(draws, 20)
    assert np.isnan(bootstrap_error(np.full(3, np.nan), 20))


def test_few_rows_have_the_wider_quantile() -> None:
    assert t_quantile(0.95, 5) == pytest.approx(stats.t.ppf(0.975, 4))
    assert t_quantile(0.95, 1) == t_quantile(0.95, 2)
