"""Is one model better than another, and how sure is that: intervals, differences, verdicts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.blend import blend
from nncli.evaluation.intervals import bootstrap_error, difference_bounds, loss_bounds, share_bounds, t_quantile
from nncli.evaluation.metrics import LOWER_IS_BETTER, METRICS, RANGES, Floats, Labels, effective_size, weighted_scores
from nncli.settings import EvaluationSettings

Word = Literal["better", "worse", "no clear difference"]
_CELLS_AT_ONCE = 400_000
"""Weights that are looked at together: few enough to stay in the cache."""


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """The first model against the second. Differences are such that positive is better for the first."""

    metric: str
    difference: float
    low: float
    high: float
    word: Word
    learned: bool
    """Whether either model is clearly better than the majority class."""
    opponent: str = "trees"
    """The second model."""


@dataclass(frozen=True)
class Comparison:
    """Two models on one metric, over folds. Positive is better for the first."""

    first: str
    second: str
    metric: str
    difference: float
    low: float
    high: float
    """Of the interval for this metric alone."""
    p_value: float
    p_adjusted: float
    """For the number of metrics that were asked for."""
    effect_size: float
    """Mean over standard deviation of the folds' differences."""
    region: float
    """A difference up to this makes none in practice."""
    p_better: float
    """Probability that the first is better by more than the region."""
    p_equivalent: float
    p_worse: float
    word: Word


@dataclass(frozen=True)
class Judgement:
    """Scores of every model with intervals, and the verdict on two of them."""

    scores: Mapping[str, Mapping[str, Interval]]
    """Model, then metric."""
    verdict: Verdict
    method: str
    """How the intervals came about, in words."""
    comparisons: tuple[Comparison, ...] = ()
    """Over folds: the two models on each metric that was asked for."""
    blend: tuple[Verdict, ...] = ()
    """On held-out rows: the blend of the two against each of them."""


def judge_held_out(
    labels: Labels,
    probabilities: Mapping[str, Floats],
    settings: EvaluationSettings,
    weights: Floats | None = None,
    groups: Labels | None = None,
) -> Judgement:
    """Scores every model on the same held-out rows, with paired bootstrap intervals.

    The standard errors are the bootstrap's, the intervals are t intervals: of scores on the scale on which they are
    nearly normal, of differences as they are. Rows are drawn alike, whatever they weigh, and count their weight as
    often as they are drawn; weights make a sample smaller for this, to its effective size. Rows of one group say much
    the same, so groups are drawn whole (Davison and Hinkley 1997, "Bootstrap Methods and their Application", section
    3.8), and there are only as many of them.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        probabilities: at least ``network``, ``trees`` and ``majority``, each ``(n_rows, n_classes)``; those of the
            blend are added, but are not among the scores unless they are given.
        settings: confidence, number of draws, and the metric that the verdict compares: the first.
        weights: how much each row counts, above 0, shape ``(n_rows,)``; ``None``: all the same.
        groups: rows with the same number belong together, shape ``(n_rows,)``; ``None``: each stands alone.
    """
    metric = settings.metrics[0]
    blended = blend(probabilities["network"], probabilities["trees"])
    sample = Sample(labels.size, weights, groups)
    values, draws = _bootstrap(labels, {**probabilities, "blend": blended}, sample, settings.bootstrap_draws)
    n_rows, rarest = sample.size, min(sample.take(np.flatnonzero(labels == c)).size for c in np.unique(labels))
    quantile = t_quantile(settings.confidence, n_rows)

    def difference(first: str, second: str, metric: str = metric) -> Interval:
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        value = sign * (values[first][metric] - values[second][metric])
        error = bootstrap_error(draws[first][metric] - draws[second][metric], n_rows)
        return Interval(value, *difference_bounds(value, quantile * error))

    def level(model: str, name: str) -> Interval:
        value, half = values[model][name], quantile * bootstrap_error(draws[model][name], n_rows)
        if name in LOWER_IS_BETTER:
            return Interval(value, *loss_bounds(value, half, RANGES[name][1]))
        return Interval(value, *share_bounds(value, half, quantile, n_rows if name == "accuracy" else rarest))

    scores = {m: {k: level(m, k) for k in METRICS} for m in probabilities}
    # A proper score, whatever the verdict is about: where classes are rare, good models have the majority's accuracy.
    learned = any(difference(side, "majority", "log_loss").low > 0 for side in ("network", "trees"))
    verdict, *of_blend = (
        _verdict(metric, difference(first, second), learned, second)
        for first, second in (("network", "trees"), ("blend", "network"), ("blend", "trees"))
    )
    kind = "test rows" if weights is None else "weighted test rows"
    whole = "" if groups is None else f" in {np.unique(groups).size:,} groups, drawn whole"
    method = f"paired bootstrap over {labels.size:,} {kind}{whole}"
    return Judgement(scores, verdict, method, blend=tuple(of_blend))


def _verdict(metric: str, difference: Interval, learned: bool, opponent: str) -> Verdict:
    word: Word = "no clear difference"
    if learned and difference.low > 0:
        word = "better"
    elif learned and difference.high < 0:
        word = "worse"
    return Verdict(metric, difference.value, difference.low, difference.high, word, learned, opponent)


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


def _bootstrap(
    labels: Labels, probabilities: Mapping[str, Floats], sample: Sample, n_draws: int
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, Floats]]]:
    """Each model's scores, and the same under draws of rows with replacement, alike for all models."""
    scorers = {model: weighted_scores(labels, proba) for model, proba in probabilities.items()}
    every_row = np.ones((1, labels.size)) if sample.weights is None else sample.weights[None]
    values = {m: {k: float(v[0]) for k, v in scorer(every_row).items()} for m, scorer in scorers.items()}
    pieces: dict[str, list[dict[str, Floats]]] = {model: [] for model in scorers}
    for counts in sample.draws(n_draws):
        for model, scorer in scorers.items():
            pieces[model].append(scorer(counts))
    draws = {m: {k: np.concatenate([piece[k] for piece in parts]) for k in METRICS} for m, parts in pieces.items()}
    return values, draws


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
