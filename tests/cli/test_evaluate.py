"""``nncli evaluate`` by the real program, on rows that its model has not seen."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from program import Program
from sklearn import metrics
from sklearn.calibration import calibration_curve


@pytest.fixture(scope="module")
def parts(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows to learn from, and others."""
    folder = tmp_path_factory.mktemp("parts")
    rows = pd.read_csv(samples / "hr_attrition.csv", dtype=str, na_filter=False).sample(frac=1, random_state=0)
    rows[:900].to_csv(folder / "train.csv", index=False)
    rows[900:].to_csv(folder / "new.csv", index=False)
    options = ("--target", "Attrition", "--effort", "quick", "--epochs", "5", "-q", "-o", "model")
    assert Program(folder)("train", "train.csv", *options).code == 0
    return folder


def test_scores_are_those_of_the_predictions(parts: Path) -> None:
    nncli = Program(parts)
    found = json.loads(nncli("evaluate", "new.csv", "-m", "model", "--json").out)
    assert found["command"] == "evaluate"
    new = pd.read_csv(parts / "new.csv", dtype=str, na_filter=False)
    nncli("predict", "new.csv", "-m", "model", "--with", "both", "-o", "scored.csv", "--force")
    scored = pd.read_csv(parts / "scored.csv", dtype={"prediction": str, "prediction_trees": str})
    yes = (new.Attrition == "Yes").to_numpy()
    for side, suffix in (("network", ""), ("trees", "_trees")):
        proba = scored[f"probability_Yes{suffix}"].to_numpy()
        scores = {metric: interval["value"] for metric, interval in found["scores"][side].items()}
        assert scores["log_loss"] == pytest.approx(metrics.log_loss(yes, proba), rel=1e-4)
        assert scores["roc_auc"] == pytest.approx(metrics.roc_auc_score(yes, proba), rel=1e-6)
        assert scores["accuracy"] == pytest.approx((scored[f"prediction{suffix}"] == new.Attrition).mean())
    calibration = found["calibration"]
    assert sum(one["n_rows"] for one in calibration["bins"]) == len(new)
    right, sure = scored.prediction == new.Attrition, scored[["probability_No", "probability_Yes"]].max(axis=1)
    correct, confidence = calibration_curve(right, sure, n_bins=15, strategy="quantile")
    assert [one["confidence"] for one in calibration["bins"]] == pytest.approx(confidence, rel=1e-4)
    assert [one["correct"]["value"] for one in calibration["bins"]] == pytest.approx(correct)
    assert calibration["ece"]["low"] <= calibration["ece"]["value"] <= calibration["ece"]["high"]
    expected = metrics.confusion_matrix(new.Attrition, scored.prediction, labels=["No", "Yes"])
    assert found["confusion"] == expected.tolist()
    first = found["wrong"][0]
    row = scored.iloc[first["number"] - 1]
    assert (first["true"], first["predicted"]) == (new.Attrition.iloc[first["number"] - 1], row.prediction)
    assert first["probability"] == pytest.approx(row[f"probability_{first['true']}"], rel=1e-5)
    true = np.where(yes, scored.probability_Yes, scored.probability_No)
    assert first["probability"] == pytest.approx(true.min(), rel=1e-5)


def test_it_reads_well_and_says_what_it_left_out(parts: Path) -> None:
    nncli = Program(parts)
    header, *rows = (parts / "new.csv").read_text().splitlines(keepends=True)
    place = header.strip().split(",").index("Attrition")
    rows[0] = ",".join("" if i == place else cell for i, cell in enumerate(rows[0].split(",")))
    outcome = nncli("evaluate", "-", "-m", "model", "--with", "trees", stdin=(header + "".join(rows)).encode())
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("warn: 1 rows have no value in 'Attrition'; they are left out\n")
    for words in (
        "majority class",
        "trees (careful): calibration error 0.",
        "trees (careful), class by class:",
        "slices",
        "most wrong:",
        "569 rows",
    ):
        assert words in outcome.out, words
    assert max(map(len, outcome.out.splitlines()[1:5])) <= 80
    known = nncli("evaluate", "train.csv", "-m", "model").out
    assert known.startswith("error: the model learned from this very file")


@pytest.mark.parametrize(
    ("content", "args", "code", "message"),
    [
        ("a,b\n1,2\n", [], 3, "target 'Attrition': no such column"),
        ("Attrition,b\nNo,1\n", [], 4, "lack the columns"),
        (None, ["--target", "Age"], 3, "is no class of the model, which knows 'No', 'Yes'"),
        (None, ["--with", "both"], 2, "--with: 'both' is not known"),
    ],
)
def test_what_cannot_be_evaluated_gets_one_line(
    parts: Path, content: str | None, args: list[str], code: int, message: str
) -> None:
    stdin = (parts / "new.csv").read_bytes() if content is None else content.encode()
    outcome = Program(parts)("evaluate", "-", "-m", "model", *args, stdin=stdin)
    assert (outcome.code, outcome.err.count("\n"), outcome.out) == (code, 1, "")
    assert message in outcome.err
