"""Sets of classes that hold the true one as often as asked, whatever the model: split conformal prediction.

In: labels and probabilities of rows that the model did not learn from. Out: a rule that turns probabilities of new rows
into sets. The promise is about rows drawn as those were: of ``n`` of them and a coverage ``c``, the sets of new rows
hold the true class with a probability between ``c`` and ``c + 1 / (n + 1)``, over both draws. Every row counts once,
also where the model learned from weighted rows: the promise is a share of rows.

Sources: Vovk et al. 2005, "Algorithmic Learning in a Random World"; Sadinle et al. 2019, "Least Ambiguous Set-Valued
Classifiers" (``lac``); Romano et al. 2020, "Classification with Valid and Adaptive Coverage" (``aps``); Angelopoulos et
al. 2021, "Uncertainty Sets for Image Classifiers" (``raps``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.metrics import Floats, Labels
from nncli.settings import ConformalMethod

_PENALTY, _UNPENALISED = 0.01, 1
"""Of ``raps``: what each class beyond the first so many costs in a set."""
COVERAGES = 0.8, 0.9, 0.95
"""That a model is checked at."""
_HASH = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class ConformalRule:
    """Which classes go into a row's set: those whose score is at most the class's limit."""

    method: ConformalMethod
    limits: tuple[float, ...]
    """One for each class; all the same unless each class has its own coverage. Infinite: always in."""

    def sets(self, proba: Floats) -> NDArray[np.bool_]:
        """Which classes are in each row's set; none may be. Shape: ``(n_rows, n_classes)``."""
        return nonconformity(proba, self.method) <= np.array(self.limits)


def fit_conformal(
    labels: Labels, proba: Floats, coverage: float, method: ConformalMethod, *, by_class: bool = False
) -> ConformalRule:
    """The rule that reaches a coverage.

    Args:
        labels: class numbers of rows that the model did not learn from, shape ``(n_rows,)``.
        proba: its probabilities for them, shape ``(n_rows, n_classes)``.
        coverage: share of new rows whose set is to hold the true class.
        method: how unlikely classes are ranked.
        by_class: whether the rows of each class are to reach it, not only all together.
    """
    scores = nonconformity(proba, method)[np.arange(labels.size), labels]
    n_classes = proba.shape[1]
    if by_class:
        limits = [_limit(scores[labels == c], coverage) for c in range(n_classes)]
    else:
        limits = [_limit(scores, coverage)] * n_classes
    return ConformalRule(method, tuple(limits))


def nonconformity(proba: Floats, method: ConformalMethod) -> Floats:
    """How badly each class fits each row; small is good. Shape: ``(n_rows, n_classes)``.

    ``lac`` is one minus the probability. ``aps`` is the probability of all likelier classes and a share of its own, the
    same for a row's classes and spread evenly over rows; ``raps`` adds a penalty for each likelier class.
    """
    if method == "lac":
        return 1 - proba
    order = np.argsort(-proba, axis=1, kind="stable")
    ranked = np.take_along_axis(proba, order, axis=1)
    scores = np.cumsum(ranked, axis=1) - ranked + _shares(proba)[:, None] * ranked
    if method == "raps":
        scores += _PENALTY * np.maximum(0, np.arange(proba.shape[1]) + 1 - _UNPENALISED)
    found = np.empty_like(scores)
    np.put_along_axis(found, order, scores, axis=1)
    return found


def _limit(scores: Floats, coverage: float) -> float:
    """The score that a share of new rows stays at or below; infinite where there are too few rows to say."""
    rank = int(np.ceil((scores.size + 1) * coverage - 1e-9))  # 0.9 * 10 is not to be 10
    return float(np.sort(scores)[rank - 1]) if rank <= scores.size else np.inf


def _shares(proba: Floats) -> Floats:
    """A number in [0, 1) for each row that looks random and depends on nothing but the row: no seed, no order."""
    bits = np.ascontiguousarray(proba, dtype=np.float64).view(np.uint64)
    mixed = np.zeros(len(proba), dtype=np.uint64)
    for column in bits.T:
        mixed = (mixed ^ column) * _HASH
        mixed ^= mixed >> np.uint64(29)
    return (mixed >> np.uint64(11)) / 2.0**53


@dataclass(frozen=True)
class CoverageCheck:
    """What a rule from some rows reached on others."""

    coverage: float
    """That was asked for."""
    value: float
    """Share of rows whose set holds the true class."""
    low: float
    high: float
    """Of its 95 % interval (Clopper and Pearson), which knows of these rows' chance alone, not of the rule's."""
    mean_size: float
    """Classes in a set."""
    by_class: tuple[float | None, ...]
    """The share within each class; none where it has no row."""


def check_coverage(
    known: tuple[Labels, Floats],
    new: tuple[Labels, Floats],
    coverage: float,
    method: ConformalMethod = "lac",
    *,
    by_class: bool = False,
) -> CoverageCheck:
    """Fits a rule to known rows and looks at new ones.

    Args:
        known: labels and probabilities of rows that the model did not learn from.
        new: of others.
        coverage: that is asked for.
        method: of the rule.
        by_class: whether it is to reach the coverage in each class.
    """
    labels, proba = new
    sets = fit_conformal(*known, coverage, method, by_class=by_class).sets(proba)
    held = sets[np.arange(labels.size), labels]
    low, high = _binomial_interval(int(held.sum()), labels.size)
    shares = [float(held[labels == c].mean()) if (labels == c).any() else None for c in range(proba.shape[1])]
    return CoverageCheck(coverage, float(held.mean()), low, high, float(sets.sum(axis=1).mean()), tuple(shares))


def _binomial_interval(n_hits: int, n_rows: int, tail: float = 0.025) -> tuple[float, float]:
    from scipy.special import betaincinv  # not when rows are predicted: it takes as long as they do

    low = float(betaincinv(n_hits, n_rows - n_hits + 1, tail)) if n_hits else 0.0
    high = float(betaincinv(n_hits + 1, n_rows - n_hits, 1 - tail)) if n_hits < n_rows else 1.0
    return low, high
