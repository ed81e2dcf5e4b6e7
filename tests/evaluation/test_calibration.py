import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from nncli.evaluation.calibration import UNCALIBRATED, Calibration, fit_calibration
from nncli.evaluation.metrics import score


def drawn(n_rows: int, n_classes: int, sharpness: float, seed: int = 0):  # type: ignore[no-untyped-def]
    """Labels drawn from honest probabilities, and those probabilities made too sharp or too flat."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.ones(n_classes), size=n_rows)
    labels = (honest.cumsum(axis=1) > random.uniform(size=(n_rows, 1))).argmax(axis=1)
    stated = honest**sharpness
    return labels, stated / stated.sum(axis=1, keepdims=True), honest


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("sharpness", [0.5, 2.0, 4.0])
def test_finds_the_temperature_that_an_optimiser_finds(n_classes: int, sharpness: float) -> None:
    labels, stated, honest = drawn(20_000, n_classes, sharpness)
    fitted = fit_calibration(labels, stated)

    def loss(log_temperature: float) -> float:
        of_rows = score(labels, Calibration(np.exp(log_temperature), 0.0).apply(stated)).log_loss
        return of_rows + (log_temperature / 0.2) ** 2 / 2 / labels.size

    best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-8})
    assert np.log(fitted.temperature) == pytest.approx(best.x, abs=1e-4)
    assert fitted.temperature == pytest.approx(sharpness, rel=0.05)
    np.testing.assert_allclose(fitted.apply(stated), honest, atol=0.05)


def test_keeps_ranks_rows_and_sums() -> None:
    labels, stated, _ = drawn(500, 3, 3.0)
    calibrated = fit_calibration(labels, stated).apply(stated)
    np.testing.assert_array_equal(calibrated.argsort(axis=1), stated.argsort(axis=1))
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    assert calibrated.min() > 0


def test_what_does_not_help_is_left_out() -> None:
    proba = np.tile([0.5, 0.5], (10, 1))
    assert fit_calibration(np.tile([0, 1], 5), proba) == UNCALIBRATED


def test_honest_probabilities_are_seldom_calibrated_and_dishonest_ones_always() -> None:
    draws = [drawn(300, 2, 1.0, seed) for seed in range(200)]
    found = [fit_calibration(labels, stated) for labels, stated, _ in draws]
    assert sum(one != UNCALIBRATED for one in found) <= 40  # expected: one in seven
    true = [honest for _, _, honest in draws]
    costs = [(p * np.log(p / one.apply(p))).sum(axis=1).mean() for p, one in zip(true, found, strict=True)]
    assert np.mean(costs) < 0.001
    sharp = [fit_calibration(*drawn(300, 2, 2.0, seed)[:2]) for seed in range(50)]
    assert UNCALIBRATED not in sharp


def test_probabilities_of_zero_are_survived() -> None:
    proba = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    calibrated = fit_calibration(np.array([0, 1, 1]), proba).apply(proba)
    assert np.isfinite(calibrated).all()


def test_validation_rows_without_a_mistake_do_not_make_it_certain() -> None:
    random = np.random.default_rng(0)
    proba = random.dirichlet(np.ones(19), size=88) * 0.1
    labels = random.integers(19, size=88)
    proba[np.arange(88), labels] += 0.9
    fitted = fit_calibration(labels, proba)
    assert 0.4 < fitted.temperature < 1
    wrong = fitted.apply(proba[:1])[0, (labels[0] + 1) % 19]
    assert wrong > 0.1 * proba[0, (labels[0] + 1) % 19]


def test_weights_that_are_all_the_same_change_nothing() -> None:
    labels, stated, _ = drawn(400, 3, 2.0)
    found, expected = fit_calibration(labels, stated, np.full(400, 2.0)), fit_calibration(labels, stated)
    assert found.temperature == pytest.approx(expected.temperature, rel=1e-9)
    assert found.uniform_share == expected.uniform_share


def test_weighted_rows_are_calibrated_as_repeated_ones() -> None:
    """Near: repeated rows are more evidence against the prior than weights are."""
    labels, stated, _ = drawn(20_000, 3, 2.0)
    weights = 1 + 2 * (stated.argmax(axis=1) != labels) + (np.arange(labels.size) % 2)
    repeated = np.repeat(np.arange(labels.size), weights)
    found = fit_calibration(labels, stated, weights.astype(float))
    assert found.temperature == pytest.approx(fit_calibration(labels[repeated], stated[repeated]).temperature, rel=1e-2)
    assert abs(found.temperature - fit_calibration(labels, stated).temperature) > 1


def test_rows_of_weight_zero_have_no_say() -> None:
    labels, stated, _ = drawn(600, 2, 3.0)
    weights = np.where(np.arange(600) < 300, 1.0, 0.0)
    wrong = np.where(weights > 0, labels, 1 - labels)
    found, expected = fit_calibration(wrong, stated, weights), fit_calibration(labels[:300], stated[:300])
    assert found.temperature == pytest.approx(expected.temperature, rel=1e-9)
    assert found.uniform_share == pytest.approx(expected.uniform_share)


def test_few_heavy_rows_are_little_evidence() -> None:
    labels, stated, _ = drawn(2000, 2, 2.0)
    weights = np.where(np.arange(2000) < 4, 1e6, 1.0)
    assert fit_calibration(labels, stated) != UNCALIBRATED
    found = fit_calibration(labels, stated, weights)
    assert found == UNCALIBRATED or found.uniform_share == pytest.approx(1 / 5, rel=0.01)
    assert abs(np.log(found.temperature)) < 0.4 * np.log(2)
