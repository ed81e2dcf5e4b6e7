from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.bundle.records import from_json, to_json
from nncli.errors import UsageError
from nncli.evaluation.decisions import Border, Decision, DecisionRule, decide
from nncli.settings import Costs, DecisionSettings

COST = DecisionRule(1, Costs(10, 1), None)
TENTHS = st.lists(st.integers(0, 10), min_size=1, max_size=20).map(lambda tenths: np.array(tenths) / 10)


def of_second(values: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - values, values])


def test_from_the_threshold_on_counts_as_it_is_written() -> None:
    proba = of_second(np.array([0.7, 0.3, 0.5, 0, 0.69999999]))
    assert Border(1, 0.3).predicted(proba).tolist() == [1, 1, 1, 0, 1]
    assert Border(1, 0.7).predicted(proba).tolist() == [1, 0, 0, 0, 1]  # in single precision
    assert Border(1, 0.0).predicted(proba).tolist() == [1] * 5
    assert Border(1, 0.5).predicted(proba).tolist() == [1, 0, 1, 0, 1]
    assert decide(proba, None).tolist() == [1, 0, 0, 0, 1]  # of two alike, the first
    assert decide(np.array([[0.2, 0.3, 0.5]]), None).tolist() == [2]


@given(TENTHS, st.integers(0, 10))
def test_which_class_comes_first_does_not_matter(values: np.ndarray, tenths: int) -> None:
    second = Border(1, tenths / 10).predicted(of_second(values)) == 1
    first = Border(0, tenths / 10).predicted(of_second(values)[:, ::-1]) == 0
    assert second.tolist() == first.tolist() == (values.astype("f4") >= np.float32(tenths / 10)).tolist()


def test_each_side_has_a_border_of_its_own() -> None:
    decision = Decision(COST, 0.1, 0.2, 0.4, 0.3)
    assert [decision.border(side).threshold for side in ("network", "trees", "blend", "fast")] == [0.1, 0.2, 0.4, 0.3]
    assert replace(decision, fast=None).border("fast") == Border(1, 0.1)


@pytest.mark.parametrize("rule", [COST, DecisionRule(0, None, 0.9), DecisionRule(1, None, None)])
@pytest.mark.parametrize("fast", [None, 0.25])
def test_a_decision_comes_back_from_json(rule: DecisionRule, fast: float | None) -> None:
    decision = Decision(rule, 0.1, 0.2, 0.4, fast)
    assert decision.is_sound()
    assert from_json(Decision, to_json(decision), "here") == decision


@pytest.mark.parametrize(
    "wrong",
    [
        Decision(COST, 1.1, 0.2, 0.4, None),
        Decision(COST, 0.1, 0.2, 0.4, -0.1),
        Decision(COST, 0.1, 0.2, 1.4, None),
        Decision(replace(COST, positive=2), 0.1, 0.2, 0.4, None),
        Decision(replace(COST, costs=Costs(0, 1)), 0.1, 0.2, 0.4, None),
        Decision(replace(COST, precision=0.5), 0.1, 0.2, 0.4, None),
        Decision(DecisionRule(1, None, 1.0), 0.1, 0.2, 0.4, None),
        Decision(DecisionRule(1, None, 0.0), 0.1, 0.2, 0.4, None),
    ],
)
def test_what_no_rule_gives_is_not_sound(wrong: Decision) -> None:
    assert not wrong.is_sound()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_f1": True, "target_precision": 0.9}, "--target-precision and --max-f1: a model decides by one rule"),
        ({"positive": "yes"}, "--positive: no rule is about it"),
        ({"costs": Costs(0, 1)}, "--cost: FN=0,FP=1 is out of range"),
        ({"costs": Costs(1, float("inf"))}, "--cost: FN=1,FP=inf is out of range"),
        ({"costs": Costs(float("nan"), 1)}, "--cost: FN=nan,FP=1 is out of range"),
        ({"target_precision": 1.0}, "--target-precision: 1.0 is out of range; allowed: above 0, below 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError, match=message):
        DecisionSettings(**settings)
