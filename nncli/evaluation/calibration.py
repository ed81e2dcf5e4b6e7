"""Temperature scaling with a small uniform mix, fitted on validation rows.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks"; the bisection and the mix as in
Berta et al. 2025, "Rethinking Early Stopping: Refine, Then Calibrate".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.metrics import Floats, Labels, effective_size, log_losses, mean_and_error

SMALLEST_PROBABILITY = 1e-12
"""Below it a probability counts as this much."""
_LARGEST_LOG = 3.0
"""The temperature is searched between exp(-3) and exp(3)."""
_STEPS = 40
_PRIOR_DEVIATION = 0.2
"""Of the logarithm of the temperature, around 0: validation rows without a mistake would have it go to minus infinity,
and then the first mistake costs everything."""


@dataclass(frozen=True)
class Calibration:
    """Probabilities are raised to ``1 / temperature``, normalised, and mixed with the uniform distribution."""

    temperature: float
    uniform_share: float

    def is_sound(self) -> bool:
        """Whether its numbers can be."""
        return 0.01 <= self.temperature <= 100 and 0 <= self.uniform_share <= 1

    def apply(self, proba: NDArray[np.floating]) -> Floats:
        """Calibrated probabilities; the order of the classes is kept. Shape: ``(n_rows, n_classes)``."""
        if self == UNCALIBRATED:
            return proba.astype(np.float64)
        scaled = _sharpened(_logs(proba), 1 / self.temperature)
        mixed: Floats = scaled * (1 - self.uniform_share) + self.uniform_share / proba.shape[1]
        return mixed


UNCALIBRATED = Calibration(temperature=1.0, uniform_share=0.0)


def fit_calibration(labels: Labels, proba: NDArray[np.floating], weights: Floats | None = None) -> Calibration:
    """The most probable calibration by these rows; none where its log loss gains less than one standard error.

    A temperature from few rows is mostly noise, and the model it came from is not quite the one that is served. One
    standard error is passed by one in seven models that need no calibration; the prior keeps what that costs small.

    Weights move the rows' mean loss. What they say against the prior is no more than what as many rows of one weight
    would as their effective size: few heavy rows are little evidence. The standard error is that of a weighted mean.

    Args:
        labels: class numbers of validation rows, shape ``(n_rows,)``.
        proba: the model's probabilities for them, shape ``(n_rows, n_classes)``.
        weights: how much each row counts, shape ``(n_rows,)``; ``None``: all the same.
    """
    logs = _logs(proba)
    n_rows = labels.size if weights is None else effective_size(weights)
    shares = 1.0 if weights is None else weights * n_rows / weights.sum()
    low, high = -_LARGEST_LOG, _LARGEST_LOG
    for _ in range(_STEPS):  # to a zero of the slope of the rows' loss and the prior's
        middle = (low + high) / 2
        expected = (_sharpened(logs, np.exp(middle)) * logs).sum(axis=1)
        of_rows = (shares * (expected - logs[np.arange(labels.size), labels])).sum() * np.exp(middle)
        slope = of_rows + middle / _PRIOR_DEVIATION**2
        low, high = (low, middle) if slope > 0 else (middle, high)
    fitted = Calibration(float(np.exp(-(low + high) / 2)), 1 / (n_rows + 1))
    before, after = (log_losses(labels, p) for p in (proba.astype(np.float64), fitted.apply(proba)))
    gain, error = mean_and_error(before - after, weights)
    return fitted if gain > error else UNCALIBRATED


def _logs(proba: NDArray[np.floating]) -> Floats:
    return np.log(np.clip(proba.astype(np.float64), SMALLEST_PROBABILITY, 1.0))


def _sharpened(logs: Floats, power: float) -> Floats:
    scaled = logs * power
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    proba: Floats = weights / weights.sum(axis=1, keepdims=True)
    return proba
