"""How rows were sampled, and drawing them again alike. Numpy alone: models carry it, and are to start quickly."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.metrics import Floats, Labels, effective_size, mean_and_error

_CELLS_AT_ONCE = 400_000
"""Weights that are looked at together: few enough to stay in the cache."""


@dataclass(frozen=True)
class Sample:
    """Rows as they were sampled: what a bootstrap has to imitate."""

    n_rows: int
    weights: Floats | None = None
    """How much each row counts, shape ``(n_rows,)``; ``None``: all the same."""
    groups: Labels | None = None
    """Rows with the same number belong together, shape ``(n_rows,)``; ``None``: each stands alone."""

    @property
    def size(self) -> float:
        """So many independent rows of one weight would be as sure."""
        if self.groups is not None:
            return float(np.unique(self.groups).size)
        return float(self.n_rows) if self.weights is None else effective_size(self.weights)

    def take(self, rows: NDArray[np.int64]) -> "Sample":
        """Some of the rows."""
        weights, groups = (None if each is None else each[rows] for each in (self.weights, self.groups))
        return Sample(rows.size, weights, groups)  # type: ignore[arg-type]

    def draws(self, n_draws: int) -> Iterator[Floats]:
        """How much each row counts when rows, or groups, are drawn with replacement; ``(n, n_rows)`` at a time.

        Always the same draws, so that all that is computed from them is paired.
        """
        units = np.arange(self.n_rows) if self.groups is None else np.unique(self.groups, return_inverse=True)[1]
        random, n_units = np.random.default_rng(0), int(units.max()) + 1
        at_once = max(1, _CELLS_AT_ONCE // self.n_rows)
        for start in range(0, n_draws, at_once):
            n = min(at_once, n_draws - start)
            drawn = random.integers(n_units, size=(n, n_units)) + np.arange(n)[:, None] * n_units
            counts = np.bincount(drawn.ravel(), minlength=n * n_units).reshape(n, n_units).astype(np.float64)
            of_rows = counts if self.groups is None else counts[:, units]
            yield of_rows if self.weights is None else of_rows * self.weights


def bootstrap_means(values: Floats, sample: Sample, n_draws: int) -> Floats:
    """Means of rows' values under the draws that models are judged by.

    Args:
        values: shape ``(n_rows, n_values)``.
        sample: how the rows were sampled.
        n_draws: how many.

    Returns:
        Shape ``(n_draws, n_values)``.
    """
    draws = sample.draws(n_draws)
    return np.concatenate([counts @ values / counts.sum(axis=1, keepdims=True) for counts in draws])


def mean_and_error_of(values: Floats, sample: Sample) -> tuple[float, float]:
    """The mean of rows' values, and its standard error, where rows may belong together: then groups are the sample.

    Args:
        values: shape ``(n_rows,)``.
        sample: how the rows were sampled.
    """
    if sample.groups is None:
        return mean_and_error(values, sample.weights)
    units = np.unique(sample.groups, return_inverse=True)[1]
    weights = np.ones(sample.n_rows) if sample.weights is None else sample.weights
    totals: Floats = np.bincount(units, weights).astype(np.float64)
    return mean_and_error(np.bincount(units, weights * values) / totals, totals)
