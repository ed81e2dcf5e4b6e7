from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nncli.bundle.model import load_model, load_with_heldout, save_model
from nncli.errors import DataError
from nncli.experiment import Experiment, cross_validate, fit_sides, run_experiment
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.settings import RunSettings
from nncli.table.reading import Table, read_table
from nncli.table.split import make_split
from nncli.training.budget import Plan
from nncli.training.loop import Conditions, LabelledInputs, TrainedNetwork, continue_network

SETTINGS = RunSettings(effort="quick", threads=2)


class Silent:
    """An observer that says nothing."""

    def training(self, plan: object, device: str, threads: int, n_known: int) -> None: ...

    def tried(self, trial: object, n_trials: int) -> None: ...

    def epoch(self, epoch: object, plan: object) -> None: ...

    def trees(self, name: str, n_trials: int) -> None: ...

    def again(self, plan: object, n_rows: int, number: int, n_networks: int) -> None: ...

    def fold(self, number: int, n_folds: int) -> None: ...


def table_of(frame: pd.DataFrame) -> Table:
    return Table(frame.astype("str"), "made.csv", "0" * 64, "comma-separated")


@pytest.fixture(scope="module")
def penguins(samples: Path) -> ExaminedTable:
    return examine_table(read_table(str(samples / "penguins.csv")), "species")


@pytest.fixture(scope="module")
def experiment(penguins: ExaminedTable) -> Experiment:
    return run_experiment(penguins, SETTINGS, Silent())


def test_changing_test_labels_changes_nothing_that_is_learned(penguins: ExaminedTable) -> None:
    labels = penguins.target.labels
    split = make_split(labels, penguins.groups, SETTINGS.split, 0)
    changed = labels.copy()
    changed[split.test] = (changed[split.test] + 1) % 3
    other = replace(penguins, target=replace(penguins.target, labels=changed))
    first, second = (fit_sides(table, split, SETTINGS, Silent()) for table in (penguins, other))
    assert first.trials[0].outcome.best_epoch == second.trials[0].outcome.best_epoch
    assert first.trials[0].loss == second.trials[0].loss
    assert first.model.files() == second.model.files()


def test_changing_test_features_changes_nothing_that_is_learned(penguins: ExaminedTable) -> None:
    split = make_split(penguins.target.labels, penguins.groups, SETTINGS.split, 0)
    frame = penguins.frame.copy()
    frame.iloc[split.test] = frame.iloc[split.test[::-1]].to_numpy()
    first, second = (fit_sides(replace(penguins, frame=f), split, SETTINGS, Silent()) for f in (penguins.frame, frame))
    assert first.model.files() == second.model.files()


def test_labels_without_signal_give_no_clear_difference() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": random.normal(size=600) for i in range(5)})
    frame["y"] = random.choice(["no", "yes"], size=600)
    result = run_experiment(examine_table(table_of(frame), None), SETTINGS, Silent())
    assert result.judgement.verdict.word == "no clear difference"
    assert not result.judgement.verdict.learned


def test_both_sides_are_scored_on_the_same_rows_and_beat_the_majority(experiment: Experiment) -> None:
    scores = experiment.judgement.scores
    assert set(scores) == {"network", "trees", "trees_default", "majority"}
    assert experiment.heldout.labels.size == experiment.split.test.size
    for side in ("network", "trees"):
        assert scores[side]["log_loss"].value < 0.5 < scores["majority"]["log_loss"].value
    assert scores["majority"]["roc_auc"].value == 0.5


def test_what_is_served_learned_from_all_rows_and_is_as_good(experiment: Experiment) -> None:
    judged, served, labels = experiment.fitted.model, experiment.served.model, experiment.table.target.labels
    test = experiment.split.test
    assert served.description.class_shares == pytest.approx(np.bincount(labels) / labels.size)
    assert served.description.network_calibration == judged.description.network_calibration
    for side in ("network", "trees"):
        proba = served.predict_proba(served.encode(experiment.table.frame.iloc[test]), side)  # type: ignore[arg-type]
        loss = -np.log(proba[np.arange(test.size), labels[test]]).mean()
        assert loss < 0.3
        assert not np.array_equal(proba, experiment.heldout.probabilities[side])
        assert experiment.seconds[side] > experiment.fitted.seconds[side]


