"""Do probabilities mean what they say: of rows answered with 80 %, are 80 % right?

The calibration error of the most probable class (Guo et al. 2017, "On Calibration of Modern Neural Networks") in bins
of equal mass, corrected for chance, with an interval; and what calibrating a model on other rows did to its scores.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from nncli.evaluation.calibration import UNCALIBRATED, Calibration
from nncli.evaluation.comparison import Interval
from nncli.evaluation.intervals import (
    bootstrap_error,
    difference_bounds,
    loss_bounds,
    t_quantile,
    wilson_bounds,
)
from nncli.evaluation.metrics import RANGES, Floats, Labels, brier_scores, log_losses
from nncli.evaluation.sampling import Sample, bootstrap_means
from nncli.settings import EvaluationSettings

_MOST_BINS, _FEWEST_ROWS = 15, 30
"""Bins, and rows in each: with fewer, their gaps are noise that no correction removes (from 20 to 30 rows the mean
error of the estimate fell by a twentieth, and the shape of a curve is still seen)."""
_LARGEST_FACTOR, _STEPS = 64.0, 25
_SMALLEST_ERROR = 1e-12


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows that were answered about equally surely."""

    n_rows: int
    confidence: float
    """Mean probability of their most probable class."""
    correct: Interval
    """Share of them whose class that is."""


@dataclass(frozen=True)
class Quality:
    """How good probabilities are as probabilities."""

    log_loss: Interval
    brier: Interval
    ece: Interval
    """Expected calibration error."""


@dataclass(frozen=True)
class CalibrationEvidence:
    """What a calibration that was fitted on other rows does to a model's probabilities on these."""

    temperature: float
    applied: bool
    """Whether the rows that it was fitted on asked for one; if not, before is after."""
    before: Quality
    after: Quality
    log_loss_gain: Interval
    """Of the same rows, before minus after: positive where the calibration helps."""
    bins: tuple[ReliabilityBin, ...]
    """After calibration, the least confident first."""


def calibration_evidence(
    labels: Labels,
    raw: NDArray[np.floating],
    calibration: Calibration,
    settings: EvaluationSettings,
    sample: Sample | None = None,
) -> CalibrationEvidence:
    """Compares a model's own probabilities with calibrated ones.

    Args:
        labels: class numbers of rows on which neither model nor calibration was fitted, shape ``(n_rows,)``.
        raw: the model's own probabilities for them, shape ``(n_rows, n_classes)``.
        calibration: fitted on other rows.
        settings: confidence and number of draws.
        sample: how the rows were sampled; ``None``: each for itself, all the same. The calibration error knows weights,
            but takes rows one by one.
    """
    sample = sample or Sample(labels.size)
    weights = sample.weights
    before, after = UNCALIBRATED.apply(raw), calibration.apply(raw)
    losses = [log_losses(labels, proba) for proba in (before, after)]
    values = np.column_stack(
        [*losses, *(brier_scores(labels, proba) for proba in (before, after)), losses[0] - losses[1]]
    )
    means = np.average(values, axis=0, weights=weights).tolist()
    draws, n_rows = bootstrap_means(values, sample, settings.bootstrap_draws), sample.size
    halves = [t_quantile(settings.confidence, n_rows) * bootstrap_error(drawn, n_rows) for drawn in draws.T]
    log_loss = [Interval(means[i], *loss_bounds(means[i], halves[i])) for i in (0, 1)]
    brier = [Interval(means[i], *loss_bounds(means[i], halves[i], RANGES["brier"][1])) for i in (2, 3)]
    ece = [calibration_error(labels, proba, settings.confidence, weights) for proba in (before, after)]
    qualities = [Quality(*three) for three in zip(log_loss, brier, ece, strict=True)]
    return CalibrationEvidence(
        temperature=calibration.temperature,
        applied=calibration != UNCALIBRATED,
        before=qualities[0],
        after=qualities[1],
        log_loss_gain=Interval(means[4], *difference_bounds(means[4], halves[4])),
        bins=reliability_bins(labels, after, settings.confidence, weights),
    )


def reliability_bins(
    labels: Labels, proba: Floats, confidence: float, weights: Floats | None = None
) -> tuple[ReliabilityBin, ...]:
    """Rows by how sure the most probable class is, in up to 15 bins with about as many rows each.

    Rows that are equally sure stay together, so the order of the rows decides nothing; where many are, there are fewer
    bins, and where there are few rows, fewer too.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        proba: shape ``(n_rows, n_classes)``.
        confidence: of the bins' intervals.
        weights: how much each row counts, shape ``(n_rows,)``; ``None``: all the same.
    """
    bins = _binned(labels, proba, weights)
    quantile = float(ndtri((1 + confidence) / 2))
    return tuple(
        ReliabilityBin(int(n), float(sure), Interval(float(right), *wilson_bounds(float(right), size, quantile)))
        for n, size, sure, right in zip(bins.n_rows, bins.sizes, bins.confidence, bins.correct, strict=True)
    )


