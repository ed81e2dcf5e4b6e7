"""Is one model better than another, and how sure is that: intervals, differences, verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nncli.evaluation.intervals import bootstrap_error, difference_bounds, loss_bounds, share_bounds, t_quantile
from nncli.evaluation.metrics import LOWER_IS_BETTER, METRICS, RANGES, Floats, Labels, weighted_scores
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


@dataclass(frozen=True)
class Judgement:
    """Scores of every model with intervals, and the verdict on two of them."""

    scores: Mapping[str, Mapping[str, Interval]]
    """Model, then metric."""
    verdict: Verdict
    method: str
    """How the intervals came about, in words."""


def judge_held_out(
    labels: Labels, probabilities: Mapping[str, Floats], settings: EvaluationSettings, metric: str = "log_loss"
) -> Judgement:
    """Scores every model on the same held-out rows, with paired bootstrap intervals.

    The standard errors are the bootstrap's, the intervals are t intervals: of scores on the scale on which they are
    nearly normal, of differences as they are.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        probabilities: at least ``network``, ``trees`` and ``majority``, each ``(n_rows, n_classes)``.
        settings: confidence and number of draws.
        metric: the one that the verdict compares.
    """
    values, draws = _bootstrap(labels, probabilities, settings.bootstrap_draws)
    n_rows, rarest = labels.size, int(np.unique(labels, return_counts=True)[1].min())
    quantile = t_quantile(settings.confidence, n_rows)

    def difference(first: str, second: str) -> Interval:
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
    verdict = _verdict(
        metric, difference("network", "trees"), [difference(side, "majority") for side in ("network", "trees")]
    )
    return Judgement(scores, verdict, f"paired bootstrap over {labels.size:,} test rows")


def judge_folds(
    folds: Sequence[Mapping[str, Mapping[str, float]]],
    test_share: float,
    settings: EvaluationSettings,
    metric: str = "log_loss",
) -> Judgement:
    """Scores every model by its mean over folds, with the corrected t interval.

    Source: Nadeau and Bengio 2003, "Inference for the Generalization Error": folds share training rows, so the
    variance of the mean is taken as ``(1 / k + n_test / n_train) * var``; ``k - 1`` degrees of freedom.

    Args:
        folds: for each fold, model to metric to value.
        test_share: rows of a fold's test part over rows of its training part.
        settings: confidence.
        metric: the one that the verdict compares.
    """
    models = list(folds[0])

    def values(model: str, name: str) -> Floats:
        return np.array([fold[model][name] for fold in folds])

    def difference(first: str, second: str) -> Interval:
        sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
        differences = sign * (values(first, metric) - values(second, metric))
        return corrected_t_interval(differences, test_share, settings.confidence)

    def level(model: str, name: str) -> Interval:
        found = corrected_t_interval(values(model, name), test_share, settings.confidence)
        least, most = RANGES[name]  # the t interval of few folds knows nothing of it
        return Interval(found.value, max(found.low, least), min(found.high, most))

    scores = {m: {k: level(m, k) for k in METRICS} for m in models}
    verdict = _verdict(
        metric, difference("network", "trees"), [difference(side, "majority") for side in ("network", "trees")]
    )
    return Judgement(scores, verdict, f"corrected t over {len(folds)} folds (Nadeau and Bengio)")


def corrected_t_interval(values: Floats, test_share: float, confidence: float) -> Interval:
    """Mean of one value per fold with the Nadeau-Bengio interval."""
    n_folds = values.size
    spread = np.sqrt((1 / n_folds + test_share) * values.var(ddof=1))
    half = t_quantile(confidence, n_folds) * float(spread)
    mean = float(values.mean())
    return Interval(mean, *difference_bounds(mean, half))


def _verdict(metric: str, difference: Interval, against_majority: Sequence[Interval]) -> Verdict:
    learned = any(gain.low > 0 for gain in against_majority)
    word: Word = "no clear difference"
    if learned and difference.low > 0:
        word = "better"
    elif learned and difference.high < 0:
        word = "worse"
    return Verdict(metric, difference.value, difference.low, difference.high, word, learned)


def _bootstrap(
    labels: Labels, probabilities: Mapping[str, Floats], n_draws: int
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, Floats]]]:
    """Each model's scores, and the same under draws of rows with replacement, alike for all models."""
    scorers = {model: weighted_scores(labels, proba) for model, proba in probabilities.items()}
    every_row = np.ones((1, labels.size))
    values = {m: {k: float(v[0]) for k, v in scorer(every_row).items()} for m, scorer in scorers.items()}
    pieces: dict[str, list[dict[str, Floats]]] = {model: [] for model in scorers}
    for counts in _draw_counts(labels.size, n_draws):
        for model, scorer in scorers.items():
            pieces[model].append(scorer(counts))
    draws = {m: {k: np.concatenate([piece[k] for piece in parts]) for k in METRICS} for m, parts in pieces.items()}
    return values, draws


def bootstrap_means(values: Floats, n_draws: int) -> Floats:
    """Means of rows' values under the draws that models are judged by.

    Args:
        values: shape ``(n_rows, n_values)``.
        n_draws: how many.

    Returns:
        Shape ``(n_draws, n_values)``.
    """
    return np.concatenate([counts @ values / len(values) for counts in _draw_counts(len(values), n_draws)])


def _draw_counts(n_rows: int, n_draws: int) -> Iterator[Floats]:
    """How often each row is drawn, for some draws at a time, always the same; ``(n, n_rows)``."""
    random = np.random.default_rng(0)
    at_once = max(1, _CELLS_AT_ONCE // n_rows)
    for start in range(0, n_draws, at_once):
        n = min(at_once, n_draws - start)
        rows = random.integers(n_rows, size=(n, n_rows)) + np.arange(n)[:, None] * n_rows
        yield np.bincount(rows.ravel(), minlength=n * n_rows).reshape(n, n_rows).astype(np.float64)
