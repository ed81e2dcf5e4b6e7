"""Rules to decide by, from ``train`` to ``predict``, by the real program."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from program import Program
from sklearn import metrics

from nncli.bundle.model import load_with_heldout

QUICK = ("--target", "Attrition", "--effort", "quick", "--epochs", "5", "--threads", "1")


@pytest.fixture(scope="module")
def folder(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows to learn from, others, and a model that decides by cost."""
    folder = tmp_path_factory.mktemp("decisions")
    rows = pd.read_csv(samples / "hr_attrition.csv", dtype=str, na_filter=False).sample(frac=1, random_state=0)
    rows[:900].to_csv(folder / "train.csv", index=False)
    rows[900:].to_csv(folder / "new.csv", index=False)
    outcome = Program(folder)("train", "train.csv", *QUICK, "-o", "model", "--cost", "FN=10,FP=1")
    assert outcome.code == 0, outcome.err
    (folder / "said.txt").write_text(outcome.err)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model" / "report.json").read_text())
    return found


def test_the_report_says_what_the_threshold_reaches_on_rows_that_did_not_choose_it(
    folder: Path, report: dict[str, Any]
) -> None:
    decision = report["decision"]
    assert (decision["rule"], decision["positive"]) == ("cost", "Yes")
    assert decision["costs"] == {"false_negative": 10, "false_positive": 1}
    assert set(decision["sides"]) == {"network", "trees", "fast"}
    _, heldout = load_with_heldout(folder / "model")
    for side, found in decision["sides"].items():
        assert found["threshold"] == pytest.approx(1 / 11)
        for part, rows, threshold in (
            ("validation", heldout.validation, 1 / 11), ("test", heldout.test, 1 / 11), ("at_half", heldout.test, 0.5),
        ):  # fmt: skip
            predicted = rows.probabilities[side][:, 1] >= threshold
            matrix = metrics.confusion_matrix(rows.labels, predicted)
            assert found[part]["cost"]["value"] == pytest.approx((10 * matrix[1, 0] + matrix[0, 1]) / rows.labels.size)
            assert found[part]["recall"]["value"] == pytest.approx(metrics.recall_score(rows.labels, predicted))
            assert found[part]["n_rows"] == report["rows"]["validation" if part == "validation" else "test"]
        assert found["test"]["cost"]["value"] < found["at_half"]["cost"]["value"]
    assert report["settings"]["decision"]["costs"] == decision["costs"]


def test_people_are_told(folder: Path, report: dict[str, Any]) -> None:
    said = (folder / "said.txt").read_text()
    words = "'Yes' is predicted for the least cost (10 a missed row, 1 a false alarm); on the 180 test rows:"
    assert f"Decision: {words}\n" in said
    table = said[said.index(words) :].splitlines()[1:8]
    assert max(map(len, table)) <= 80
    cost = report["decision"]["sides"]["network"]["test"]["cost"]
    assert table[1].split()[:2] == ["network", "0.0909"]
    assert table[1].rstrip().endswith(f"{cost['value']:.3f} [{cost['low']:.3f}, {cost['high']:.3f}]")
    for page in ("report.html", "README.md"):
        text = (folder / "model" / page).read_text()
        assert f"{cost['value']:.3f} [{cost['low']:.3f}, {cost['high']:.3f}]" in text
        assert "the least cost (10 a missed row, 1 a false alarm)" in text
    nncli = Program(folder)
    info = nncli("info", "-m", "model").out
    assert "'Yes' from a probability of 0.09091 on, for the least cost (10 a missed row, 1 a false alarm)" in info
    assert json.loads(nncli("info", "-m", "model", "--json").out)["decision"] == report["decision"]
    again = json.loads(nncli("compare-baseline", "-m", "model", "--json").out)
    assert again["decision"] == report["decision"]


def test_all_that_predicts_uses_the_threshold(folder: Path) -> None:
    nncli = Program(folder)
    scored = pd.read_csv(folder / "new.csv", dtype=str, na_filter=False)[["Attrition"]]
    assert nncli("predict", "new.csv", "-m", "model", "--with", "both", "-o", "scored.csv", "--force").code == 0
    answers = pd.read_csv(folder / "scored.csv", dtype={"prediction": str, "prediction_trees": str})
    for suffix in ("", "_trees"):
        yes = answers[f"probability_Yes{suffix}"].to_numpy(np.float32) >= np.float32(1 / 11)
        assert ((answers[f"prediction{suffix}"] == "Yes") == yes).all()
        assert (yes != (answers[f"probability_Yes{suffix}"] > 0.5)).any()
    told = json.loads(nncli("evaluate", "new.csv", "-m", "model", "--json").out)
    expected = metrics.confusion_matrix(scored.Attrition, answers.prediction, labels=["No", "Yes"])
    assert told["confusion"] == expected.tolist()
    assert told["decision"]["threshold"] == pytest.approx(1 / 11)
    cost = (10 * expected[1, 0] + expected[0, 1]) / len(scored)
    assert told["decision"]["here"]["cost"]["value"] == pytest.approx(cost)
    assert told["decision"]["at_half"]["cost"]["value"] > cost
    assert f"{cost:.3f} [" in nncli("evaluate", "new.csv", "-m", "model").out
    assert nncli("export", "-m", "model", "-o", "m.onnx", "--force", "-q").code == 0
    session = onnxruntime.InferenceSession(folder / "m.onnx")
    rows = pd.read_csv(folder / "new.csv")
    inputs = {
        given.name: rows[given.name]
        .astype("f8" if "double" in given.type else str)
        .to_numpy(None if "double" in given.type else object)
        for given in session.get_inputs()
    }
    assert session.run(["label"], inputs)[0].tolist() == answers.prediction.tolist()
    other = nncli("predict", "new.csv", "-m", "model", "--threshold", "0.5", "--proba", "none").out.split()[1:]
    assert other == np.where(answers.probability_Yes >= 0.5, "Yes", "No").tolist()