def calibration_error(labels: Labels, proba: Floats, confidence: float, weights: Floats | None = None) -> Interval:
    """The expected calibration error of the most probable class, corrected for chance, with an interval.

    The mean over rows of how far the share of right answers in a row's bin is from the bin's mean probability. Chance
    alone makes a gap in each bin, so the plain mean is too large: 0.027 where 2,000 rows of a perfect model were
    simulated. Here the true gaps are taken to be the ones found times a common factor; of the error that they would
    show with the bins' noise, the one found is the mean under the value, and at the edge of what is likely under the
    bounds. In simulations this is less biased than to subtract the noise bin by bin (Kumar et al. 2019, "Verified
    Uncertainty Calibration"): 0.008 for that perfect model, where the latter gives 0.016.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        proba: shape ``(n_rows, n_classes)``.
        confidence: of the interval.
        weights: how much each row counts, shape ``(n_rows,)``; ``None``: all the same.
    """
    bins = _binned(labels, proba, weights)
    gaps, errors, shares = bins.correct - bins.confidence, bins.errors, bins.shares
    found = float(shares @ np.abs(gaps))

    def excess(factor: float, n_deviations: float) -> float:
        """How far the error that gaps of this size would show, so many deviations from its mean, is above the found."""
        means = _folded_normal_mean(factor * gaps, errors)
        variances = np.maximum((factor * gaps) ** 2 + errors**2 - means**2, 0.0)
        return float(shares @ means + n_deviations * np.sqrt(shares**2 @ variances)) - found

    def bound(n_deviations: float) -> float:
        return min(1.0, found * _root(lambda factor: excess(factor, n_deviations)))

    quantile = float(ndtri((1 + confidence) / 2))
    hidden = quantile * float(np.sqrt(shares**2 @ errors**2))  # a gap of all rows alike that could pass as chance
    return Interval(bound(0.0), bound(quantile), max(bound(-quantile), min(1.0, hidden)))


def _root(increasing: Callable[[float], float]) -> float:
    """Where a function of a factor becomes positive; 0 if it always is."""
    if increasing(0.0) >= 0:
        return 0.0
    low, high = 0.0, 1.0
    while increasing(high) < 0 and high < _LARGEST_FACTOR:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if increasing(middle) < 0 else (low, middle)
    return high


def _folded_normal_mean(means: Floats, errors: Floats) -> Floats:
    """Of the absolute value of normal variables."""
    scaled = means / errors
    density = np.exp(-(scaled**2) / 2) / np.sqrt(2 * np.pi)
    expected: Floats = 2 * errors * density + means * (2 * ndtr(scaled) - 1)
    return expected


@dataclass(frozen=True)
class _Bins:
    """An entry for each bin."""

    n_rows: NDArray[np.int64]
    shares: Floats
    """Of all that the rows count,"""
    sizes: Floats
    """and so many rows of one weight would be as sure."""
    confidence: Floats
    correct: Floats

    @property
    def errors(self) -> Floats:
        """Standard errors of the shares of right answers; one more row, as right as it was sure, keeps them above 0."""
        share = (self.sizes * self.correct + self.confidence) / (self.sizes + 1)
        return np.maximum(np.sqrt(share * (1 - share) / self.sizes), _SMALLEST_ERROR)


def _binned(labels: Labels, proba: Floats, weights: Floats | None) -> _Bins:
    predicted = proba.argmax(axis=1)
    sure, right = proba[np.arange(labels.size), predicted], predicted == labels
    counts = np.ones(labels.size) if weights is None else weights
    order = np.lexsort([counts, right, sure])  # so that not even sums depend on the order of the rows
    sure, right, counts = sure[order], right[order], counts[order]
    n_bins = max(1, min(_MOST_BINS, labels.size // _FEWEST_ROWS))
    borders = np.quantile(sure, np.arange(1, n_bins) / n_bins)
    codes = np.searchsorted(borders, sure)
    n_rows = np.bincount(codes, minlength=n_bins)
    used = n_rows > 0
    each = (counts, counts**2, counts * sure, counts * right)
    total, squares, confidence, correct = (np.bincount(codes, values, minlength=n_bins)[used] for values in each)
    return _Bins(n_rows[used], total / total.sum(), total**2 / squares, confidence / total, correct / total)
