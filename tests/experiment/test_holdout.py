from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from rows import rows_of
from silent import Silent
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_info

import nncli.fitting.served
import nncli.fitting.sides
from nncli.bundle.forward import NumpyNetwork
from nncli.bundle.model import load_model, load_with_heldout, save_model
from nncli.errors import DataError, UsageError
from nncli.evaluation.calibration import UNCALIBRATED, Calibration
from nncli.evaluation.decisions import DecisionRule
from nncli.evaluation.thresholds import choose_threshold
from nncli.experiment.holdout import Experiment, run_experiment
from nncli.experiment.repeated import cross_validate
from nncli.fitting.context import Context
from nncli.fitting.recipe import run_recipe
from nncli.fitting.sides import fit_sides
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.settings import (
    EFFORTS,
    DecisionSettings,
    RepeatSettings,
    RunSettings,
    TrainingSettings,
)
from nncli.table.reading import Table, read_table
from nncli.table.split import make_split
from nncli.training.budget import Plan
from nncli.training.checkpointer import Checkpointer
from nncli.training.checkpoints import Checkpoints
from nncli.training.loop import Conditions, LabelledInputs, TrainedNetwork, continue_network
from nncli.training.search import Trial
from nncli.training.signals import Signals

SETTINGS = RunSettings(effort="quick", threads=2)


def table_of(frame: pd.DataFrame) -> Table:
    return Table(rows_of(frame), "made.csv", "0" * 64, "comma-separated")


@pytest.fixture(scope="module")
def penguins(samples: Path) -> ExaminedTable:
    return examine_table(read_table(str(samples / "penguins.csv")), "species")


@pytest.fixture(scope="module")
def experiment(penguins: ExaminedTable) -> Experiment:
    return run_experiment(penguins, SETTINGS, Silent())


def test_changing_test_labels_changes_nothing_that_is_learned(penguins: ExaminedTable) -> None:
    labels = penguins.target.labels
    split = make_split(penguins.arrangement, SETTINGS.split, 0)
    changed = labels.copy()
    changed[split.test] = (changed[split.test] + 1) % 3
    other = replace(penguins, target=replace(penguins.target, labels=changed))
    first, second = (fit_sides(table, split, Context(SETTINGS, Silent())) for table in (penguins, other))
    assert first.trials[0].outcome.best_epoch == second.trials[0].outcome.best_epoch
    assert first.trials[0].loss == second.trials[0].loss
    assert first.model.files() == second.model.files()


def test_changing_test_features_changes_nothing_that_is_learned(penguins: ExaminedTable) -> None:
    split = make_split(penguins.arrangement, SETTINGS.split, 0)
    order = np.arange(penguins.target.labels.size)
    order[split.test] = order[split.test[::-1]]
    tables = [replace(penguins, rows=rows) for rows in (penguins.rows, penguins.rows.take(order))]
    first, second = (fit_sides(table, split, Context(SETTINGS, Silent())) for table in tables)
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
    assert set(scores) == {"network", "trees", "trees_default", "majority", "fast"}
    assert experiment.heldout.test.labels.size == experiment.split.test.size
    validation, judged = experiment.heldout.validation, experiment.fitted.model
    np.testing.assert_array_equal(validation.labels, experiment.table.target.labels[experiment.split.validation])
    rows = judged.encode(experiment.table.rows.take(experiment.split.validation))
    np.testing.assert_array_equal(validation.probabilities["trees"], judged.predict_proba(rows, "trees"))
    for side in ("network", "trees"):
        assert scores[side]["log_loss"].value < 0.5 < scores["majority"]["log_loss"].value
    assert scores["majority"]["roc_auc"].value == 0.5


def test_the_evidence_of_calibration_is_of_the_judged_models_on_the_test_rows(experiment: Experiment) -> None:
    judged, test = experiment.fitted.model, experiment.heldout.test
    plain = judged.with_calibrations(UNCALIBRATED, UNCALIBRATED)
    features = judged.encode(experiment.table.rows.take(experiment.split.test))
    assert set(experiment.calibration) == {"network", "trees"}
    for side, found in experiment.calibration.items():
        raw = plain.predict_proba(features, side)  # type: ignore[arg-type]
        losses = -np.log(raw[np.arange(test.labels.size), test.labels])
        assert found.before.log_loss.value == pytest.approx(losses.mean())
        assert vars(found.after.log_loss) == pytest.approx(vars(experiment.judgement.scores[side]["log_loss"]))
        assert sum(one.n_rows for one in found.bins) == test.labels.size
        assert found.temperature == judged.description.calibration(side).temperature  # type: ignore[arg-type]


