"""What a closer look at the test rows says, beside the table that they come from."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import rows_of
from silent import Silent
from sklearn import metrics

from nncli.experiment.closer import look_closer
from nncli.experiment.holdout import Experiment, run_experiment
from nncli.experiment.scoring import encode_test_rows
from nncli.guard.examine import examine_table
from nncli.report.closer import Closer, closer_document
from nncli.report.document import finite
from nncli.settings import Costs, DecisionSettings, RunSettings, TrainingSettings, WeightSettings
from nncli.table.reading import Table
from nncli.table.split import make_split
from nncli.training.device import use_threads

SETTINGS = RunSettings(
    effort="quick",
    threads=1,
    blend=True,
    training=TrainingSettings(epochs=12),
    weights=WeightSettings(column="w"),
    decision=DecisionSettings(costs=Costs(10, 1), positive="no"),
)


def made_table() -> pd.DataFrame:
    """Two planted columns, two of noise; some rows have no target, some no weight."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(1200, 3)).round(4), columns=["planted", "noise", "more noise"])
    frame["kind"] = random.choice(["a", "b", "c" * 100], 1200)
    frame["w"] = random.choice(["0", "1", "3"], 1200, p=[0.1, 0.6, 0.3])
    yes = 1.5 * frame.planted + 2 * (frame.kind == "a") + random.normal(size=1200) > 0.7
    frame["y"] = np.where(random.random(1200) < 0.1, "", np.where(yes, "yes", "no"))
    return frame


TABLE = made_table()


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    table = Table(rows_of(TABLE), "made.csv", "0" * 64, "made")
    return run_experiment(examine_table(table, "y", weights=SETTINGS.weights), SETTINGS, Silent())


@pytest.fixture(scope="module")
def document(experiment: Experiment) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(finite(closer_document(experiment.closer)), allow_nan=False))
    return found


def test_numbers_count_the_rows_of_the_file(experiment: Experiment, document: dict[str, Any]) -> None:
    examples = document["examples"]
    assert len(examples["rows"]) == 16
    assert {row["true"] for row in examples["rows"]} == {"yes", "no"}
    assert examples["columns"] == ["planted", "noise", "more noise", "kind"]
    for row in examples["rows"]:
        of_file = TABLE.iloc[row["number"] - 1]
        assert row["cells"] == [str(of_file[column]) for column in examples["columns"]]
        assert row["true"] == of_file.y
    assert document["wrong"]
    for row in document["wrong"]:
        of_file = TABLE.iloc[row["number"] - 1]
        assert row["true"] == of_file.y != row["predicted"]
        assert row["cells"] == {column: str(of_file[column])[:80] for column in row["cells"]}
        assert list(row["cells"]) == [each["column"] for each in document["importances"]["columns"]]
    rows = np.flatnonzero((TABLE.y != "") & (TABLE.w != "0"))
    np.testing.assert_array_equal(experiment.table.numbers, rows + 1)


def test_what_is_predicted_is_decided_as_the_model_will_decide(
    experiment: Experiment, document: dict[str, Any]
) -> None:
    test, border = experiment.heldout.test, experiment.served.model.description.border("blend")
    assert border is not None
    predicted = border.predicted(test.proba("blend"))
    assert document["confusion"] == metrics.confusion_matrix(test.labels, predicted).tolist()
    thresholds = document["thresholds"]
    assert (thresholds["positive"], thresholds["chosen"]) == ("no", pytest.approx(1 / 11))
    assert thresholds["costs"] == {"FN": 10, "FP": 1}
    chosen = next(row for row in thresholds["rows"] if row["threshold"] == thresholds["chosen"])
    assert test.weights is not None
    assert chosen["tp"] == pytest.approx(test.weights[(test.labels == 0) & (predicted == 0)].sum())
    true = {row["number"]: row for row in document["wrong"]}
    numbers = experiment.table.numbers[experiment.split.test].tolist()
    for number, row in true.items():
        at = numbers.index(number)
        assert row["probability"] == pytest.approx(test.proba("blend")[at, test.labels[at]])
        assert row["trees_probability"] == pytest.approx(test.probabilities["trees"][at, test.labels[at]])


def test_curves_are_of_the_judged_scores(experiment: Experiment, document: dict[str, Any]) -> None:
    curves, test = document["curves"], experiment.heldout.test
    assert curves["positive"] == "no"
    assert curves["positive_share"] == pytest.approx(np.average(test.labels == 0, weights=test.weights))
    assert list(curves["sides"]) == ["blend", "network", "trees", "trees_default"]
    for side, found in curves["sides"].items():
        assert found["roc"]["area"] == pytest.approx(experiment.judgement.scores[side]["roc_auc"].value)


def test_planted_columns_are_told_from_noise(document: dict[str, Any]) -> None:
    columns = {each["column"]: each for each in document["importances"]["columns"]}
    assert list(columns)[:2] in (["planted", "kind"], ["kind", "planted"])
    for side in ("network", "trees"):
        assert all(columns[name][side]["low"] > 0.05 for name in ("planted", "kind"))
        assert all(columns[name][side]["low"] <= 0 <= columns[name][side]["high"] for name in ("noise", "more noise"))
    assert document["importances"]["rows"] == np.sum(document["confusion"])
    moves = {each["column"]: each for each in document["dependence"]}
    for side in ("network", "trees"):
        assert moves["planted"][side][0] > 0.6 > 0.4 > moves["planted"][side][-1]  # of "no"


def test_a_report_without_a_closer_look_has_the_same_keys(document: dict[str, Any]) -> None:
    assert closer_document(None) == dict.fromkeys(document)


def test_another_look_sees_the_same_and_shows_no_rows_if_asked(experiment: Experiment) -> None:
    model = experiment.fitted.model.with_decision(experiment.served.model.description.decision)
    features = encode_test_rows(experiment.table, experiment.split, model)

    def look(settings: RunSettings) -> Closer:
        with use_threads(1):  # as the run gives it
            return look_closer(experiment.table, experiment.split, model, features, experiment.heldout.test, settings)

    document = closer_document(experiment.closer)
    assert closer_document(look(SETTINGS)) == document
    hidden = closer_document(look(replace(SETTINGS, shows_rows=False)))
    assert hidden["examples"] is None
    for row in document["wrong"]:
        del row["cells"]
    assert hidden == {**document, "examples": None}
    assert look(replace(SETTINGS, time_limit=0.01)).importances.n_rows < experiment.closer.importances.n_rows


def test_a_class_that_comes_too_late_moves_no_number() -> None:
    frame = pd.DataFrame({"a": np.arange(60) / 8, "when": np.arange(60) // 2, "y": ["u", "v"] * 25 + ["w", "u"] * 5})
    settings = replace(SETTINGS, weights=WeightSettings(), decision=DecisionSettings(), time="when")
    examined = examine_table(Table(rows_of(frame), "made.csv", "0" * 64, "made"), "y", time="when")
    found = run_experiment(examined, settings, Silent())
    assert found.table.numbers.tolist() == [i + 1 for i in range(60) if frame.y[i] != "w"]
    assert make_split(examined.arrangement, settings.split, 0).unknown.size > 0
    rows = found.closer.rows
    assert rows is not None
    for row in rows.examples:
        assert dict(zip(rows.columns, row.cells, strict=True))["a"] == str((row.number - 1) / 8)
    document = closer_document(found.closer)
    assert document["thresholds"]["chosen"] is document["thresholds"]["costs"] is None
