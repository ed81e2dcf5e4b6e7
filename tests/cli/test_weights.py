"""``--class-weight`` and ``--sample-weight`` by the real program."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from program import Program
from sklearn import metrics

from nncli.bundle.folder import read_file, read_manifest
from nncli.bundle.model import Model, load_model, load_with_heldout

OPTIONS = ("--target", "y", "--effort", "quick", "--threads", "1")
TRAINING = (*OPTIONS, "--epochs", "10")
WEIGHTS = ("--class-weight", "balanced", "--sample-weight", "w")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that overlap, one with few rows; a column of weights, some of which are zero."""
    folder, random = tmp_path_factory.mktemp("weights"), np.random.default_rng(0)
    x = random.normal(size=(900, 3)).round(3)
    yes = x[:, 0] + x[:, 1] + random.normal(size=900) > 2.2
    w = random.choice(["0", "0.5", "1", "4"], size=900, p=[0.1, 0.3, 0.4, 0.2])
    rows = pd.DataFrame(x, columns=["a", "b", "c"]).assign(w=w, y=np.where(yes, "yes", "no"))
    rows.to_csv(folder / "all.csv", index=False)
    rows[rows.w != "0"].to_csv(folder / "counted.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def weighted(tables: Path) -> dict[str, Any]:
    """The report of a model that is kept as ``weighted``."""
    outcome = Program(tables)("train", "all.csv", *TRAINING, *WEIGHTS, "-o", "weighted", "--json")
    assert outcome.code == 0, outcome.err
    assert "weighted by class weights (balanced) and column 'w'" in outcome.err.replace("\n", " ")
    assert "rows have weight 0 in 'w'; they are left out" in outcome.err
    report: dict[str, Any] = json.loads(outcome.out)
    return report


@pytest.fixture(scope="module")
def plain(tables: Path) -> dict[str, Any]:
    """The report of a model of the same rows without weights, kept as ``plain``."""
    (tables / "unweighted.csv").write_text(pd.read_csv(tables / "counted.csv").drop(columns="w").to_csv(index=False))
    outcome = Program(tables)("train", "unweighted.csv", *TRAINING, "-o", "plain", "--json", "-q")
    assert outcome.code == 0, outcome.err
    report: dict[str, Any] = json.loads(outcome.out)
    return report


def test_balanced_classes_raise_the_recall_of_the_rare_one_on_both_sides(
    tables: Path, weighted: dict[str, Any], plain: dict[str, Any]
) -> None:
    del weighted, plain
    recalls = []
    for name in ("plain", "weighted"):
        test = load_with_heldout(tables / name)[1].test
        sides = [test.probabilities[side].argmax(axis=1) for side in ("network", "trees", "trees_default")]
        recalls.append(np.array([metrics.recall_score(test.labels, predicted) for predicted in sides]))
    assert (recalls[1] > recalls[0] + 0.1).all()


def test_every_score_is_scikit_learns_of_the_weights_that_are_kept(tables: Path, weighted: dict[str, Any]) -> None:
    model, heldout = load_with_heldout(tables / "weighted")
    test, own = heldout.test, pd.read_csv(tables / "counted.csv")
    assert test.weights is not None
    assert heldout.validation.weights is not None
    for side, proba in test.probabilities.items():
        found, predicted = weighted["scores"][side], proba.argmax(axis=1)
        options = {"sample_weight": test.weights}
        losses = -np.log(proba[np.arange(test.labels.size), test.labels])  # scikit-learn dislikes sums of 1 + 1e-7
        assert found["log_loss"]["value"] == pytest.approx(np.average(losses, weights=test.weights))
        assert found["roc_auc"]["value"] == pytest.approx(metrics.roc_auc_score(test.labels, proba[:, 1], **options))
        assert found["accuracy"]["value"] == pytest.approx(metrics.accuracy_score(test.labels, predicted, **options))
    shares = model.description.class_shares
    assert shares == pytest.approx([0.5, 0.5], abs=0.05)  # balanced by training rows, summed over all
    ratios = np.unique((test.weights / test.weights.min()).round(6))
    by_class = [own.w[own.y == name].sum() for name in ("yes", "no")]
    assert ratios.size == 6  # three weights of rows, two of classes
    assert ratios[-1] == pytest.approx(8 * by_class[1] / by_class[0], rel=0.1)
    assert not any(column.name == "w" for column in model.description.schema.columns)


def test_the_held_out_rows_give_the_verdict_of_training(tables: Path, weighted: dict[str, Any]) -> None:
    told = json.loads(Program(tables)("compare-baseline", "-m", "weighted", "--json").out)
    for same in ("scores", "verdict", "weights", "sets", "rows", "warnings"):
        assert told[same] == weighted[same], same
    assert told["weights"] == {"balanced": True, "classes": [], "column": "w"}
    described = Program(tables)("info", "-m", "weighted").out
    assert "weighted by   class weights (balanced) and column 'w'" in described
    losses = json.loads(Program(tables)("info", "-m", "weighted", "--json").out)["log_loss"]
    assert losses["trees"] == pytest.approx(weighted["scores"]["trees"]["log_loss"]["value"])


def learned(folder: Path) -> list[bytes]:
    manifest = read_manifest(folder)
    return [read_file(folder, manifest, role) for role in ("weights", "trees", "heldout", "fast")]


def test_rows_of_weight_zero_change_nothing(tables: Path, weighted: dict[str, Any]) -> None:
    del weighted
    nncli = Program(tables)
    assert nncli("train", "counted.csv", *TRAINING, *WEIGHTS, "-o", "counted", "-q").code == 0
    assert learned(tables / "counted") == learned(tables / "weighted")


def test_what_evaluate_weighs(tables: Path, weighted: dict[str, Any]) -> None:
    del weighted
    nncli, rows = Program(tables), pd.read_csv(tables / "all.csv", dtype=str)
    rows.w = np.where(rows.index % 5 == 0, "0", rows.w)
    rows.to_csv(tables / "new.csv", index=False)
    found = json.loads(nncli("evaluate", "new.csv", "-m", "weighted", "--sample-weight", "w", "--json").out)
    model: Model = load_model(tables / "weighted")
    counted = rows[rows.w.astype(float) > 0]
    nncli("predict", "new.csv", "-m", "weighted", "-o", "scored.csv")
    yes = pd.read_csv(tables / "scored.csv").probability_yes[counted.index]
    expected = metrics.roc_auc_score(counted.y == "yes", yes, sample_weight=counted.w.astype(float))
    assert found["scores"]["network"]["roc_auc"]["value"] == pytest.approx(expected, rel=1e-6)
    assert found["rows"]["evaluated"] == len(counted) == np.sum(found["confusion"])
    assert found["data"]["rows"] == 900
    assert found["weights"] == {"column": "w"}
    assert "weighted rows" in found["verdict"]["sentence"]
    assert {finding["code"] for finding in found["warnings"]} == {"zero-weight", "other-weights"}
    assert found["model_sha256"] == model.sha256
    text = nncli("evaluate", "new.csv", "-m", "weighted", "--sample-weight", "w").out
    assert "Scores and verdict are of rows weighted by column 'w'; below, every row counts once." in text
    unweighted = json.loads(nncli("evaluate", "new.csv", "-m", "weighted", "--json").out)
    assert unweighted["weights"] is None
    assert unweighted["rows"]["evaluated"] == 900


def test_folds_are_scored_by_weights_too(tables: Path) -> None:
    outcome = Program(tables)(
        "compare-baseline", "all.csv", *OPTIONS, "--class-weight", "no=1,yes=6.5", "--time-limit", "20", "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out)
    assert told["weights"] == {
        "balanced": False,
        "classes": [{"name": "no", "weight": 1.0}, {"name": "yes", "weight": 6.5}],
        "column": None,
    }
    assert "weighted test rows a fold" in told["verdict"]["sentence"]
    counts = pd.read_csv(tables / "all.csv").y.value_counts()
    share = 6.5 * counts["yes"] / (6.5 * counts["yes"] + counts["no"])
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert told["scores"]["majority"]["log_loss"]["value"] == pytest.approx(entropy, abs=0.01)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--class-weight", "maybe=2"], 3, "'maybe' is no class of 'y'; the classes are 'no', 'yes'"),
        (["--class-weight", "yes=0"], 2, "--class-weight: 0.0 is out of range"),
        (["--class-weight", "yes=inf"], 2, "--class-weight: inf is out of range"),
        (["--class-weight", "yes=1,yes=2"], 2, "'yes' is named twice"),
        (["--class-weight", "even"], 2, "'even' is no list of weights; write balanced, or classes like yes=5,no=1"),
        (["--class-weight", "=3"], 2, "is no list of weights"),
        (["--class-weight", ""], 2, "is no list of weights"),
        (["--sample-weight", "W"], 3, "did you mean 'w'?"),
        (["--sample-weight", "y"], 2, "'y' is the target"),
        (["--sample-weight", "a"], 3, "cells are no finite number from 0 on (such as '-"),
    ],
)
def test_weights_that_say_nothing_get_one_line(tables: Path, args: list[str], code: int, message: str) -> None:
    outcome = Program(tables)("train", "all.csv", "--target", "y", *args, "-o", "no")
    assert (outcome.code, outcome.err.count("\n"), outcome.out) == (code, 1, ""), outcome.err
    assert message in outcome.err
    assert not (tables / "no").exists()


def test_the_held_out_rows_take_no_other_weights(tables: Path, weighted: dict[str, Any]) -> None:
    del weighted
    outcome = Program(tables)("compare-baseline", "-m", "weighted", *WEIGHTS)
    assert (outcome.code, outcome.out) == (2, "")
    assert "needs data" in outcome.err
    outcome = Program(tables)("compare-baseline", "all.csv", "--sample-weight", "W")
    assert (outcome.code, outcome.out) == (3, "")
    assert "did you mean 'w'?" in outcome.err
