"""What repeated cross-validation has to say besides its scores: in practice, at what cost, and what to use."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any, Literal

from nncli.evaluation.comparison import Comparison, Verdict
from nncli.report.names import IN_SENTENCES, METRIC_NAMES

_EQUAL = 0.95
"""Probability from which on two sides count as equal in practice."""
_ALIKE = 1.25
"""Up to this ratio of costs neither is called cheaper."""

Stop = Literal["rounds", "foreseen", "budget", "time limit"]
_STOPS = {
    "rounds": "",
    "foreseen": "; the others would hardly have changed the verdict, so they were left out",
    "budget": "; the budget left no time for another one",
    "time limit": "; the time limit left no time for another one",
}


@dataclass(frozen=True)
class Cost:
    """What a side costs."""

    fit_seconds: float
    """To train once, mean over folds; everything that was tried included."""
    predict_seconds: float
    """For 1,000 predictions of encoded rows."""


@dataclass(frozen=True)
class Repeated:
    """What repeated folds tell besides scores and verdict."""

    n_folds: int
    n_planned: int
    stop: Stop
    others: tuple[Comparison, ...]
    """The blend of network and trees, and logistic regression, against each of the two that the verdict is about."""
    costs: Mapping[str, Cost]
    """By side."""
    rivals: Mapping[str, str]
    """What was chosen for logistic regression and a library's trees in the first fold."""

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "rounds": {"folds": self.n_folds, "planned": self.n_planned, "stop": self.stop},
            "others": [asdict(comparison) for comparison in self.others],
            "rivals": dict(self.rivals),
            "costs": {side: asdict(cost) for side, cost in self.costs.items()},
        }

    def other(self, first: str, second: str) -> Comparison:
        """One of the other comparisons."""
        return next(c for c in self.others if (c.first, c.second) == (first, second))


def practical_line(comparison: Comparison, n_folds: int) -> str:
    """How probable it is that the difference matters."""
    effect = f"; effect size {comparison.effect_size:+.2f} (mean over standard deviation of {n_folds} folds)"
    return (
        f"In practice, beyond {comparison.region:.4f}: better with probability {comparison.p_better:.3f}, "
        f"equal {comparison.p_equivalent:.3f}, worse {comparison.p_worse:.3f}"
        f"{effect if comparison.effect_size == comparison.effect_size else ''}."
    )


def rounds_line(repeated: Repeated) -> str:
    """How many folds there were, and why no more."""
    return f"Folds: {repeated.n_folds} of {repeated.n_planned} planned{_STOPS[repeated.stop]}."


def blend_line(against: Mapping[str, Comparison | Verdict]) -> str:
    """What the blend of both sides brings.

    Args:
        against: by the side that it is compared with.
    """
    parts = [_against(IN_SENTENCES[side], found) for side, found in against.items()]
    metric = METRIC_NAMES[next(iter(against.values())).metric]
    return f"The blend of network and careful trees is, in {metric}, {' and '.join(parts)}."


def _against(other: str, c: Comparison | Verdict) -> str:
    clearly = "not clearly different from" if c.word == "no clear difference" else f"clearly {c.word} than"
    return f"{clearly} {other} ({c.difference:+.4f}, {c.low:+.4f} to {c.high:+.4f})"


def recommendation(verdict: Verdict, comparisons: Sequence[Comparison], repeated: Repeated) -> str:
    """What to use, and why, in one sentence."""
    if isnan(verdict.difference):
        return f"No recommendation: {METRIC_NAMES[verdict.metric]} is undefined on some of the folds' test rows."
    if not verdict.learned:
        return "Use none of them: nothing was learned from these columns; look for others, or for more rows."
    pick, other = _pick(verdict, repeated.costs)
    linear, blend = repeated.other("linear", pick), repeated.other("blend", pick)
    if linear.word == "better" or linear.p_worse < 1 - _EQUAL:
        return _plain_model(linear, repeated.costs)
    reasons = f"{_reason(verdict, comparisons[0])}, {_cheaper(repeated.costs[pick], repeated.costs[other])}"
    if blend.word == "better" and blend.p_better > 0.5:
        reasons += (
            f"; the blend of network and careful trees is better still ({blend.difference:+.4f}), at the cost of both"
        )
    return f"Use {IN_SENTENCES[pick]}: {reasons}."


def _plain_model(linear: Comparison, costs: Mapping[str, Cost]) -> str:
    """That the plain model does, against the one that would be used otherwise."""
    metric, against = METRIC_NAMES[linear.metric], IN_SENTENCES[linear.second]
    how_good = "clearly better than" if linear.word == "better" else "in practice at least as good as"
    cheaper = _cheaper(costs["linear"], costs[linear.second])
    return (
        f"Use logistic regression: {metric} is {how_good} that of {against} ({linear.difference:+.4f}), {cheaper}, "
        "and a person can read it."
    )


def _pick(verdict: Verdict, costs: Mapping[str, Cost]) -> tuple[str, str]:
    """What to use of the two, and the other; where there is no clear difference, the cheaper one."""
    network, opponent = costs["network"], costs[verdict.opponent]
    wins = verdict.word == "better"
    if verdict.word == "no clear difference":
        ratio = network.predict_seconds / max(opponent.predict_seconds, 1e-9)
        # What is paid for every row counts more than what is paid once.
        wins = ratio < 0.5 or (ratio <= 2 and network.fit_seconds < opponent.fit_seconds)
    return ("network", verdict.opponent) if wins else (verdict.opponent, "network")


def _reason(verdict: Verdict, comparison: Comparison) -> str:
    metric = METRIC_NAMES[verdict.metric]
    if verdict.word != "no clear difference":
        return f"{metric} is clearly better, by {abs(verdict.difference):.4f}"
    if comparison.p_equivalent >= _EQUAL:
        return f"{metric} is equal in practice"
    return f"no clear difference in {metric}"


def _cheaper(pick: Cost, other: Cost) -> str:
    """The pick's costs against the other's."""
    train = _speed(other.fit_seconds, pick.fit_seconds)
    predict = _speed(other.predict_seconds, pick.predict_seconds)
    return f"{train} to train and {predict} to predict"


def _speed(other: float, pick: float) -> str:
    ratio = max(other, 1e-9) / max(pick, 1e-9)
    if 1 / _ALIKE < ratio < _ALIKE:
        return "about as fast"
    return f"{_rounded(ratio)} times as fast" if ratio > 1 else f"{_rounded(1 / ratio)} times as slow"


def _rounded(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"
