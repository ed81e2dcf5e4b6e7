import numpy as np
import pytest

from nncli.bundle.model import Answers
from nncli.errors import UsageError
from nncli.evaluation.decisions import DecisionRule
from nncli.evaluation.thresholds import choose_threshold
from nncli.fitting.decision import choose_decision, make_rule
from nncli.settings import Costs, DecisionSettings


def test_the_second_class_is_the_positive_one_unless_another_is_named() -> None:
    costs = Costs(2, 1)
    assert make_rule(DecisionSettings(), ("a", "b", "c")) is None
    assert make_rule(DecisionSettings(costs=costs), ("no", "yes")) == DecisionRule(1, costs, None)
    assert make_rule(DecisionSettings(target_precision=0.9, positive="no"), ("no", "yes")) == DecisionRule(0, None, 0.9)


@pytest.mark.parametrize(
    ("classes", "positive", "message"),
    [
        (("a", "b", "c"), None, "are for two classes; the target has 3"),
        (("no", "yes"), "Yes", "--positive: 'Yes' is no class of the target; choose one of 'no', 'yes'"),
    ],
)
def test_a_rule_that_does_not_fit_the_classes_is_refused(
    classes: tuple[str, ...], positive: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_rule(DecisionSettings(max_f1=True, positive=positive), classes)


def test_each_side_gets_its_threshold_and_what_is_not_sure_is_said() -> None:
    random = np.random.default_rng(0)
    good = random.random(500)
    labels = (random.random(500) < good).astype(np.int64)
    probas = {"network": good, "trees": np.full(500, good.mean())}
    validation = Answers(labels, {side: np.column_stack([1 - p, p]) for side, p in probas.items()})
    rule = DecisionRule(1, None, 0.8)
    decision, findings = choose_decision(rule, validation, ("no", "\x1byes"))
    assert decision.rule == rule
    for side in ("network", "trees"):
        chosen = choose_threshold(rule, labels, validation.probabilities[side])
        assert decision.thresholds[side] == chosen.threshold
    (finding,) = findings
    assert (finding.code, finding.level) == ("precision-not-assured", "warn")
    assert finding.message.startswith(r"no threshold is sure to make 0.8 of the rows predicted '\x1byes' right")
    assert "on is: trees 0.49;" in finding.message
    assert "network" not in finding.message
    assert choose_decision(DecisionRule(1, None, None), validation, ("no", "yes"))[1] == ()
