"""Thresholds between two classes: chosen on some rows that a model did not learn from, checked on others.

With calibrated probabilities the costs alone say where the border is, and the probabilities alone where F1 is largest:
on real tables both lost less than thresholds fitted to the labels of a few hundred rows, which follow their chance. A
promise of precision has to look at the labels too.

Sources: Elkan 2001, "The Foundations of Cost-Sensitive Learning"; Ye et al. 2012, "Optimizing F-measure: A Tale of Two
Approaches" (the decision-theoretic one); Lipton et al. 2014, "Optimal Thresholding of Classifiers to Maximize F1
Measure".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from nncli.evaluation.comparison import Interval
from nncli.evaluation.decisions import Border, DecisionRule
from nncli.evaluation.metrics import Floats, Labels, ratio
from nncli.evaluation.sampling import Sample
from nncli.settings import Costs

_DOUBT = 0.05
"""The probability at one threshold that its precision is missed. The lowest of many that pass has passed by luck more
often: on real tables one promise in ten was missed, most of these by less than the chance of the rows that told.
"""
_PRIOR_ROWS = 50
"""What the probabilities say of a precision counts as much as so many labels."""
_DRAWS, _TAIL = 4000, 0.025


@dataclass(frozen=True)
class Choice:
    """A threshold that a rule chose."""

    threshold: float
    precision: float | None = None
    """Under a rule about it: what new rows are sure enough to reach, as much as was asked for or the most there is."""


@dataclass(frozen=True)
class DecisionCheck:
    """What predicted classes reach on rows, with 95 % intervals; a share of nothing is none."""

    n_rows: int
    share: Interval
    """Of the rows that are predicted positive."""
    precision: Interval | None
    recall: Interval | None
    f1: Interval | None
    cost: Interval | None
    """Of a row, where the rule names costs."""


@dataclass(frozen=True)
class ThresholdRow:
    """Rows, as much as they count, by their class and by what is predicted from a threshold on."""

    threshold: float
    tp: float
    """Rightly predicted positive;"""
    fp: float
    """falsely;"""
    fn: float
    """rightly positive, and missed;"""
    tn: float
    """neither."""


def threshold_table(
    labels: Labels, proba: Floats, positive: int, chosen: float | None = None, weights: Floats | None = None
) -> list[ThresholdRow]:
    """What thresholds from 0.05 to 0.95 do, and the chosen one.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        proba: shape ``(n_rows, 2)``.
        positive: the class that is predicted from the threshold on.
        chosen: a threshold besides.
        weights: how much each row counts, shape ``(n_rows,)``; ``None``: all the same.
    """
    steps = (np.arange(1, 20) / 20).tolist()
    found = []
    for threshold in sorted({*steps, *([] if chosen is None else [chosen])}):
        is_predicted = Border(positive, threshold).predicted(proba) == positive
        kinds = np.bincount(2 * is_predicted + (labels == positive), weights, minlength=4)
        tn, fn, fp, tp = kinds.astype(float).tolist()
        found.append(ThresholdRow(threshold, tp, fp, fn, tn))
    return found


def choose_threshold(rule: DecisionRule, labels: Labels, proba: Floats, sample: Sample | None = None) -> Choice:
    """The threshold that a rule asks for.

    The least cost: where both mistakes cost the same. F1: where it is largest if the probabilities are right.
    Precision: the lowest threshold that is sure enough to reach it, by a beta distribution that knows the labels
    and, as if they were 50 more, the probabilities; if there is none, the one that is sure to reach most.

    Args:
        rule: what counts.
        labels: class numbers of rows that the model did not learn from, shape ``(n_rows,)``.
        proba: its calibrated probabilities for them, shape ``(n_rows, 2)``.
        sample: how the rows were sampled; ``None``: each for itself, all the same. Together they are as much evidence
            as so many independent rows of one weight would be.
    """
    if rule.costs is not None:
        return Choice(rule.costs.false_positive / (rule.costs.false_positive + rule.costs.false_negative))
    cuts = _cuts(labels == rule.positive, proba[:, rule.positive], _counts(sample or Sample(labels.size)))
    if rule.precision is None:
        f1 = 2 * cuts.expected / (cuts.predicted + cuts.expected[-1])
        return Choice(float(cuts.thresholds[f1.argmax()]))
    rate = cuts.expected / cuts.predicted
    parts = np.stack([cuts.hits, cuts.predicted - cuts.hits]) + _PRIOR_ROWS * np.stack([rate, 1 - rate])
    bounds = betaincinv(*np.maximum(parts, np.finfo(np.float64).tiny), _DOUBT)  # the beta distribution has no zeros
    enough = np.flatnonzero(bounds >= rule.precision)
    best = enough[-1] if enough.size else bounds.argmax()
    return Choice(float(cuts.thresholds[best]), float(bounds[best]))


@dataclass(frozen=True)
class _Cuts:
    """What is predicted positive from each probability on that occurs, the highest first."""

    thresholds: NDArray[np.float32]
    predicted: Floats
    """Rows, as much as they count."""
    hits: Floats
    """Of the predicted rows, those that are positive,"""
    expected: Floats
    """and how many that should be, by their probabilities."""


def _counts(sample: Sample) -> Floats:
    """What each row counts as evidence."""
    weights = np.ones(sample.n_rows) if sample.weights is None else sample.weights
    counts: Floats = weights * sample.size / weights.sum()
    return counts


def _cuts(is_positive: NDArray[np.bool_], proba: Floats, counts: Floats) -> _Cuts:
    values = proba.astype(np.float32)
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # rows of one probability stay together
    predicted, hits, expected = (
        np.cumsum(counts[order] * each[order])[ends] for each in (np.ones_like(proba), is_positive, proba)
    )
    return _Cuts(ordered[ends], predicted, hits, expected)


def check_decision(
    rule: DecisionRule, labels: Labels, predicted: Labels, sample: Sample | None = None
) -> DecisionCheck:
    """What predicted classes reach.

    Right and wrong rows of both classes are drawn from the Dirichlet distribution with half a row more of each kind:
    for shares of rows that is Jeffreys' interval, which holds up where a share is near 0 or 1 and rows are few, as a
    bootstrap does not (Brown et al. 2001, "Interval Estimation for a Binomial Proportion"); and F1 and the cost, which
    are no such shares, get theirs from the same draws.

    Args:
        rule: says which class is positive, and the costs.
        labels: class numbers, shape ``(n_rows,)``.
        predicted: the same of what is predicted.
        sample: how the rows were sampled, as for :func:`choose_threshold`.
    """
    is_positive, is_predicted = labels == rule.positive, predicted == rule.positive
    kinds: Floats = np.bincount(
        2 * is_predicted + is_positive, _counts(sample or Sample(labels.size)), minlength=4
    ).astype(float)
    value = _figures(kinds[None], rule.costs)
    draws = _figures(np.random.default_rng(0).dirichlet(kinds + 0.5, _DRAWS), rule.costs)
    intervals = {name: _interval(float(value[name][0]), draws[name]) for name in value}
    return DecisionCheck(labels.size, **{"cost": None, **intervals})  # type: ignore[arg-type]


def _figures(kinds: Floats, costs: Costs | None) -> dict[str, Floats]:
    """What a check tells, by name, each of shape ``(n,)``.

    Args:
        kinds: rows, or shares of them, that are rightly negative, missed, falsely positive and rightly positive,
            shape ``(n, 4)``.
        costs: of the mistakes.
    """
    (_, missed, false, hit), total = kinds.T, kinds.sum(axis=1)
    figures = {
        "share": ratio(false + hit, total),
        "precision": ratio(hit, false + hit),
        "recall": ratio(hit, missed + hit),
        "f1": ratio(2 * hit, missed + false + 2 * hit),
    }
    if costs is not None:
        figures["cost"] = ratio(costs.false_negative * missed + costs.false_positive * false, total)
    return figures


def _interval(value: float, draws: Floats) -> Interval | None:
    if np.isnan(value):
        return None
    low, high = np.quantile(draws, [_TAIL, 1 - _TAIL])
    return Interval(value, min(value, float(low)), max(value, float(high)))