def test_what_is_served_learned_from_all_rows_and_is_as_good(experiment: Experiment) -> None:
    judged, served, labels = experiment.fitted.model, experiment.served.model, experiment.table.target.labels
    test = experiment.split.test
    assert served.description.class_shares == pytest.approx(np.bincount(labels) / labels.size)
    assert served.description.network_calibration == judged.description.network_calibration
    for side in ("network", "trees"):
        proba = served.predict_proba(served.encode(experiment.table.rows.take(test)), side)  # type: ignore[arg-type]
        loss = -np.log(proba[np.arange(test.size), labels[test]]).mean()
        assert loss < 0.3
        assert not np.array_equal(proba, experiment.heldout.test.probabilities[side])
        assert experiment.seconds[side] > experiment.fitted.seconds[side]


def test_after_the_verdict_the_network_goes_on_with_all_rows_and_new_ones_twice(
    penguins: ExaminedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[TrainedNetwork, LabelledInputs, Plan]] = []

    def spy(network: TrainedNetwork, rows: LabelledInputs, plan: Plan, conditions: Conditions) -> TrainedNetwork:
        seen.append((network, rows, plan))
        return continue_network(network, rows, plan, conditions)

    monkeypatch.setattr("nncli.fitting.served.continue_network", spy)
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
    rows = experiment.table.rows.take(experiment.split.test)
    for side in ("network", "trees"):
        found, expected = (model.predict_proba(model.encode(rows), side) for model in (loaded, experiment.served.model))  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, expected)
    _, heldout = load_with_heldout(tmp_path / "m")
    np.testing.assert_array_equal(heldout.test.labels, experiment.heldout.test.labels)
    assert list(heldout.test.probabilities) == list(experiment.heldout.test.probabilities)


def test_the_same_data_and_options_give_the_same_bytes(experiment: Experiment, penguins: ExaminedTable) -> None:
    again = run_experiment(penguins, SETTINGS, Silent())
    assert again.served.model.files() == experiment.served.model.files()


def test_a_threshold_comes_from_validation_rows_and_stays_when_both_learn_on(samples: Path, tmp_path: Path) -> None:
    table = examine_table(read_table(str(samples / "breast_cancer_wdbc.csv")), "diagnosis")
    settings = replace(SETTINGS, training=TrainingSettings(epochs=3), decision=DecisionSettings(max_f1=True))
    deciding = run_experiment(table, settings, Silent())
    found, validation = deciding.served.model.description.decision, deciding.heldout.validation
    assert found is not None
    assert found.rule == DecisionRule(1, None, None)
    for side, threshold in found.thresholds.items():
        assert threshold == choose_threshold(found.rule, validation.labels, validation.proba(side)).threshold
    assert set(found.thresholds) == {*validation.probabilities, "blend"}
    plain = run_experiment(table, replace(settings, decision=DecisionSettings()), Silent()).served.model
    assert plain.description.decision is None
    assert plain.with_decision(found).files() == deciding.served.model.files()  # and nothing else is another
    save_model(tmp_path / "m", deciding.served.model, deciding.heldout, {})
    assert load_model(tmp_path / "m").description.decision == found
    with pytest.raises(UsageError, match="are for two classes"):
        penguins = examine_table(read_table(str(samples / "penguins.csv")), "species")
        run_experiment(penguins, settings, Silent())


@pytest.fixture
def small_search(monkeypatch: pytest.MonkeyPatch) -> RunSettings:
    """A search of three trials."""
    monkeypatch.setitem(EFFORTS, "best", replace(EFFORTS["quick"], n_trials=3, max_epochs=25))
    return replace(SETTINGS, effort="best")


def checkpointer(folder: Path, table: ExaminedTable, settings: RunSettings) -> Checkpointer:
    return Checkpointer(Checkpoints(folder, run_recipe(table, settings)), Signals(), print)


