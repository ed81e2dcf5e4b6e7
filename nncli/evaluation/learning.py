"""What losses say of the learning itself: whether more rows would help, how much better a model knows its own."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from nncli.evaluation.comparison import Interval
from nncli.evaluation.metrics import Floats
from nncli.evaluation.sampling import Sample, bootstrap_means

_RATIOS = np.linspace(0.3, 0.95, 66)
"""Of the gain of one doubling to the gain before: from steep learning to hardly any slowing down."""
_DRAWS = 500


def gain_of_doubling(losses: Floats, confidence: float, sample: Sample | None = None) -> Interval:
    """How much the mean loss would fall if there were twice as many rows to learn from.

    The losses follow a power law of the number of rows, ``a + b n^-c`` (Hestness et al. 2017, "Deep Learning Scaling is
    Predictable, Empirically"), so that each doubling gains a fixed share of the one before. Least squares; the interval
    is from a bootstrap over the scored rows, so it knows the luck of these rows, not that of the rows learned from.

    Args:
        losses: of each row, after learning from more and more rows, twice as many each time; ``(n_rows, n_sizes)``,
            three sizes at least.
        confidence: of the interval.
        sample: how the rows were sampled; ``None``: each for itself, all the same.
    """
    rows = sample or Sample(len(losses))
    drawn = _next_gains(bootstrap_means(losses, rows, _DRAWS))
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    found = _next_gains(np.average(losses, axis=0, weights=rows.weights)[None])
    return Interval(float(found[0]), float(low), float(high))


def gap_interval(known: tuple[float, float], new: tuple[float, float], confidence: float) -> Interval:
    """How much lower the mean loss is on the rows that a model learned from than on others; Welch's normal interval.

    Args:
        known: mean loss of rows that were learned from, and its standard error.
        new: the same of rows that were not.
        confidence: of the interval.
    """
    gap = new[0] - known[0]
    half = float(ndtri((1 + confidence) / 2) * np.hypot(known[1], new[1]))
    return Interval(gap, gap - half, gap + half)


def is_still_falling(losses: Sequence[float], share: float = 0.1, worth: float = 0.02) -> bool:
    """Whether a curve of losses ends on a slope: its last tenth brings more than a fiftieth of all that was gained.

    A single loss is no curve yet: there may be more to gain.
    """
    if len(losses) < 2:
        return True
    last = max(1, round(share * len(losses)))
    before, gained = min(losses[:-last]), losses[0] - min(losses)
    return before - min(losses) > worth * gained


def _next_gains(means: Floats) -> Floats:
    """The gain of one more doubling; of ``(n_cases, n_sizes)``."""
    powers = _RATIOS[:, None] ** np.arange(means.shape[1])
    centred = powers - powers.mean(axis=1, keepdims=True)
    squares = (centred**2).sum(axis=1)
    heights = np.maximum(0.0, means @ centred.T / squares)  # by case and ratio; a curve that rises has nothing to gain
    best = (heights**2 * squares).argmax(axis=1)
    gains: Floats = heights[np.arange(len(means)), best] * powers[best, -1] * (1 - _RATIOS[best])
    return gains
