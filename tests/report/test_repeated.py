"""What repeated folds have to say, and what networks rest on."""

from dataclasses import replace
from math import nan

import pytest

from nncli.evaluation.comparison import Comparison, Interval, Verdict
from nncli.report.assumptions import Assumptions, Growth, Optimisation, SeedSpread, SizePoint
from nncli.report.repeated import Cost, Repeated, recommendation, rounds_line

EVEN = Comparison(
    first="network", second="trees", metric="log_loss", difference=0.001, low=-0.01, high=0.012, p_value=0.8,
    p_adjusted=0.8, effect_size=0.1, region=0.005, p_better=0.3, p_equivalent=0.4, p_worse=0.3,
    word="no clear difference",
)  # fmt: skip
COSTS = {"network": Cost(10.0, 0.02), "trees": Cost(0.5, 0.01), "linear": Cost(0.1, 0.001), "blend": Cost(10.5, 0.03)}


def against(first: str, second: str, word: str = "worse", p_better: float = 0.0, p_worse: float = 0.9) -> Comparison:
    return replace(EVEN, first=first, second=second, word=word, p_better=p_better, p_worse=p_worse)  # type: ignore[arg-type]


OTHERS = tuple(against(first, second) for first in ("blend", "linear") for second in ("network", "trees"))
REPEATED = Repeated(15, 15, "rounds", OTHERS, COSTS, {"linear": "C = 1"})
VERDICT = Verdict("log_loss", 0.001, -0.01, 0.012, "no clear difference", True)


def test_without_a_clear_difference_the_cheaper_side_is_recommended() -> None:
    line = recommendation(VERDICT, [EVEN], REPEATED)
    assert line == (
        "Use the careful trees: no clear difference in log loss, 20 times as fast to train and 2.0 times as fast to "
        "predict."
    )
    cheap = replace(REPEATED, costs={**COSTS, "network": Cost(10.0, 0.001)})
    assert recommendation(VERDICT, [EVEN], cheap).startswith("Use the network: ")
    equal = recommendation(VERDICT, [replace(EVEN, p_equivalent=0.96)], REPEATED)
    assert "log loss is equal in practice" in equal


@pytest.mark.parametrize(("word", "side"), [("better", "the network"), ("worse", "the careful trees")])
def test_the_clearly_better_side_is_recommended_whatever_it_costs(word: str, side: str) -> None:
    verdict = replace(VERDICT, word=word, difference=0.02 if word == "better" else -0.02)  # type: ignore[arg-type]
    line = recommendation(verdict, [EVEN], REPEATED)
    assert line.startswith(f"Use {side}: log loss is clearly better, by 0.0200, ")
    assert ("20 times as slow to train" in line) == (word == "better")


def test_a_plain_model_that_does_is_recommended_and_a_better_blend_is_named() -> None:
    as_good = [c if c.first == "blend" else replace(c, word="no clear difference", p_worse=0.04) for c in OTHERS]
    line = recommendation(VERDICT, [EVEN], replace(REPEATED, others=tuple(as_good)))
    assert line.startswith(
        "Use logistic regression: log loss is in practice at least as good as that of the careful trees"
    )
    doubtful = [replace(c, p_worse=0.4) if c.first == "linear" else c for c in as_good]
    assert "logistic" not in recommendation(VERDICT, [EVEN], replace(REPEATED, others=tuple(doubtful)))
    blended = tuple(against("blend", c.second, "better", 0.9, 0.0) if c.first == "blend" else c for c in OTHERS)
    assert "the blend of network and careful trees is better still" in recommendation(
        VERDICT, [EVEN], replace(REPEATED, others=blended)
    )


def test_nothing_learned_or_undefined_recommends_nothing() -> None:
    assert recommendation(replace(VERDICT, learned=False), [EVEN], REPEATED).startswith("Use none of them")
    undefined = replace(VERDICT, metric="roc_auc", difference=nan, learned=False)
    assert recommendation(undefined, [EVEN], REPEATED).startswith("No recommendation: ROC AUC is undefined")


def test_why_there_are_no_more_folds_is_said() -> None:
    assert rounds_line(REPEATED) == "Folds: 15 of 15 planned."
    early = replace(REPEATED, n_folds=10, stop="foreseen")
    assert rounds_line(early).startswith("Folds: 10 of 15 planned; the others would hardly have changed the verdict")


def test_each_thing_that_networks_rest_on_is_a_sentence() -> None:
    points = [SizePoint(100 * 2**i, {"network": 0.4 - 0.05 * i, "trees": 0.5 - 0.05 * i}) for i in range(3)]
    gains = {"network": Interval(0.04, 0.02, 0.06), "trees": Interval(0.001, 0.0, 0.003)}
    optimisation = Optimisation(
        {"network": Interval(0.05, 0.0, 0.1), "trees": Interval(0.2, 0.1, 0.3)}, (0.0, 0.125), (1.5, 0.25), True, 20, 15
    )
    found = Assumptions(optimisation, Growth(points, 2, gains), SeedSpread((0.3, 0.31, 0.29), 0.01, 0.05))
    growth, seeds, ending, dead, gap = found.sentences("trees")
    assert growth.startswith("More rows would help the network; would hardly help the careful trees: twice as many")
    assert seeds.startswith("The luck of a seed is small beside the gap to the careful trees")
    assert ending == (
        "The validation loss had stopped falling (best epoch 15 of 20; the gradient's norm went from 1.5 to 0.25)."
    )
    assert dead == "Units of the hidden layers that are never used: 0.0%, 12.5%."
    assert "+0.0500 for the network and +0.2000 for the careful trees" in gap
    unsure = replace(found, growth=Growth(points, 2, {"network": Interval(0.05, 0.0, 0.12)}))
    assert "More rows may or may not help the network" in unsure.sentences("trees")[0]
    lucky = replace(found, seeds=SeedSpread((0.3, 0.35), 0.035, 0.05))
    assert "not small beside" in lucky.sentences("trees")[1]
    folds = replace(found, optimisation=replace(optimisation, n_folds=5, n_converged=4))
    assert "had stopped falling in 4 of 5 folds" in folds.sentences("trees")[2]
