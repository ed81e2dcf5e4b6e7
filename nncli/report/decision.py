"""What a model decides by, and what that reaches on held-out rows: in words, in numbers, as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nncli.bundle.model import Answers, Description, Heldout
from nncli.bundle.records import from_json
from nncli.evaluation.comparison import Interval
from nncli.evaluation.decisions import DecisionRule, decide
from nncli.evaluation.metrics import Labels
from nncli.evaluation.thresholds import DecisionCheck, check_decision
from nncli.settings import Costs

AT_HALF = "  at 0.5"
"""What stands in a table before what the more probable class would reach, below a side's own line."""


@dataclass(frozen=True)
class SideDecision:
    """A side's threshold, and what it reaches."""

    threshold: float
    validation: DecisionCheck
    """On the rows that it was chosen on."""
    test: DecisionCheck
    at_half: DecisionCheck
    """On the test rows, if the more probable class were predicted."""


@dataclass(frozen=True)
class DecisionReport:
    """A rule, and what each side does with it."""

    rule: DecisionRule
    positive: str
    """The name of the class that it is about."""
    sides: Mapping[str, SideDecision]

    @property
    def words(self) -> str:
        """The rule for people."""
        return rule_words(self.rule)

    def checks(self) -> Iterator[tuple[str, float, DecisionCheck]]:
        """The lines of a table about the test rows: a side or :data:`AT_HALF`, its threshold, what that reaches."""
        for side, found in self.sides.items():
            yield side, found.threshold, found.test
            yield AT_HALF, 0.5, found.at_half


def decision_report(description: Description, heldout: Heldout) -> DecisionReport | None:
    """What a model decides by; ``None``: it predicts the most probable class."""
    decision = description.decision
    if decision is None:
        return None
    test, validation = heldout.test, heldout.validation
    sides: dict[str, SideDecision] = {}
    for side in description.sides:
        border, proba = decision.border(side), test.proba(side)
        sides[side] = SideDecision(
            border.threshold,
            _checked(decision.rule, validation, border.predicted(validation.proba(side))),
            _checked(decision.rule, test, border.predicted(proba)),
            _checked(decision.rule, test, decide(proba, None)),
        )
    return DecisionReport(decision.rule, description.schema.classes[decision.rule.positive], sides)


def _checked(rule: DecisionRule, rows: Answers, predicted: Labels) -> DecisionCheck:
    return check_decision(rule, rows.labels, predicted, rows.sample)


def rule_words(rule: DecisionRule) -> str:
    """A rule for people.

    >>> rule_words(DecisionRule(1, None, 0.9))
    'a precision of 0.9, or the surest below it'
    """
    if rule.costs is not None:
        costs = rule.costs
        return f"the least cost ({costs.false_negative:g} a missed row, {costs.false_positive:g} a false alarm)"
    return "the largest F1" if rule.precision is None else f"a precision of {rule.precision:g}, or the surest below it"


def decision_document(found: DecisionReport | None) -> dict[str, Any] | None:
    """As JSON."""
    if found is None:
        return None
    return {**rule_document(found.rule, found.positive), "sides": {s: asdict(d) for s, d in found.sides.items()}}


def decision_of(document: Mapping[str, Any]) -> DecisionReport:
    """What a report's document says a model decides by.

    Raises:
        ModelError: it is none that nncli writes.
    """
    found, where = document["decision"], "report.json: decision"
    costs = from_json(Costs, found["costs"], where) if found["costs"] else None
    rule = DecisionRule(document["classes"].index(found["positive"]), costs, found["target_precision"])
    return DecisionReport(
        rule, found["positive"], {side: from_json(SideDecision, of, where) for side, of in found["sides"].items()}
    )


def rule_document(rule: DecisionRule, positive: str) -> dict[str, Any]:
    """A rule as JSON.

    Args:
        rule: of a model.
        positive: the name of its positive class.
    """
    costs = asdict(rule.costs) if rule.costs else None
    return {"rule": rule.kind, "positive": positive, "costs": costs, "target_precision": rule.precision}


def figures(rule: DecisionRule, check: DecisionCheck) -> list[str]:
    """The cells of a table's line under :func:`figure_names`; the one that the rule is about has its interval."""
    found = {"precision": check.precision, "recall": check.recall}
    found |= {"cost": check.cost} if rule.costs else {"f1": check.f1}
    return [f"{check.share.value:.1%}", *(_figure(value, name == rule.kind) for name, value in found.items())]


def figure_names(rule: DecisionRule) -> list[str]:
    """Of what a check of a rule says."""
    return ["predicted", "precision", "recall", "cost a row" if rule.costs else "F1"]


def _figure(found: Interval | None, with_bounds: bool) -> str:
    if found is None:
        return "-"
    decimals = 3 if found.value < 100 else 0  # costs have any size
    value, low, high = (f"{number:,.{decimals}f}" for number in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]" if with_bounds else value