def test_a_search_that_was_cut_off_gives_the_same_bytes(
    penguins: ExaminedTable, small_search: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_experiment(penguins, small_search, Silent())
    assert [trial.number for trial in whole.fitted.trials] == [1, 2, 3]

    def keeping(settings: RunSettings) -> Checkpointer:
        return checkpointer(tmp_path, penguins, settings)

    class Cut(Silent):
        def tried(self, trial: Trial[TrainedNetwork], n_trials: int) -> None:
            if trial.number == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(penguins, small_search, Cut(), checkpointer=keeping(small_search))
    known: list[int] = []

    class Resumed(Silent):
        def training(self, plan: object, device: str, threads: int, known_: list[Trial[TrainedNetwork]]) -> None:
            known.extend(trial.number for trial in known_)

    again = run_experiment(penguins, small_search, Resumed(), checkpointer=keeping(small_search))
    assert known == [1, 2]
    assert again.served.model.files() == whole.served.model.files()
    for other in (replace(small_search, seed=1), replace(small_search, training=TrainingSettings(batch_size=32))):
        known.clear()
        run_experiment(penguins, other, Resumed(), checkpointer=keeping(other))
        assert known == []


def test_text_that_is_noise_is_stood_and_text_that_decides_is_read() -> None:
    random = np.random.default_rng(0)
    x, word = random.normal(size=500), random.choice(["splendid", "dreadful"], size=500)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz     "))
    noise = ["".join(random.choice(letters, size=30)) for _ in range(500)]
    tables = {
        "noise": ({"x": x, "text": noise}, x),
        "signal": ({"x": x, "text": [f"{n} {w}" for n, w in zip(noise, word, strict=True)]}, word == "splendid"),
    }
    for name, (columns, score) in tables.items():
        frame = pd.DataFrame(columns).assign(y=np.where(score > 0.5 * (name == "signal"), "yes", "no"))
        result = run_experiment(examine_table(table_of(frame), None), replace(SETTINGS, effort="default"), Silent())
        assert [column.kind for column in result.table.schema.columns] == ["numeric", "text"]
        assert result.judgement.scores["network"]["accuracy"].value > 0.9


def test_what_each_part_brought_is_said(
    penguins: ExaminedTable, small_search: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncli.training.variants._CLEARLY", 100.0)
    monkeypatch.setattr("nncli.fitting.sides.fit_calibration", lambda *_: Calibration(1.5, 0.01))
    said: dict[object, dict[str, float]] = {}

    class Listening(Silent):
        def brought(self, side: object, losses: object) -> None:
            said[side] = losses  # type: ignore[assignment]

    fitted = run_experiment(penguins, small_search, Listening()).fitted
    n_kept, split = len(fitted.chosen), make_split(penguins.arrangement, small_search.split, 0)
    assert list(said["network"]) == ["best of 3", f"mean of {n_kept}", "temperature 1.50"]
    assert list(said["trees"]) == ["best of 3", "temperature 1.50"]
    features = fitted.model.encode(penguins.rows.take(split.validation))
    for side in ("network", "trees"):
        proba = fitted.model.predict_proba(features, side)  # type: ignore[arg-type]
        expected = log_loss(penguins.target.labels[split.validation], proba)
        assert said[side]["temperature 1.50"] == pytest.approx(expected)


def test_several_networks_predict_with_their_mean(
    penguins: ExaminedTable, small_search: RunSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncli.training.variants._CLEARLY", 100.0)
    result = run_experiment(penguins, small_search, Silent())
    model, networks = result.served.model, result.served.networks
    assert len(networks) == len(result.fitted.chosen) > 1
    features = model.encode(penguins.rows)
    inputs = model.description.scaler.scale(features)
    each = [NumpyNetwork(n.plan.architecture, n.arrays).predict_proba(inputs) for n in networks]
    expected = model.description.network_calibration.apply(np.mean(each, axis=0))
    np.testing.assert_allclose(model.predict_proba(features, "network"), expected)
    save_model(tmp_path / "m", model, result.heldout, {})
    found, saved = (m.predict_proba(features, "network") for m in (load_model(tmp_path / "m"), model))
    np.testing.assert_array_equal(found, saved)


def test_the_network_keeps_its_share_of_a_time_limit_that_slow_trees_use_up(
    penguins: ExaminedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock of our own both trees run until their deadline; each part of the network does too."""
    now, spans = [0.0], dict[str, float]()
    rooms = (
        "experiment.holdout",
        "experiment.repeated",
        "experiment.scoring",
        "fitting.sides",
        "fitting.served",
        "fitting.student",
        "training.clock",
        "training.search",
    )
    for module in rooms:
        monkeypatch.setattr(f"nncli.{module}.time", SimpleNamespace(monotonic=lambda: now[0]))

    def until(name: str, deadline: float) -> None:
        spans[name] = spans.get(name, 0.0) + deadline - now[0]
        now[0] = deadline

    def slow_trees(name: str, fit):  # type: ignore[no-untyped-def]
        def run(*args: object, deadline: float, **options: object) -> object:
            fitted = fit(*args, **options, deadline=None)
            start = now[0]
            until(name, deadline)
            return replace(fitted, seconds=now[0] - start, tried=fitted.iterations)

        return run

    def slow_network(name: str, fit):  # type: ignore[no-untyped-def]
        def run(*args: object) -> object:
            *rest, conditions = args
            deadline = conditions.deadline  # type: ignore[attr-defined]
            fitted = fit(*rest, replace(conditions, deadline=None))  # type: ignore[type-var]
            until(name, deadline)
            return fitted

        return run

    sides, served = nncli.fitting.sides, nncli.fitting.served
    for module, name in (
        (sides, "fit_default_trees"),
        (sides, "fit_careful_trees"),
        (served, "refit_careful_trees"),
    ):
        monkeypatch.setattr(module, name, slow_trees(name, getattr(module, name)))
    for module, name in ((sides, "train_network"), (served, "continue_network")):
        monkeypatch.setattr(module, name, slow_network(name, getattr(module, name)))
    run_experiment(penguins, replace(SETTINGS, time_limit=100), Silent(), started=1e-9)
    assert now[0] == pytest.approx(95)
    assert spans["train_network"] > spans["fit_careful_trees"] > spans["fit_default_trees"]
    assert spans["train_network"] > 28
    assert spans["continue_network"] > 0.4 * spans["train_network"]
    assert spans["refit_careful_trees"] > 10
    now[0] = 0.0
    spans.clear()
    cross_validate(penguins, replace(SETTINGS, time_limit=100), RepeatSettings(), Silent(), started=1e-9)
    assert now[0] == pytest.approx(95)
    assert spans["train_network"] > 0.6 * 95


def test_what_the_time_limit_cut_is_said_wherever_the_verdict_is_repeated(penguins: ExaminedTable) -> None:
    settings = replace(SETTINGS, time_limit=1e-3, training=TrainingSettings(epochs=1000))
    result = run_experiment(penguins, settings, Silent())
    kept = result.served.model.description.provenance.findings
    assert "time-limit" in {finding.code for finding in kept}
    assert kept == result.findings


def test_a_run_keeps_to_its_threads_and_puts_them_back(penguins: ExaminedTable) -> None:
    found = []

    class Watching(Silent):
        def brought(self, side: object, losses: object) -> None:
            found.append({pool["num_threads"] for pool in threadpool_info()} | {torch.get_num_threads()})

    before = threadpool_info()
    run_experiment(penguins, replace(SETTINGS, threads=1, training=TrainingSettings(epochs=2)), Watching())
    assert found == [{1}, {1}]
    assert threadpool_info() == before


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


def test_too_few_rows_and_no_columns_are_refused() -> None:
    few = pd.DataFrame({"x": ["a", "b", "a"], "y": ["n", "y", "n"]})
    with pytest.raises(DataError, match="too few"):
        run_experiment(examine_table(table_of(few), None), SETTINGS, Silent())
    names = pd.DataFrame({"x": [f"n{i}" for i in range(15)], "y": ["n", "y", "n"] * 5})
    with pytest.raises(DataError, match="nothing to learn from"):
        run_experiment(examine_table(table_of(names), None), SETTINGS, Silent())
    useless = pd.DataFrame({"x": ["a"] * 30, "y": ["n", "y"] * 15})
    with pytest.raises(DataError, match="no column is left"):
        examine_table(table_of(useless), None)


def test_a_network_that_was_still_learning_is_said_to_be() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.where(x[:, 0] * x[:, 1] > 0, "same", "other")})
    found = {}
    for epochs in (3, 60):
        settings = replace(SETTINGS, training=TrainingSettings(epochs=epochs))
        result = run_experiment(examine_table(table_of(frame), None), settings, Silent())
        found[epochs] = "not-converged" in {finding.code for finding in result.findings}
        assert result.optimisation.converged != found[epochs]
    assert found == {3: True, 60: False}
