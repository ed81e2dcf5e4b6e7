"""``train --blend`` and all that follows from it, by the real program."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from program import Outcome, Program
from sklearn import metrics

from nncli.bundle.folder import read_manifest
from nncli.bundle.model import load_with_heldout
from nncli.evaluation.conformal import fit_conformal

QUICK = ("--target", "Attrition", "--effort", "quick", "--epochs", "5", "--threads", "1", "--max-f1")


@pytest.fixture(scope="module")
def folder(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows to learn from, others, and two models that differ in who answers."""
    folder = tmp_path_factory.mktemp("blend")
    rows = pd.read_csv(samples / "hr_attrition.csv", dtype=str, na_filter=False).sample(frac=1, random_state=0)
    rows[:900].to_csv(folder / "train.csv", index=False)
    rows[900:].to_csv(folder / "new.csv", index=False)
    for name, options in (("plain", ()), ("model", ("--blend",))):
        outcome = Program(folder)("train", "train.csv", *QUICK, "-o", name, *options)
        assert outcome.code == 0, outcome.err
        (folder / f"{name}.txt").write_text(outcome.err)
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "model" / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def predict(folder: Path) -> Callable[..., Outcome]:
    """Predicts the new rows."""
    return lambda model, *options: Program(folder)("predict", "new.csv", "-m", model, "--threads", "1", *options)


def table(outcome: Outcome) -> pd.DataFrame:
    assert (outcome.code, outcome.err) == (0, "")
    return pd.read_csv(StringIO(outcome.out), na_filter=False)


def yes_of(found: pd.DataFrame, suffix: str = "") -> np.ndarray:
    return found[f"probability_Yes{suffix}"].to_numpy(np.float64)


def test_a_blended_model_answers_with_the_mean_of_the_log_odds(predict, report: dict[str, Any]) -> None:  # type: ignore[no-untyped-def]
    plain, both, own = (predict("model", *options) for options in (("--with", "network"), ("--with", "both"), ()))
    sides, answers = table(both), table(own)
    logit = np.log(yes_of(sides) / (1 - yes_of(sides))) + np.log(
        yes_of(sides, "_trees") / (1 - yes_of(sides, "_trees"))
    )
    np.testing.assert_allclose(yes_of(answers), 1 / (1 + np.exp(-logit / 2)), rtol=1e-5)
    pd.testing.assert_frame_equal(table(plain), sides[["prediction", "probability_No", "probability_Yes"]])
    threshold = report["decision"]["sides"]["blend"]["threshold"]
    assert threshold not in [report["decision"]["sides"][side]["threshold"] for side in ("network", "trees")]
    is_yes = answers.probability_Yes.astype("f4") >= np.float32(threshold)
    assert ((answers.prediction == "Yes") == is_yes).all()
    assert 0 < is_yes.sum() < len(is_yes)
    assert own.out == predict("model", "--with", "blend").out == predict("plain", "--with", "blend").out
    assert plain.out == predict("plain").out


def test_the_blend_changes_the_description_alone(folder: Path) -> None:
    files = [{entry.role: entry.sha256 for entry in read_manifest(folder / name).files} for name in ("plain", "model")]
    assert [role for role in files[0] if files[0][role] != files[1][role]] == ["model"]
    models = [load_with_heldout(folder / name)[0] for name in ("plain", "model")]
    assert [model.description.default_side for model in models] == ["network", "blend"]


