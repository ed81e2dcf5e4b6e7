import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nncli.evaluation.learning import gain_of_doubling, gap_interval, is_still_falling
from nncli.evaluation.metrics import mean_and_error
from nncli.evaluation.sampling import Sample


@given(st.floats(0.05, 1), st.floats(0.02, 1), st.floats(0.4, 0.9))
def test_a_power_law_is_continued(asymptote: float, height: float, ratio: float) -> None:
    means = asymptote + height * ratio ** np.arange(4)
    losses = np.tile(means, (100, 1))
    found = gain_of_doubling(losses, 0.95)
    assert found.value == pytest.approx(height * ratio**3 * (1 - ratio), rel=0.06)  # ratios are tried in steps
    assert found.low == pytest.approx(found.value)
    assert found.high == pytest.approx(found.value)


def test_the_interval_holds_the_gain_as_often_as_it_says() -> None:
    """Of rows that share much of their loss at all sizes, as those of real tables do."""
    random, held, n_runs = np.random.default_rng(0), 0, 300
    means = 0.3 + 0.4 * 0.6 ** np.arange(4)
    truth = 0.4 * 0.6**3 * 0.4
    for _ in range(n_runs):
        losses = means + 0.3 * random.normal(size=(400, 1)) + 0.1 * random.normal(size=(400, 4))
        found = gain_of_doubling(losses, 0.95)
        held += found.low <= truth <= found.high
    assert held >= stats.binom.ppf(0.001, n_runs, 0.93)


def test_whole_weights_are_repeated_rows() -> None:
    random = np.random.default_rng(2)
    losses = 0.3 + 0.4 * 0.6 ** np.arange(4) + 0.1 * random.normal(size=(200, 4))
    weights = random.integers(1, 4, size=200)
    found = gain_of_doubling(losses, 0.95, Sample(200, weights.astype(float)))
    assert found.value == pytest.approx(gain_of_doubling(np.repeat(losses, weights, axis=0), 0.95).value)


def test_losses_that_rise_promise_nothing() -> None:
    found = gain_of_doubling(np.tile([0.3, 0.4, 0.5], (50, 1)), 0.95)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_the_gap_is_welchs() -> None:
    random = np.random.default_rng(1)
    known, new = random.exponential(size=4000), 0.2 + random.exponential(size=1000)
    found = gap_interval(mean_and_error(known, None), mean_and_error(new, None), 0.95)
    interval = stats.ttest_ind(new, known, equal_var=False).confidence_interval(0.95)
    assert found.value == pytest.approx(new.mean() - known.mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=0.01)


def test_a_curve_falls_still_or_not() -> None:
    assert is_still_falling([1 - 0.01 * i for i in range(50)])
    assert not is_still_falling([0.5 + 0.5 * 0.5**i for i in range(50)])
    assert is_still_falling([1.0])
    assert not is_still_falling([0.5, 0.6])
    assert not is_still_falling([0.5, 0.4, 0.45, 0.46, 0.47])