def test_after_the_verdict_the_network_goes_on_with_all_rows_and_new_ones_twice(
    penguins: ExaminedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[TrainedNetwork, LabelledInputs, Plan]] = []

    def spy(network: TrainedNetwork, rows: LabelledInputs, plan: Plan, conditions: Conditions) -> TrainedNetwork:
        seen.append((network, rows, plan))
        return continue_network(network, rows, plan, conditions)

    monkeypatch.setattr("nncli.experiment.continue_network", spy)
    result = run_experiment(penguins, SETTINGS, Silent())
    [(network, rows, plan)] = seen
    new = np.concatenate([result.split.validation, result.split.test])
    labels = penguins.target.labels
    assert network is result.fitted.chosen[0].outcome
    assert np.bincount(rows.labels).tolist() == (np.bincount(labels) + np.bincount(labels[new])).tolist()
    assert 1 <= plan.max_epochs < network.best_epoch


def test_a_saved_model_predicts_what_the_trained_one_did(experiment: Experiment, tmp_path: Path) -> None:
    save_model(tmp_path / "m", experiment.served.model, experiment.heldout, {})
    loaded = load_model(tmp_path / "m")
    assert loaded.sha256 == experiment.served.model.sha256
    rows = experiment.table.frame.iloc[experiment.split.test]
    for side in ("network", "trees"):
        found, expected = (model.predict_proba(model.encode(rows), side) for model in (loaded, experiment.served.model))  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, expected)
    _, heldout = load_with_heldout(tmp_path / "m")
    np.testing.assert_array_equal(heldout.labels, experiment.heldout.labels)
    assert list(heldout.probabilities) == list(experiment.heldout.probabilities)


def test_the_same_data_and_options_give_the_same_bytes(experiment: Experiment, penguins: ExaminedTable) -> None:
    again = run_experiment(penguins, SETTINGS, Silent())
    assert again.served.model.files() == experiment.served.model.files()


def test_many_levels_empty_columns_and_single_rows_work_for_both_sides() -> None:
    random = np.random.default_rng(0)
    n_rows = 14_000
    city = random.integers(7000, size=n_rows)
    frame = pd.DataFrame(
        {
            "city": [f"city {number}" for number in city],
            "empty": "",
            "x": random.normal(size=n_rows),
            "y": np.where(city % 2 == 0, "even", "odd"),
        }
    )
    frame.loc[0, "y"] = "single"
    settings = replace(SETTINGS, time_limit=15)
    result = run_experiment(examine_table(table_of(frame), None), settings, Silent())
    codes = {finding.code for finding in result.findings}
    assert {"empty-column", "single-row-class"} <= codes
    assert result.split.train[0] == 0  # the single row stays in training
    assert result.judgement.scores["network"]["log_loss"].value < 2


def test_folds_give_a_verdict_with_every_side(penguins: ExaminedTable) -> None:
    result = cross_validate(penguins, replace(SETTINGS, time_limit=30), Silent())
    assert len(result.fold_scores) == 5
    assert set(result.fold_scores[0]) == {"network", "trees", "trees_default", "majority"}
    assert result.judgement.verdict.learned
    mean = np.mean([fold["network"]["log_loss"] for fold in result.fold_scores])
    assert result.judgement.scores["network"]["log_loss"].value == pytest.approx(mean)


def test_too_few_rows_and_no_columns_are_refused() -> None:
    few = pd.DataFrame({"x": ["a", "b", "a"], "y": ["n", "y", "n"]})
    with pytest.raises(DataError, match="too few"):
        run_experiment(examine_table(table_of(few), None), SETTINGS, Silent())
    useless = pd.DataFrame({"x": ["a"] * 30, "y": ["n", "y"] * 15})
    with pytest.raises(DataError, match="no column is left"):
        examine_table(table_of(useless), None)
