"""Is one model better than another over the folds of cross-validation: tests that know that folds share rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from nncli.evaluation.comparison import Comparison, Interval, Judgement, Verdict, Word
from nncli.evaluation.intervals import difference_bounds, t_quantile
from nncli.evaluation.metrics import LOWER_IS_BETTER, METRICS, RANGES, Floats, gain
from nncli.settings import EvaluationSettings

_REGION = 0.01
"""Of practical equivalence: of a share or an area one hundredth, of a loss one hundredth of the majority class's."""
_FORESEEN = 0.99
"""How likely the planned folds must be to leave every word as it is before they are left out."""
_FORESIGHTS = 4000

FoldScores = Sequence[Mapping[str, Mapping[str, float]]]
"""By fold, side and metric."""


@dataclass(frozen=True)
class _Paired:
    """Differences of two sides, one a fold: enough for the corrected t test. The fields may be arrays of cases."""

    mean: Floats | float
    variance: Floats | float
    n_folds: int
    test_share: float
    """Rows of a fold's test part over rows of its training part."""

    @property
    def scale(self) -> Any:
        """Standard error of the mean; folds share training rows, so that it shrinks less than by their number."""
        return np.sqrt((1 / self.n_folds + self.test_share) * self.variance)

    @property
    def p_value(self) -> Any:
        """Two-sided, of no difference; 1 where folds are all alike or undefined and so tell no error."""
        distance = np.asarray(np.abs(self.mean))
        t = np.divide(distance, self.scale, out=np.zeros_like(distance), where=self.scale > 0)
        return 2 * stdtr(self.n_folds - 1, -t)

    def posterior_above(self, bound: float) -> float:
        """Probability that the true difference is above a bound."""
        if self.scale == 0:
            return float(self.mean > bound) if self.mean == 0 else float("nan")
        return float(stdtr(self.n_folds - 1, (self.mean - bound) / self.scale))

    def interval(self, confidence: float) -> Interval:
        half = t_quantile(confidence, self.n_folds) * float(self.scale)
        return Interval(float(self.mean), *difference_bounds(float(self.mean), half))


def judge_folds(
    folds: FoldScores, test_share: float, settings: EvaluationSettings, opponent: str = "trees"
) -> Judgement:
    """Scores every model by its mean over folds, and compares the network with an opponent on each metric asked for.

    Sources: Nadeau and Bengio 2003, "Inference for the Generalization Error": the variance of the mean is taken as
    ``(1 / n_folds + n_test / n_train) * var`` with ``n_folds - 1`` degrees of freedom, for repeated folds as in
    Bouckaert and Frank 2004. Benavoli et al. 2017, "Time for a Change", for the posterior: the same t distribution
    around the mean. Holm 1979 for several metrics: a word other than "no clear difference" needs an adjusted p value.

    Args:
        folds: at least two, with ``network``, the opponent and ``majority``.
        test_share: rows of a fold's test part over rows of its training part.
        settings: confidence and metrics; the verdict is about the first metric.
        opponent: of the network.
    """

    def level(side: str, metric: str) -> Interval:
        found = corrected_t_interval(_values(folds, side, metric), test_share, settings.confidence)
        least, most = RANGES[metric]  # the t interval of few folds knows nothing of it
        return Interval(found.value, max(found.low, least), min(found.high, most))

    scores = {side: {metric: level(side, metric) for metric in METRICS} for side in folds[0]}
    # A proper score, whatever the verdict is about: where classes are rare, good models have the majority's accuracy.
    gains = [compare_sides(folds, side, "majority", "log_loss", test_share, settings) for side in ("network", opponent)]
    learned = any(gain.low > 0 for gain in gains)
    found = [compare_sides(folds, "network", opponent, metric, test_share, settings) for metric in settings.metrics]
    comparisons = corrected(found, settings, learned)
    first = comparisons[0]
    verdict = Verdict(first.metric, first.difference, first.low, first.high, first.word, learned, opponent)
    return Judgement(scores, verdict, f"corrected t over {len(folds)} folds (Nadeau and Bengio)", comparisons)


def corrected(found: Sequence[Comparison], settings: EvaluationSettings, learned: bool) -> tuple[Comparison, ...]:
    """Comparisons with p values and words for their number; where nothing was learned nothing is better or worse."""
    adjusted = holm([comparison.p_value for comparison in found])
    return tuple(
        replace(c, p_adjusted=p, word=_word(c.difference, p, settings) if learned else "no clear difference")
        for c, p in zip(found, adjusted, strict=True)
    )


def compare_sides(
    folds: FoldScores, first: str, second: str, metric: str, test_share: float, settings: EvaluationSettings
) -> Comparison:
    """Two sides on one metric, as if nothing else was compared. Positive is better for the first."""
    differences = _differences(folds, first, second, metric)
    paired = _paired(differences, test_share)
    p_value, deviation = float(paired.p_value), differences.std(ddof=1)
    interval = paired.interval(settings.confidence)
    if paired.scale == 0 and paired.mean != 0:  # a difference, and nothing to tell how sure it is
        interval = Interval(interval.value, -np.inf, np.inf)
    region = practical_region(folds, metric)
    better, not_worse = paired.posterior_above(region), paired.posterior_above(-region)
    return Comparison(
        first=first,
        second=second,
        metric=metric,
        difference=interval.value,
        low=interval.low,
        high=interval.high,
        p_value=p_value,
        p_adjusted=p_value,
        effect_size=float(differences.mean() / deviation) if deviation > 0 else float("nan"),
        region=region,
        p_better=better,
        p_equivalent=not_worse - better,
        p_worse=1 - not_worse,
        word=_word(interval.value, p_value, settings),
    )


