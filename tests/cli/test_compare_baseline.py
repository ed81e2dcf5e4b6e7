import json
import os
import re
from pathlib import Path

import pytest
from program import Outcome, Program, without

OPTIONS = "--target", "species", "--effort", "quick", "--rounds", "1"


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> tuple[Path, Outcome]:
    """A folder with the reports of one comparison, and what the program said."""
    program = Program(tmp_path_factory.mktemp("compared"))
    reports = [word for ending in ("html", "md", "json") for word in ("-o", f"verdict.{ending}")]
    metrics = "--metric", "log_loss", "--metric", "accuracy"
    outcome = program("compare-baseline", samples / "penguins.csv", *OPTIONS, *metrics, *reports)
    assert outcome.code == 0, outcome.err
    return program.folder, outcome


def test_the_verdict_of_the_held_out_rows(nncli: Program, penguins_model: Path) -> None:
    outcome = nncli("compare-baseline", "-m", penguins_model)
    assert outcome.code == 0, outcome.err
    assert "majority class" in outcome.out
    told = json.loads(nncli("compare-baseline", "-m", penguins_model, "--json").out)
    trained = json.loads((penguins_model / "report.json").read_text())
    assert told["scores"] == trained["scores"]
    assert told["verdict"] == trained["verdict"]
    for same in ("model_sha256", "rows", "warnings", "target", "classes", "seed"):
        assert told[same] == trained[same]
    assert told["data"] == {**trained["data"], "path": None}  # where the data lay is not in the model


def test_the_gate_follows_the_verdict(nncli: Program, penguins_model: Path) -> None:
    word = json.loads((penguins_model / "report.json").read_text())["verdict"]["word"]
    expected = {"win": 0 if word == "better" else 7, "tie": 7 if word == "worse" else 0}
    for requirement, code in expected.items():
        outcome = nncli("compare-baseline", "-m", penguins_model, "--require", requirement)
        assert outcome.code == code
        assert "majority class" in outcome.out
    assert nncli("compare-baseline", "-m", penguins_model, "--require", "luck").code == 2


def test_cross_validation_tells_everything_in_every_form(compared: tuple[Path, Outcome]) -> None:
    folder, outcome = compared
    found = json.loads((folder / "verdict.json").read_text())
    assert sorted(os.listdir(folder)) == ["verdict.html", "verdict.json", "verdict.md"]
    assert len(found["folds"]) == 5
    assert "corrected t over 5 folds" in found["verdict"]["method"]
    assert set(found["scores"]) == {"network", "trees", "trees_default", "linear", "blend", "majority"}
    assert [c["metric"] for c in found["comparisons"]] == ["log_loss", "accuracy"]
    assert found["rounds"] == {"folds": 5, "planned": 5, "stop": "rounds"}
    assert found["costs"]["network"]["predict_seconds"] > 0
    assert len(found["assumptions"]["growth"]["points"]) == 3
    page, text = (folder / "verdict.html").read_text(), (folder / "verdict.md").read_text()
    for line in (found["verdict"]["sentence"], found["recommendation"], *found["assumptions"]["sentences"]):
        assert line in outcome.out
        assert line in text
        assert line in page.replace("&#39;", "'").replace("&gt;", ">")
    assert max(map(len, re.findall(r"^.*\[.*\].*$", outcome.out, re.M))) <= 80


def test_progress_tells_the_time_that_is_left(compared: tuple[Path, Outcome]) -> None:
    _, outcome = compared
    assert re.search(r"^fold 2 of at most 5, at most \d+ s left$", outcome.err, re.M)
    assert "fold 5 of 5: network" in outcome.err
    assert "learning curve and seeds" in outcome.err


def test_a_time_limit_holds_and_cuts_no_round_short(nncli: Program, samples: Path) -> None:
    words = "--target", "species", "--effort", "quick", "--time-limit", "8", "--json"
    outcome = nncli("compare-baseline", samples / "penguins.csv", *words)
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert len(found["folds"]) >= 5
    assert found["seconds"]["total"] < 16


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--budget", "10"), "--budget: needs data"),
        (("--against", "lightgbm"), "--against: needs data"),
        (("--metric", "log_loss", "--metric", "accuracy"), "--metric: held-out rows are judged by one"),
        (("--metric", "f1"), "--metric: 'f1' is not known"),
        (("--metric", "brier", "--metric", "brier"), "each once"),
        (("--against", "sklearn"), "--against: 'sklearn' is not known"),
        (("--rounds", "0"), "--rounds: 0 is out of range"),
        (("--budget", "-1"), "--budget: -1.0 is out of range"),
        (("-o", "verdict.pdf"), "ends in none of .html, .md, .json"),
        (("-o", "there.md"), "there.md exists"),
        (("-o", "nowhere/verdict.md"), "'nowhere' is no folder"),
    ],
)
def test_wrong_use_is_refused_in_one_line_before_any_work(
    nncli: Program, penguins_model: Path, words: tuple[str, ...], said: str
) -> None:
    (nncli.folder / "there.md").write_text("kept")
    outcome = nncli("compare-baseline", "-m", penguins_model, *words)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""
    assert (nncli.folder / "there.md").read_text() == "kept"


def test_a_library_that_is_not_installed_is_named_before_any_work(nncli: Program, samples: Path) -> None:
    missing = without(nncli.folder, "xgboost")
    outcome = nncli("compare-baseline", samples / "penguins.csv", *OPTIONS, "--against", "xgboost", env=missing)
    assert outcome.code == 2
    assert "pip install xgboost-cpu" in outcome.err
    assert "fold" not in outcome.err


def test_another_metric_of_the_held_out_rows(nncli: Program, penguins_model: Path) -> None:
    told = json.loads(nncli("compare-baseline", "-m", penguins_model, "--metric", "brier", "--json").out)
    trained = json.loads((penguins_model / "report.json").read_text())
    assert told["verdict"]["metric"] == "brier"
    assert told["scores"] == trained["scores"]
    brier = {side: scores["brier"]["value"] for side, scores in told["scores"].items()}
    assert told["verdict"]["difference"] == pytest.approx(brier["trees"] - brier["network"])
    assert nncli("compare-baseline", "-m", penguins_model, "-o", "held-out.md").code == 0
    assert "| network |" in (nncli.folder / "held-out.md").read_text()
