import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rows import rows_of
from silent import Silent

from nncli.evaluation.folds import judge_folds
from nncli.experiment import repeated
from nncli.experiment.repeated import CrossValidation, cross_validate
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.settings import EvaluationSettings, NetworkSettings, RepeatSettings, RunSettings, TrainingSettings
from nncli.table.reading import Table, read_table

# A small plain network: what is tested is what is done with the folds.
SETTINGS = RunSettings(
    effort="quick",
    threads=2,
    network=NetworkSettings(kind="mlp", layers=(8,)),
    training=TrainingSettings(epochs=10),
    evaluation=EvaluationSettings(metrics=("log_loss", "accuracy")),
)
SIDES = {"network", "trees", "trees_default", "linear", "blend", "majority"}


@pytest.fixture(scope="module")
def penguins(samples: Path) -> ExaminedTable:
    return examine_table(read_table(str(samples / "penguins.csv")), "species")


@pytest.fixture(scope="module")
def result(penguins: ExaminedTable) -> CrossValidation:
    return cross_validate(penguins, SETTINGS, RepeatSettings(n_rounds=1), Silent())


def test_folds_give_a_verdict_with_every_side(result: CrossValidation, penguins: ExaminedTable) -> None:
    assert len(result.fold_scores) == result.repeated.n_folds == result.repeated.n_planned == 5
    assert result.repeated.stop == "rounds"
    assert set(result.fold_scores[0]) == SIDES == set(result.repeated.costs)
    mean = np.mean([fold["network"]["log_loss"] for fold in result.fold_scores])
    assert result.judgement.scores["network"]["log_loss"].value == pytest.approx(mean)
    assert result.judgement.verdict.learned
    assert result.n_train + result.n_test == penguins.target.labels.size
    judged = judge_folds(result.fold_scores, result.n_test / result.n_train, SETTINGS.evaluation)
    assert judged.verdict.low == pytest.approx(result.judgement.verdict.low, rel=0.01)
    assert [c.metric for c in result.judgement.comparisons] == ["log_loss", "accuracy"]


def test_the_blend_of_both_sides_loses_less_than_their_losses_mean(result: CrossValidation) -> None:
    """By Cauchy's inequality, whatever the rows."""
    for fold in result.fold_scores:
        halves = (fold["network"]["log_loss"] + fold["trees"]["log_loss"]) / 2
        assert fold["blend"]["log_loss"] <= halves + 1e-9
    costs = result.repeated.costs
    assert costs["blend"].fit_seconds == pytest.approx(costs["network"].fit_seconds + costs["trees"].fit_seconds)
    assert all(cost.fit_seconds > 0 for side, cost in costs.items() if side != "majority")


def test_what_networks_rest_on_is_looked_at(result: CrossValidation) -> None:
    found = result.assumptions
    assert found.growth is not None
    assert found.seeds is not None
    n_rows = [point.n_rows for point in found.growth.points]
    assert n_rows[-1] == pytest.approx(result.n_train, abs=1)
    assert [n / n_rows[-1] for n in n_rows] == pytest.approx(
        [1 / 4, 1 / 2, 1], abs=0.02
    )  # of 219 rows an eighth are few
    whole = [result.fold_scores[fold]["trees"]["log_loss"] for fold in range(found.growth.n_folds)]
    assert found.growth.points[-1].losses["trees"] == pytest.approx(np.mean(whole), rel=0.01)
    assert len(set(found.seeds.losses)) == 3
    assert found.seeds.losses[0] == pytest.approx(result.fold_scores[0]["network"]["log_loss"])
    assert found.seeds.deviation == pytest.approx(np.std(found.seeds.losses, ddof=1))
    assert len(found.optimisation.gradient_norms) == found.optimisation.epochs
    assert len(found.optimisation.dead_units) == 1


def test_folds_of_other_rounds_are_others_and_no_fold_is_begun_that_the_budget_does_not_hold(
    penguins: ExaminedTable,
) -> None:
    start = time.monotonic()
    found = cross_validate(penguins, SETTINGS, RepeatSettings(n_rounds=50, budget=0.001), Silent())
    assert found.repeated.stop == "budget"
    assert found.repeated.n_folds == 2
    assert found.assumptions.growth is None
    assert time.monotonic() - start < 60


def test_rounds_end_where_the_verdict_is_foreseen(penguins: ExaminedTable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def is_foreseen(folds, n_more: int, *_: object) -> bool:  # type: ignore[no-untyped-def]
        asked.append((len(folds), n_more))
        return len(asked) == 2

    monkeypatch.setattr(repeated, "is_foreseen", is_foreseen)
    found = cross_validate(penguins, SETTINGS, RepeatSettings(n_rounds=4), Silent())
    assert asked == [(5, 15), (10, 10)]
    assert found.repeated.stop == "foreseen"
    assert found.repeated.n_folds == 10
    losses = [fold["trees_default"]["log_loss"] for fold in found.fold_scores]
    assert len(set(losses)) == 10


def test_shuffled_labels_have_no_winner() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": random.normal(size=200) for i in range(3)})
    frame["y"] = random.choice(["no", "yes"], size=200)
    table = examine_table(Table(rows_of(frame), "made.csv", "0" * 64, "comma-separated"), None)
    found = cross_validate(table, SETTINGS, RepeatSettings(n_rounds=1), Silent())
    assert found.judgement.verdict.word == "no clear difference"
    assert not found.judgement.verdict.learned


def test_the_opponent_may_be_a_library(penguins: ExaminedTable) -> None:
    pytest.importorskip("lightgbm")
    settings = replace(SETTINGS, evaluation=EvaluationSettings())
    found = cross_validate(penguins, settings, RepeatSettings(n_rounds=1, against="lightgbm"), Silent())
    assert found.judgement.verdict.opponent == "lightgbm"
    assert set(found.fold_scores[0]) == SIDES | {"lightgbm"}
    assert {(c.first, c.second) for c in found.repeated.others} == {
        (first, second) for first in ("blend", "linear") for second in ("network", "lightgbm")
    }
