"""When the model predicts which of two classes: the rule that was asked for, and a threshold for each side."""

from collections.abc import Iterator, Mapping, Sequence

from nncli.bundle.model import Answers
from nncli.errors import UsageError, quoted_list, show
from nncli.evaluation.decisions import Decision, DecisionRule
from nncli.evaluation.thresholds import Choice, choose_threshold
from nncli.guard.findings import Finding
from nncli.settings import DecisionSettings


def make_rule(settings: DecisionSettings, classes: Sequence[str]) -> DecisionRule | None:
    """The rule for a table's classes; ``None`` if none was asked for.

    Raises:
        UsageError: there are not two classes, or the positive one is none of them.
    """
    if not settings.has_rule:
        return None
    if len(classes) != 2:
        raise UsageError(
            f"--cost, --target-precision and --max-f1: are for two classes; the target has {len(classes)}; leave them "
            "out, or choose another --target"
        )
    positive = classes[1] if settings.positive is None else settings.positive
    if positive not in classes:
        raise UsageError(
            f"--positive: '{show(positive)}' is no class of the target; choose one of {quoted_list(list(classes))}"
        )
    return DecisionRule(classes.index(positive), settings.costs, settings.target_precision)


def choose_decision(
    rule: DecisionRule, validation: Answers, classes: Sequence[str]
) -> tuple[Decision, tuple[Finding, ...]]:
    """A threshold for each side, and what there is to know about them.

    Args:
        rule: that was asked for.
        validation: rows that were held out from learning; the test rows only say later how good the thresholds are.
        classes: names.
    """
    choices = {
        side: choose_threshold(rule, validation.labels, proba, validation.sample)
        for side, proba in {**validation.probabilities, "blend": validation.proba("blend")}.items()
    }
    thresholds = {side: choice.threshold for side, choice in choices.items()}
    decision = Decision(rule, **{"fast": None, **thresholds})  # type: ignore[arg-type]
    return decision, tuple(_unassured(rule, choices, classes[rule.positive]))


def _unassured(rule: DecisionRule, choices: Mapping[str, Choice], positive: str) -> Iterator[Finding]:
    """Says which sides can promise less precision than was asked for."""
    less = {
        side: choice.precision
        for side, choice in choices.items()
        if rule.precision is not None and choice.precision is not None and choice.precision < rule.precision
    }
    if less:
        sides = ", ".join(f"{side} {precision:.2f}" for side, precision in less.items())
        message = (
            f"no threshold is sure to make {rule.precision:g} of the rows predicted '{show(positive)}' right; by the "
            f"validation rows the best that can be counted on is: {sides}; these thresholds were taken"
        )
        yield Finding("precision-not-assured", "warn", (), message)
