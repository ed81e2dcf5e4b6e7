import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from nncli.evaluation.calibration import UNCALIBRATED, Calibration
from nncli.evaluation.comparison import judge_held_out
from nncli.evaluation.reliability import calibration_error, calibration_evidence, reliability_bins
from nncli.settings import EvaluationSettings

SETTINGS = EvaluationSettings(bootstrap_draws=300)


def drawn(n_rows: int, n_classes: int, sharpness: float, seed: int = 0):  # type: ignore[no-untyped-def]
    """Labels drawn from honest probabilities, and those probabilities made too sharp or too flat; the true error."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.ones(n_classes), size=n_rows)
    labels = (honest.cumsum(axis=1) > random.uniform(size=(n_rows, 1))).argmax(axis=1)
    stated = honest**sharpness
    stated /= stated.sum(axis=1, keepdims=True)
    return labels, stated, float(np.abs(honest.max(axis=1) - stated.max(axis=1)).mean())


@pytest.mark.parametrize(("n_rows", "n_bins"), [(5000, 15), (464, 15), (102, 3), (29, 1)])
def test_bins_are_scikit_learns_quantiles(n_rows: int, n_bins: int) -> None:
    labels, proba, _ = drawn(n_rows, 4, 1.5)
    bins = reliability_bins(labels, proba, 0.95)
    right = proba.argmax(axis=1) == labels
    correct, confidence = calibration_curve(right, proba.max(axis=1), n_bins=n_bins, strategy="quantile")
    assert [found.correct.value for found in bins] == pytest.approx(correct)
    assert [found.confidence for found in bins] == pytest.approx(confidence)
    assert sum(found.n_rows for found in bins) == n_rows
    assert max(found.n_rows for found in bins) - min(found.n_rows for found in bins) <= 1
    assert all(found.correct.low < found.correct.value < found.correct.high for found in bins)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n_rows=st.integers(1, 400), decimals=st.integers(1, 3))
def test_the_order_of_the_rows_and_of_the_classes_decides_nothing(seed: int, n_rows: int, decimals: int) -> None:
    random = np.random.default_rng(seed)
    labels, proba, _ = drawn(n_rows, 3, 1.0, seed)
    proba[:, :2] = proba[:, :2].round(decimals)  # many rows are equally sure
    order = random.permutation(n_rows)
    found, other = (
        (calibration_error(y, p, 0.95), reliability_bins(y, p, 0.95))
        for y, p in ((labels, proba), (labels[order], proba[order]))
    )
    assert found == other
    error = found[0]
    assert 0 <= error.low <= error.value <= error.high <= 1


def test_rows_that_are_equally_sure_share_a_bin() -> None:
    labels, proba = np.tile([0, 0, 0, 1], 250), np.tile([0.75, 0.25], (1000, 1))
    [only] = reliability_bins(labels, proba, 0.95)
    assert (only.n_rows, only.confidence, only.correct.value) == (1000, 0.75, 0.75)
    error = calibration_error(labels, proba, 0.95)
    assert (error.value, error.low) == (0, 0)
    assert 0.02 < error.high < 0.05


def test_a_model_that_is_always_sure_and_right_has_no_error_and_one_that_is_wrong_nothing_else() -> None:
    proba = np.tile([1.0, 0.0], (300, 1))
    assert calibration_error(np.zeros(300, np.int64), proba, 0.95).value == pytest.approx(0, abs=1e-9)
    assert calibration_error(np.ones(300, np.int64), proba, 0.95).value == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("n_rows", "n_classes", "sharpness", "bias"),
    [
        (2000, 2, 1.0, 0.011),
        (2000, 2, 2.0, 0.006),
        (2000, 5, 1.0, 0.013),
        (2000, 5, 0.6, 0.009),
        (10_000, 2, 1.3, 0.004),
    ],
)
def test_the_error_is_nearly_free_of_chance_and_its_interval_holds_the_true_one(
    n_rows: int, n_classes: int, sharpness: float, bias: float
) -> None:
    runs = [drawn(n_rows, n_classes, sharpness, seed) for seed in range(200)]
    true = float(np.mean([error for *_, error in runs]))
    found = [calibration_error(labels, proba, 0.95) for labels, proba, _ in runs]
    assert abs(np.mean([f.value for f in found]) - true) < bias
    held = np.mean([f.low <= true + 1e-9 and true <= f.high for f in found])
    assert held >= 0.88  # 200 draws of 95 % seldom give less than 91; see tests/benchmarks/intervals.py


def test_chance_alone_makes_a_larger_plain_error() -> None:
    """What the correction is for: the plain error of a perfect model, by hand."""
    labels, proba, _ = drawn(2000, 2, 1.0)
    bins = reliability_bins(labels, proba, 0.95)
    plain = sum(found.n_rows * abs(found.correct.value - found.confidence) for found in bins) / 2000
    assert plain > 0.015
    assert calibration_error(labels, proba, 0.95).value < plain / 2


def test_calibration_helps_a_model_that_is_too_sure_and_the_evidence_says_so() -> None:
    labels, proba, _ = drawn(3000, 3, 2.0)
    found = calibration_evidence(labels, proba, Calibration(2.0, 0.0), SETTINGS)
    assert found.applied
    assert found.temperature == 2
    assert found.before.ece.low > 0.1 > found.after.ece.high
    assert found.log_loss_gain.low > 0
    assert found.log_loss_gain.value == pytest.approx(found.before.log_loss.value - found.after.log_loss.value)
    assert found.before.brier.value > found.after.brier.value
    assert all(b.correct.low < b.confidence < b.correct.high for b in found.bins[2:12:3])


def test_its_intervals_are_those_of_the_verdict() -> None:
    labels, proba, _ = drawn(1500, 3, 2.0)
    softer = Calibration(2.0, 0.0)
    found = calibration_evidence(labels, proba, softer, SETTINGS)
    scores = judge_held_out(
        labels, {"network": proba, "trees": softer.apply(proba), "majority": proba}, SETTINGS
    ).scores
    for quality, side in ((found.before, "network"), (found.after, "trees")):
        for metric in ("log_loss", "brier"):
            expected = scores[side][metric]
            values = vars(getattr(quality, metric))
            assert values == pytest.approx(vars(expected), rel=1e-9)


def test_a_model_that_was_left_as_trained_is_the_same_before_and_after() -> None:
    labels, proba, _ = drawn(300, 2, 1.0)
    found = calibration_evidence(labels, proba, UNCALIBRATED, SETTINGS)
    assert not found.applied
    assert found.before == found.after
    assert vars(found.log_loss_gain) == {"value": 0, "low": 0, "high": 0}


def test_whole_weights_give_the_bins_of_repeated_rows_and_wider_intervals() -> None:
    random = np.random.default_rng(5)
    sure = random.uniform(0.5, 1, size=600)
    labels = (random.uniform(size=600) < sure).astype(np.int64)
    proba = np.column_stack([1 - sure, sure])
    weights = np.where(np.arange(600) % 3 == 0, 3.0, 1.0)
    alike = reliability_bins(labels, proba, 0.95, np.full(600, 2.0))
    assert alike == reliability_bins(labels, proba, 0.95)
    weighted = reliability_bins(labels, proba, 0.95, weights)
    for found, same_rows in zip(weighted, alike, strict=True):
        rows = np.isin(sure, _rows_of(sure, len(alike))[weighted.index(found)])
        assert found.n_rows == rows.sum()
        assert found.correct.value == pytest.approx(np.average(labels[rows], weights=weights[rows]))
        assert found.confidence == pytest.approx(np.average(sure[rows], weights=weights[rows]))
        assert found.correct.high - found.correct.low > 0.9 * (same_rows.correct.high - same_rows.correct.low)
    assert calibration_error(labels, proba, 0.95, np.full(600, 2.0)) == calibration_error(labels, proba, 0.95)


def _rows_of(sure: np.ndarray, n_bins: int) -> list[np.ndarray]:
    """The values that fall into each bin of equal mass."""
    codes = np.searchsorted(np.quantile(sure, np.arange(1, n_bins) / n_bins), sure)
    return [sure[codes == number] for number in range(n_bins)]