def practical_region(folds: FoldScores, metric: str) -> float:
    """The difference that makes none in practice: one hundredth; of a loss, one hundredth of the majority class's."""
    unit = float(_values(folds, "majority", metric).mean()) if metric in LOWER_IS_BETTER else 1.0
    return _REGION * unit


def is_foreseen(
    folds: FoldScores, n_more: int, test_share: float, settings: EvaluationSettings, opponent: str = "trees"
) -> bool:
    """Whether more folds would most likely leave every word of the verdict as it is.

    Stochastic curtailment (Lan, Simon and Halperin 1982): to stop where the planned end is foreseen with probability
    g, where there is no difference, lets the error rate grow to 1 / g of itself at the most, here from 5 to 5.05 %. It
    is foreseeable because the rows stay the same: further rounds can only even out the noise of splits and seeds, whose
    size the folds show. What the missing folds may bring is drawn from its predictive distribution: normal, variance
    unknown, and the mean over all splits once anything, once what it would be without a difference, when these rows
    alone make it stray with a variance of ``test_share`` times the folds'. Both have to foresee the same.

    Args:
        folds: so far, at least two.
        n_more: folds that are planned besides.
        test_share: rows of a fold's test part over rows of its training part.
        settings: confidence and metrics.
        opponent: of the network.
    """
    on_metrics = [_differences(folds, "network", opponent, metric) for metric in settings.metrics]
    on_majority = [_differences(folds, side, "majority", "log_loss") for side in ("network", opponent)]
    if np.isnan(on_metrics).any():
        return False
    # By Holm's steps the bound of each metric is one of these: a word is safe where it is so by all.
    levels = [(1 - settings.confidence) / k for k in range(1, len(settings.metrics) + 1)]
    tests = [(d, level) for d in on_metrics for level in levels] + [(d, levels[0]) for d in on_majority]
    now = [_sign(_paired(differences, test_share), level) for differences, level in tests]
    n = len(folds)
    for shrinkage in (1.0, test_share / (test_share + 1 / n)):
        random = np.random.default_rng(0)
        same = np.ones(_FORESIGHTS, dtype=np.bool_)
        for (differences, level), sign in zip(tests, now, strict=True):
            same &= _sign(_foreseen(differences, n_more, test_share, shrinkage, random), level) == sign
        if same.mean() < _FORESEEN:
            return False
    return True


def corrected_t_interval(values: Floats, test_share: float, confidence: float) -> Interval:
    """Mean of one value per fold with the Nadeau-Bengio interval."""
    return _paired(values, test_share).interval(confidence)


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number, so that those below a level err together as seldom as one alone.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    steps = np.arange(len(p_values), 0, -1) * np.asarray(p_values)[order]
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(p) for p in adjusted]


def _foreseen(
    differences: Floats, n_more: int, test_share: float, shrinkage: float, random: np.random.Generator
) -> _Paired:
    """Mean and variance at the planned end, in many draws; the mean over all splits is shrunken towards zero."""
    n, mean, variance = differences.size, differences.mean(), differences.var(ddof=1)
    drawn_variance = variance * (n - 1) / random.chisquare(n - 1, _FORESIGHTS)
    drawn_mean = shrinkage * mean + np.sqrt(shrinkage * drawn_variance / n) * random.standard_normal(_FORESIGHTS)
    new_mean = drawn_mean + np.sqrt(drawn_variance / n_more) * random.standard_normal(_FORESIGHTS)
    new_squares = drawn_variance * random.chisquare(n_more - 1, _FORESIGHTS) if n_more > 1 else 0.0
    total = n + n_more
    squares = variance * (n - 1) + new_squares + (new_mean - mean) ** 2 * n * n_more / total
    return _Paired((n * mean + n_more * new_mean) / total, squares / (total - 1), total, test_share)


def _sign(paired: _Paired, level: float) -> NDArray[np.float64]:
    """1, -1, or 0 where there is no clear difference."""
    return np.where(paired.p_value < level, np.sign(paired.mean), 0.0)


def _word(difference: float, p_value: float, settings: EvaluationSettings) -> Word:
    if not p_value < 1 - settings.confidence:
        return "no clear difference"
    return "better" if difference > 0 else "worse"


def _paired(values: Floats, test_share: float) -> _Paired:
    return _Paired(float(values.mean()), float(values.var(ddof=1)), values.size, test_share)


def _differences(folds: FoldScores, first: str, second: str, metric: str) -> Floats:
    return gain(metric, _values(folds, first, metric), _values(folds, second, metric))


def _values(folds: FoldScores, side: str, metric: str) -> Floats:
    return np.array([fold[side][metric] for fold in folds])
