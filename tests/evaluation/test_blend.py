import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from nncli.evaluation.blend import blend
from nncli.evaluation.priors import shift_prior


def answers(seed: int, n_classes: int, n_rows: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Of two models, some of them nearly sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=3, size=(2, n_rows, n_classes))
    network, trees = softmax(logits, axis=2)
    return network, trees


@pytest.mark.parametrize("n_classes", [2, 3, 26])
def test_log_odds_are_averaged(n_classes: int) -> None:
    network, trees = answers(0, n_classes)
    expected = softmax((np.log(network) + np.log(trees)) / 2, axis=1)
    np.testing.assert_allclose(blend(network, trees), expected, rtol=1e-12)
    np.testing.assert_array_equal(blend(trees, network), blend(network, trees))
    np.testing.assert_allclose(blend(network, network), network, rtol=1e-12)


@given(st.integers(0, 1000), st.integers(2, 40))
def test_no_row_loses_more_than_both_sides_in_the_mean_and_rows_do_not_matter_to_each_other(
    seed: int, n_classes: int
) -> None:
    network, trees = answers(seed, n_classes)
    both = blend(network, trees)
    assert (-np.log(both) <= (-np.log(network) - np.log(trees)) / 2 + 1e-9).all()
    for rows in (slice(0, 1), slice(7, 16), slice(59, 60)):
        np.testing.assert_array_equal(blend(network[rows], trees[rows]), both[rows])


def test_other_shares_of_classes_may_come_before_or_after() -> None:
    network, trees = answers(1, 3)
    known, new = (0.5, 0.3, 0.2), (0.05, 0.15, 0.8)
    before = blend(shift_prior(network, known, new), shift_prior(trees, known, new))
    np.testing.assert_allclose(shift_prior(blend(network, trees), known, new), before, rtol=1e-9)


def test_sides_that_are_sure_of_the_contrary_know_nothing_together() -> None:
    sure = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    both = blend(sure, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    np.testing.assert_allclose(both, [[0.5, 0.5, 5e-7], [1e-12, 1e-12, 1]], rtol=1e-5)
