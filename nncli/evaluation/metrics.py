"""The scores of one set of probabilities: one function for every model, over rows with weights.

Weights make the bootstrap exact and cheap: a draw is a row of counts.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

Number = TypeVar("Number", float, Floats)

LOWER_IS_BETTER = ("log_loss", "brier")
RANGES = {
    "log_loss": (0.0, inf),
    "roc_auc": (0.0, 1.0),
    "accuracy": (0.0, 1.0),
    "balanced_accuracy": (0.0, 1.0),
    "brier": (0.0, 2.0),
}
"""The values that each can have."""


@dataclass(frozen=True)
class Scores:
    """Five scores of one model on the same rows."""

    log_loss: float
    """Mean negative log probability of the true class, in nats."""
    roc_auc: float
    """Area under the ROC curve; more than two classes: unweighted mean of one-versus-rest."""
    accuracy: float
    balanced_accuracy: float
    """Mean recall of the classes that occur."""
    brier: float
    """Squared error of the probabilities, summed over classes (twice scikit-learn's binary score)."""


METRICS = tuple(Scores.__dataclass_fields__)


def gain(metric: str, first: Number, second: Number) -> Number:
    """How much better the first value of a metric is than the second.

    >>> gain("log_loss", 0.25, 0.5), gain("accuracy", 0.25, 0.5)
    (0.25, -0.25)
    """
    return second - first if metric in LOWER_IS_BETTER else first - second


def score(labels: Labels, proba: Floats, weights: Floats | None = None) -> Scores:
    """Scores probabilities against labels.

    Args:
        labels: class numbers, shape ``(n_rows,)``.
        proba: shape ``(n_rows, n_classes)``, rows sum to one.
        weights: how much each row counts, shape ``(n_rows,)``; ``None``: all the same.

    >>> score(np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]])).accuracy
    1.0
    """
    values = weighted_scores(labels, proba)(np.ones((1, labels.size)) if weights is None else weights[None])
    return Scores(**{metric: float(values[metric][0]) for metric in METRICS})


def by_name(scores: Scores) -> dict[str, float]:
    """The scores under their names."""
    return asdict(scores)


def weighted_scores(labels: Labels, proba: Floats) -> Callable[[Floats], dict[str, Floats]]:
    """A function from weights, shape ``(n_draws, n_rows)``, to each metric, shape ``(n_draws,)``."""
    n_classes = proba.shape[1]
    hit = proba.argmax(axis=1) == labels
    member = labels[:, None] == np.arange(n_classes)
    means = np.column_stack([log_losses(labels, proba), hit, brier_scores(labels, proba)])
    counts = np.column_stack([member, member & hit[:, None]]).astype(np.float64)
    compared = range(n_classes) if n_classes > 2 else range(1, n_classes)
    aucs = [_weighted_auc(member[:, c], proba[:, c]) for c in compared]

    def scores(weights: Floats) -> dict[str, Floats]:
        log_loss, accuracy, brier = (weights @ means).T / weights.sum(axis=1)
        rows, hits = np.split(weights @ counts, 2, axis=1)
        return {
            "log_loss": log_loss,
            "roc_auc": _mean_of_defined(np.stack([auc(weights) for auc in aucs], axis=1)),
            "accuracy": accuracy,
            "balanced_accuracy": _mean_of_defined(ratio(hits, rows)),
            "brier": brier,
        }

    return scores


def log_losses(labels: Labels, proba: Floats) -> Floats:
    """Negative log probability of each row's true class, clipped as scikit-learn does. Shape: ``(n_rows,)``."""
    true = proba[np.arange(labels.size), labels].astype(np.float64)
    eps = np.finfo(np.float64).eps
    return -np.log(np.clip(true, eps, 1 - eps))


def mean_and_error(values: Floats, weights: Floats | None = None) -> tuple[float, float]:
    """The mean of rows' values, and its standard error.

    That of a weighted mean is that of a ratio, linearised (Cochran 1977, "Sampling Techniques", section 6.4): the
    rows are the sample, and a row of weight two is one of them.
    """
    if weights is None:
        return float(values.mean()), float(values.std() / np.sqrt(values.size))
    mean = float(np.average(values, weights=weights))
    return mean, float(np.sqrt((weights**2 * (values - mean) ** 2).sum()) / weights.sum())


def effective_size(weights: Floats) -> float:
    """So many rows of the same weight make a mean as sure as these do (Kish 1965, "Survey Sampling")."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def brier_scores(labels: Labels, proba: Floats) -> Floats:
    """Squared error of each row's probabilities, summed over classes. Shape: ``(n_rows,)``."""
    errors: Floats = ((proba - (labels[:, None] == np.arange(proba.shape[1]))) ** 2).sum(axis=1)
    return errors


def ratio(part: Floats, whole: Floats) -> Floats:
    """Shares; of nothing, NaN."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis of the values that are not NaN; NaN if none is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _weighted_auc(member: NDArray[np.bool_], values: Floats) -> Callable[[Floats], Floats]:
    """The probability that a member has the higher value, ties counting half; NaN without both kinds.

    Weights are summed over the stretches between members, so that a rare class costs one pass over the rows.
    """
    if 2 * member.sum() > member.size:
        member, values = ~member, -values  # the same probability, seen from the rarer kind
    order = np.argsort(values, kind="stable")
    ordered, is_member = values[order], member[order]
    at_members = np.flatnonzero(is_member)
    members = order[at_members]
    tied_before = np.searchsorted(ordered, ordered[is_member], side="left")
    tied_end = np.searchsorted(ordered, ordered[is_member], side="right")
    starts, firsts = np.unique(tied_before, return_index=True)
    bounds = np.unique(np.concatenate([[0], starts, tied_end]))
    bounds = bounds[bounds < member.size]
    own = np.searchsorted(bounds, starts)

    def auc(weights: Floats) -> Floats:
        if not members.size:
            return np.full(len(weights), np.nan)
        positive = np.add.reduceat(weights[:, members], firsts, axis=1)
        others = weights[:, order]
        others[:, at_members] = 0  # a difference of sums would leave a trace where no other row was drawn
        negative = np.add.reduceat(others, bounds, axis=1)
        below = np.cumsum(negative, axis=1)[:, own] - negative[:, own] / 2
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        return ratio((positive * below).sum(axis=1), pairs)

    return auc
