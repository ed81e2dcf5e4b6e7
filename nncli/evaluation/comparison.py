"""Is one model better than another, and how sure is that: intervals, differences, verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nncli.evaluation.blend import blend
from nncli.evaluation.intervals import bootstrap_error, difference_bounds, loss_bounds, share_bounds, t_quantile
from nncli.evaluation.metrics import LOWER_IS_BETTER, METRICS, RANGES, Floats, Labels, gain, weighted_scores
from nncli.evaluation.sampling import Sample
from nncli.settings import EvaluationSettings

Word = Literal["better", "worse", "no clear difference"]


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
    sample: Sample | None = None,
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
        sample: how the rows were sampled; ``None``: each for itself, all the same.
    """
    metric = settings.metrics[0]
    blended = blend(probabilities["network"], probabilities["trees"])
    sample = sample or Sample(labels.size)
    values, draws = _bootstrap(labels, {**probabilities, "blend": blended}, sample, settings.bootstrap_draws)
    n_rows, rarest = sample.size, min(sample.take(np.flatnonzero(labels == c)).size for c in np.unique(labels))
    quantile = t_quantile(settings.confidence, n_rows)

    def difference(first: str, second: str, metric: str = metric) -> Interval:
        value = gain(metric, values[first][metric], values[second][metric])
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
    kind = "test rows" if sample.weights is None else "weighted test rows"
    whole = "" if sample.groups is None else f" in {sample.size:,.0f} groups, drawn whole"
    method = f"paired bootstrap over {labels.size:,} {kind}{whole}"
    return Judgement(scores, verdict, method, blend=tuple(of_blend))


def _verdict(metric: str, difference: Interval, learned: bool, opponent: str) -> Verdict:
    word: Word = "no clear difference"
    if learned and difference.low > 0:
        word = "better"
    elif learned and difference.high < 0:
        word = "worse"
    return Verdict(metric, difference.value, difference.low, difference.high, word, learned, opponent)


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
