import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from nncli.evaluation.metrics import log_losses
from nncli.evaluation.priors import complete_shares, shift_prior

SHARES = st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(lambda parts: np.array(parts) / sum(parts))


def posterior(x: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Of the class that drew ``x`` from its own normal distribution."""
    joint = np.column_stack([norm(mean).pdf(x) * share for mean, share in zip((-1, 0, 2), shares, strict=True)])
    return joint / joint.sum(axis=1, keepdims=True)


@given(SHARES, SHARES)
def test_the_known_posterior_becomes_that_of_the_new_shares(known: np.ndarray, new: np.ndarray) -> None:
    x = np.linspace(-3, 4, 15)
    np.testing.assert_allclose(shift_prior(posterior(x, known), known, new), posterior(x, new), atol=1e-12)
    np.testing.assert_allclose(shift_prior(posterior(x, known), known, known), posterior(x, known), atol=1e-12)


def test_rows_with_other_shares_are_predicted_better() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(20_000) < 0.02).astype(np.int64)
    x = random.normal(2 * labels)
    second = norm(2).pdf(x) / (norm(0).pdf(x) + norm(2).pdf(x))  # knows classes that are as frequent as each other
    proba = np.column_stack([1 - second, second])
    shifted = shift_prior(proba, (0.5, 0.5), (0.98, 0.02))
    assert log_losses(labels, shifted).mean() < log_losses(labels, proba).mean() / 3
    assert shifted[:, 1].mean() == pytest.approx(labels.mean(), abs=0.002)
    assert shift_prior(np.array([[1.0, 0.0]]), (0.5, 0.5), (0.02, 0.98)).tolist() == [[1, 0]]


def test_what_is_not_named_shares_the_rest_as_before() -> None:
    known = (0.5, 0.3, 0.1, 0.1)
    assert complete_shares({1: 0.4, 3: 0.3}, known) == pytest.approx((0.25, 0.4, 0.05, 0.3))
    assert complete_shares(dict(enumerate(known)), known) == known
