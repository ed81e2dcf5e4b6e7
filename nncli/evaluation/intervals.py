"""Bounds of confidence intervals from standard errors, each on the scale on which its kind of score is nearly normal.

Of bootstrap intervals for five scores of test sets with as few as 20 rows of a class, percentile intervals held the
true score too rarely (in the worst cells 75 of 100 times where 95 were promised); these hold it more often, and need
the draws' spread alone. ``tests/benchmarks/intervals.py`` measures them.
"""

import numpy as np
from scipy.special import stdtrit

from nncli.evaluation.metrics import Floats

Bounds = tuple[float, float]
_ONE_VALUE = 1e-12
"""A share nearer to 0 or 1 than this is 0 or 1."""


def t_quantile(confidence: float, n_rows: float) -> float:
    """So many standard errors lie on each side of a mean of so many rows."""
    return float(stdtrit(max(n_rows - 1, 1), (1 + confidence) / 2))


def bootstrap_error(draws: Floats, n_rows: float) -> float:
    """The standard error of a score by its draws, those left out in which it is not defined; NaN if it never is.

    A single row, or group, says nothing of how others differ: infinite.

    Draws of ``n`` rows from ``n`` spread too little by the factor ``sqrt((n - 1) / n)`` (Hesterberg 2015, "What
    Teachers Should Know About the Bootstrap", section 5).
    """
    draws = draws[~np.isnan(draws)]
    if draws.size and n_rows < 2:
        return np.inf
    return float(draws.std() * np.sqrt(n_rows / max(n_rows - 1, 1))) if draws.size else np.nan


def difference_bounds(value: float, half: float) -> Bounds:
    """Of a difference: as far down as up.

    Args:
        value: what was found.
        half: its standard error times the quantile; so below.
    """
    return value - half, value + half


def loss_bounds(value: float, half: float, most: float = np.inf) -> Bounds:
    """Of a mean loss, which is skewed to the right: as far down as up on the scale of logarithms."""
    factor = np.exp(half / value) if value else 1.0
    return float(value / factor), float(min(value * factor, most))


def share_bounds(value: float, half: float, quantile: float, n_rows: float) -> Bounds:
    """Of a share or a probability, by Wilson's formula for as many rows as its standard error amounts to.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference". A share of 0 or 1 has
    no spread to tell that number.

    Args:
        value: between 0 and 1.
        half: its standard error times the quantile.
        quantile: of the normal or the t distribution.
        n_rows: that a value of 0 or 1 comes from.

    >>> [round(bound, 3) for bound in share_bounds(1.0, 0.0, 1.96, 20)]  # 20 of 20
    [0.839, 1.0]
    """
    if np.isinf(half):
        return 0.0, 1.0
    variance = value * (1 - value)
    pull = half**2 / variance if variance > _ONE_VALUE else quantile**2 / n_rows
    middle, spread = (value + pull / 2) / (1 + pull), np.sqrt(half**2 + pull**2 / 4) / (1 + pull)
    low, high = np.clip([middle - spread, middle + spread], 0.0, 1.0)  # past them by a rounding error alone
    return float(low), float(high)


def wilson_bounds(value: float, n_rows: float, quantile: float) -> Bounds:
    """Of the share of independent rows that are something."""
    return share_bounds(value, quantile * float(np.sqrt(value * (1 - value) / n_rows)), quantile, n_rows)
