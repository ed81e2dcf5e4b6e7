"""Is one model better than another, and how sure is that: intervals, differences, verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, stdtrit

from nncli.evaluation.blend import blend
from nncli.evaluation.metrics import LOWER_IS_BETTER, METRICS, Floats, Labels, effective_size, weighted_scores
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
    labels: Labels, probabilities: Mapping[str, Floats], settings: EvaluationSettings, weights: Floats | None = None
) -> Judgement:
    """Scores every model on the same held-out rows, with paired bootstrap intervals.

    The percentile interval is expanded for small samples (Hesterberg 2015, "What Teachers Should Know About
    the Bootstrap", section 5). Rows are drawn alike, whatever they weigh, and count their weight as often as they are
    drawn; weights make a sample smaller for this, to its effective size.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        probabilities: at least ``network``, ``trees`` and ``majority``, each ``(n_rows, n_classes)``; those of the
            blend are added, but are not among the scores unless they are given.
        settings: confidence, number of draws, and the metric that the verdict compares: the first.
        weights: how much each row counts, above 0, shape ``(n_rows,)``; ``None``: all the same.
    """
    metric = settings.metrics[0]
    blended = blend(probabilities["network"], probabilities["trees"])
    values, draws = _bootstrap(labels, {**probabilities, "blend": blended}, weights, settings.bootstrap_draws)
    tail = _expanded_tail(settings.confidence, labels.size if weights is None else effective_size(weights))

    def interval(value: float, drawn: Floats) -> Interval:
        drawn = drawn[~np.isnan(drawn)]
        low, high = np.quantile(drawn, [tail, 1 - tail]) if drawn.size else (np.nan, np.nan)
        return Interval(value, float(low), float(high))

    def difference(first: str, second: str) -> Interval:
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        value = sign * (values[first][metric] - values[second][metric])
        return interval(value, sign * (draws[first][metric] - draws[second][metric]))

    scores = {m: {k: interval(values[m][k], draws[m][k]) for k in METRICS} for m in probabilities}
    learned = any(difference(side, "majority").low > 0 for side in ("network", "trees"))
    verdict, *of_blend = (
        _verdict(metric, difference(first, second), learned, second)
        for first, second in (("network", "trees"), ("blend", "network"), ("blend", "trees"))
    )
    kind = "test rows" if weights is None else "weighted test rows"
    method = f"paired bootstrap over {labels.size:,} {kind}"
    return Judgement(scores, verdict, method, blend=tuple(of_blend))


def _verdict(metric: str, difference: Interval, learned: bool, opponent: str) -> Verdict:
    word: Word = "no clear difference"
    if learned and difference.low > 0:
        word = "better"
    elif learned and difference.high < 0:
        word = "worse"
    return Verdict(metric, difference.value, difference.low, difference.high, word, learned, opponent)


def _bootstrap(
    labels: Labels, probabilities: Mapping[str, Floats], weights: Floats | None, n_draws: int
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, Floats]]]:
    """Each model's scores, and the same under draws of rows with replacement, alike for all models."""
    scorers = {model: weighted_scores(labels, proba) for model, proba in probabilities.items()}
    every_row = np.ones((1, labels.size)) if weights is None else weights[None]
    values = {m: {k: float(v[0]) for k, v in scorer(every_row).items()} for m, scorer in scorers.items()}
    random = np.random.default_rng(0)
    pieces: dict[str, list[dict[str, Floats]]] = {model: [] for model in scorers}
    at_once = max(1, _CELLS_AT_ONCE // labels.size)
    for start in range(0, n_draws, at_once):
        drawn = _draw_counts(random, labels.size, min(at_once, n_draws - start))
        if weights is not None:
            drawn *= weights
        for model, scorer in scorers.items():
            pieces[model].append(scorer(drawn))
    draws = {m: {k: np.concatenate([piece[k] for piece in parts]) for k in METRICS} for m, parts in pieces.items()}
    return values, draws


def _draw_counts(random: np.random.Generator, n_rows: int, n_draws: int) -> Floats:
    rows = random.integers(n_rows, size=(n_draws, n_rows)) + np.arange(n_draws)[:, None] * n_rows
    return np.bincount(rows.ravel(), minlength=n_draws * n_rows).reshape(n_draws, n_rows).astype(np.float64)


def _expanded_tail(confidence: float, n_rows: float) -> float:
    """The share to cut off each side so that a small sample's interval is as wide as a t interval."""
    quantile = stdtrit(max(n_rows - 1, 1), (1 + confidence) / 2)
    return float(ndtr(-np.sqrt(n_rows / max(n_rows - 1, 1)) * quantile))