def test_a_prior_comes_before_the_threshold_and_is_part_of_what_is_done(folder: Path) -> None:
    nncli = Program(folder)
    plain = pd.read_csv(_scored(nncli, "plain"))
    for name, prior in (("yes", "Yes=0.08"), ("all", "No=0.92,Yes=0.08")):
        moved = pd.read_csv(_scored(nncli, name, "--prior", prior))
        share = pd.read_csv(folder / "train.csv").Attrition.eq("Yes").mean()
        odds = plain.probability_Yes / plain.probability_No * (0.08 / share) / (0.92 / (1 - share))
        np.testing.assert_allclose(moved.probability_Yes, odds / (1 + odds), rtol=1e-5)
        assert ((moved.prediction == "Yes") == (moved.probability_Yes.astype("f4") >= np.float32(1 / 11))).all()
        assert 0 < (moved.prediction == "Yes").sum() < (plain.prediction == "Yes").sum()
    into = ("predict", "new.csv", "-m", "model", "--out-dir", "out")
    assert nncli(*into).err == ""
    assert "1 of 1 outputs are done already" in nncli(*into).err
    assert "1 of 1 outputs are made anew" in nncli(*into, "--prior", "Yes=0.08").err
    assert "1 of 1 outputs are done already" in nncli(*into, "--prior", "Yes=0.08").err
    assert (folder / "out" / "new.csv").read_text() == (folder / "yes.csv").read_text()


def _scored(nncli: Program, name: str, *options: str) -> Path:
    outcome = nncli("predict", "new.csv", "-m", "model", "-o", f"{name}.csv", "--force", *options)
    assert (outcome.code, outcome.err) == (0, "")
    return nncli.folder / f"{name}.csv"


def test_a_precision_that_cannot_be_promised_is_warned_of_for_the_class_that_was_named(folder: Path) -> None:
    nncli = Program(folder)
    outcome = nncli(
        "train", "train.csv", *QUICK, "-o", "p", "--target-precision", "0.999", "--positive", "No", "--json"
    )
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    (warning,) = (found for found in report["warnings"] if found["code"] == "precision-not-assured")
    assert f"warn: {warning['message']}" in outcome.err
    decision = report["decision"]
    assert (decision["rule"], decision["positive"], decision["target_precision"]) == ("precision", "No", 0.999)
    network = decision["sides"]["network"]
    outcome = nncli("predict", "new.csv", "-m", "p", "--prior", "Yes=0.5", "-o", "p.csv")
    assert outcome.err == (
        "note: the model's threshold was chosen for a precision among rows with training's shares of classes, not "
        "--prior's\n"
    )
    scored = pd.read_csv(nncli.folder / "p.csv")
    is_no = scored.probability_No.astype("f4") >= np.float32(network["threshold"])
    assert ((scored.prediction == "No") == is_no).all()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--cost", "FN=10"], "--cost: 'FN=10' does not name FN and FP, and only these; write FN=10,FP=1"),
        (["--cost", "FN=10,FP=1,TP=0"], "does not name FN and FP, and only these"),
        (["--cost", "FN=10,FP"], "--cost: 'FN=10,FP' is no list of names with a number each; write FN=10,FP=1"),
        (["--cost", "FN=10,FN=2,FP=1"], "is no list of names with a number each"),
        (["--cost", "FN=-1,FP=1"], "--cost: FN=-1,FP=1 is out of range"),
        (["--cost", "FN=inf,FP=1"], "--cost: FN=inf,FP=1 is out of range"),
        (["--max-f1", "--cost", "FN=1,FP=1"], "--cost and --max-f1: a model decides by one rule; choose"),
        (["--positive", "Yes"], "--positive: no rule is about it"),
        (["--max-f1", "--class-weight", "balanced"], "--class-weight and a rule to decide by: weights move the"),
        (["--target-precision", "1"], "--target-precision: 1.0 is out of range"),
        (
            ["--max-f1", "--positive", "Maybe"],
            "--positive: 'Maybe' is no class of the target; choose one of 'No', 'Yes'",
        ),
        (["--max-f1", "--target", "JobLevel"], "are for two classes; the target has 5"),
    ],
)
def test_rules_that_cannot_be_get_one_line_before_any_training(folder: Path, args: list[str], message: str) -> None:
    outcome = Program(folder)("train", "train.csv", *QUICK, "-o", "none", *args)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err.splitlines()[-1]
    assert "trees" not in outcome.err
    assert not (folder / "none").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--prior", "Yes"], "--prior: 'Yes' is no list of names with a number each; write yes=0.02"),
        (["--prior", "Yes=0"], "--prior: 0.0 is out of range; allowed: above 0, below 1"),
        (["--prior", "Yes=nan"], "--prior: nan is out of range"),
        (["--prior", "yes=0.02"], "--prior: the model has no class 'yes'; its classes are 'No', 'Yes'"),
        (["--prior", "Yes=0.3,No=0.6"], "add up to 0.9, not to 1"),
        (["--prior", "Yes=0.02", "--coverage", "0.9"], "--prior and --coverage: sets keep their promise only among"),
    ],
)
def test_priors_that_cannot_be_get_one_line(folder: Path, args: list[str], message: str) -> None:
    outcome = Program(folder)("predict", "new.csv", "-m", "model", *args)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err