def test_sets_come_from_the_blends_own_answers_to_rows_held_out(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    found = table(predict("model", "--coverage", "0.9"))
    model, heldout = load_with_heldout(folder / "model")
    labels = np.concatenate([part.labels for part in (heldout.validation, heldout.test)])
    network, trees = (heldout.answers(side)[1] for side in ("network", "trees"))
    roots = np.sqrt(network * trees)
    (limit, *_) = fit_conformal(labels, roots / roots.sum(axis=1, keepdims=True), 0.9, "lac").limits
    assert limit != fit_conformal(labels, network, 0.9, "lac").limits[0]
    for name in model.classes:
        is_in = 1 - found[f"probability_{name}"] <= limit
        assert found.set.str.split("|").map(lambda names, name=name: name in names).tolist() == is_in.tolist()


def test_the_small_network_answers_alone_or_not_at_all(predict) -> None:  # type: ignore[no-untyped-def]
    for options, message in (((), "this model answers with the blend"), (("--with", "blend"), "--with blend asks for")):
        refused = predict("model", "--fast", *options)
        assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
        assert message in refused.err
    fast = predict("model", "--fast", "--with", "network")
    assert (fast.code, fast.out) == (0, predict("plain", "--fast").out)


def test_what_is_told_of_held_out_rows_agrees(folder: Path, report: dict[str, Any]) -> None:
    nncli, (_, heldout) = Program(folder), load_with_heldout(folder / "model")
    labels = heldout.test.labels
    losses = {side: metrics.log_loss(labels, heldout.test.proba(side)[:, 1]) for side in ("network", "trees", "blend")}
    for found in (report, json.loads(nncli("compare-baseline", "-m", "model", "--json").out)):
        assert next(iter(found["scores"])) == found["default_side"] == "blend"
        assert found["scores"]["blend"]["log_loss"]["value"] == pytest.approx(losses["blend"])
        assert found["verdict"]["difference"] == pytest.approx(losses["trees"] - losses["network"])
        assert set(found["sets"]) == set(found["decision"]["sides"]) == {"blend", "network", "trees", "fast"}
        for against, opponent in zip(found["blend"], ("network", "trees"), strict=True):
            assert (against["metric"], against["opponent"]) == ("log_loss", opponent)
            assert against["difference"] == pytest.approx(losses[opponent] - losses["blend"])
            assert against["low"] < against["difference"] < against["high"]
    told = json.loads(nncli("info", "-m", "model", "--json").out)
    assert told["log_loss"]["blend"] == pytest.approx(losses["blend"])
    assert (told["sets"], told["decision"]) == (report["sets"], report["decision"])
    words = f"answers with  the blend of network and trees; on the test rows log loss {losses['blend']:.4f}; by --with:"
    assert words in nncli("info", "-m", "model").out


def test_people_are_told_what_the_blend_brings_with_every_model(folder: Path) -> None:
    plain = json.loads((folder / "plain" / "report.json").read_text())
    assert "blend" not in {*plain["scores"], *plain["sets"], *plain["decision"]["sides"]}
    network, trees = plain["blend"]
    words = "The blend of network and careful trees is, in log loss, "
    interval = f"({network['difference']:+.4f}, {network['low']:+.4f} to {network['high']:+.4f})"
    is_best = network["difference"] > 0 and trees["difference"] > 0
    for name, hint in (
        ("plain", "With train --blend a model answers with it"),
        ("model", "This model answers with it."),
    ):
        for text in (
            (folder / f"{name}.txt").read_text(),
            (folder / name / "report.html").read_text(),
            (folder / name / "README.md").read_text(),
            Program(folder)("compare-baseline", "-m", name).out,
        ):
            (line,) = (line for line in text.splitlines() if words in line)
            assert interval in line
            assert (hint in line) == (name == "model" or is_best)
    lines = (folder / "model.txt").read_text().splitlines()
    assert [len(line) <= 80 for line in lines if line.startswith("network + trees")] == [True, True]


def test_evaluate_looks_at_who_answers(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    nncli, answers = Program(folder), table(predict("model"))
    true = pd.read_csv(folder / "new.csv", dtype=str, na_filter=False).Attrition
    own, named = (
        json.loads(nncli("evaluate", "new.csv", "-m", *args, "--json").out)
        for args in (("model",), ("plain", "--with", "blend"))
    )
    assert own["side"] == "blend"
    assert {**own, "model_sha256": ""} == {**named, "model_sha256": ""}
    loss = metrics.log_loss(true == "Yes", yes_of(answers))
    assert own["scores"]["blend"]["log_loss"]["value"] == pytest.approx(loss, rel=1e-4)
    assert own["confusion"] == metrics.confusion_matrix(true, answers.prediction, labels=["No", "Yes"]).tolist()
    against = own["blend"][1]["difference"]
    assert against == pytest.approx(own["scores"]["trees"]["log_loss"]["value"] - loss, abs=1e-5)
    network = nncli("evaluate", "new.csv", "-m", "model", "--with", "network").out
    assert "\nnetwork, class by class:" in network
    assert "network + trees" not in network
    assert "The blend of network and careful trees is, in log loss, " in network


def test_a_file_for_other_programs_answers_as_the_model_does(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    nncli, answers = Program(folder), table(predict("model"))
    outcome = nncli("export", "-m", "model", "-o", "m.onnx")
    assert outcome.code == 0, outcome.err
    assert "note: the file answers with the blend of network and trees" in outcome.err
    session, rows = onnxruntime.InferenceSession(folder / "m.onnx"), pd.read_csv(folder / "new.csv")
    numbers = {given.name for given in session.get_inputs() if "double" in given.type}
    feeds = {
        given.name: rows[given.name].to_numpy("f8") if given.name in numbers else rows[given.name].to_numpy(object)
        for given in session.get_inputs()
    }
    labels, proba = session.run(None, feeds)
    assert labels.tolist() == answers.prediction.tolist()
    np.testing.assert_allclose(proba[:, 1], yes_of(answers), rtol=0, atol=2e-6)
    torch = nncli("export", "-m", "model", "--format", "torch", "-o", "m.pt2", "--json")
    assert json.loads(torch.out)["with"] == "network"
    assert "the file answers with the network alone, not with the blend" in torch.err
    refused = nncli("export", "-m", "model", "--format", "torch", "--with", "blend", "-o", "b.pt2")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
