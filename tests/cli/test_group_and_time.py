"""``--group`` and ``--time`` through the real program."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from program import Program


@pytest.fixture
def visits(nncli: Program) -> Path:
    """Visits of patients, who each have a number of their own and mostly one outcome; a class that comes late."""
    random = np.random.default_rng(0)
    patients = random.integers(40, size=240)
    ill = random.random(40) < 0.4
    path = nncli.folder / "visits.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", "patient", "x", "z", "ward", "outcome"])
        for number, patient in enumerate(patients):
            outcome = "new" if number > 225 and number % 2 else "ill" if ill[patient] else "well"
            day = np.datetime64("2024-01-01") + number
            x, z, ward = ill[patient] + random.normal(), random.integers(5), "AB"[patient % 2]
            writer.writerow([day, f"p{patient}", f"{x:.2f}", z, ward, outcome])
    return path


def test_a_model_of_groups_does_not_need_their_column(nncli: Program, visits: Path) -> None:
    words = "--effort", "quick", "--threads", "1", "--epochs", "3", "--metric", "accuracy", "--json"
    run = nncli("train", visits, "--group", "patient", *words)
    assert run.code == 0, run.err
    report = json.loads(run.out)
    assert sum(report["rows"].values()) == 240
    assert report["settings"]["group"] == "patient"
    finding = next(f for f in report["warnings"] if f["code"] == "group-split")
    assert finding["message"] in run.err
    assert "groups, drawn whole" in report["verdict"]["method"]
    assert report["verdict"]["metric"] == "accuracy"
    again = json.loads(nncli("compare-baseline", "--metric", "accuracy", "--json").out)
    assert (again["verdict"], again["scores"]) == (report["verdict"], report["scores"])
    rows = visits.read_text().splitlines()
    without = "\n".join(",".join([*row.split(",")[:1], *row.split(",")[2:]]) for row in rows)
    (nncli.folder / "without.csv").write_text(without)
    answers = [nncli("predict", name) for name in (visits, "without.csv")]
    assert [answer.code for answer in answers] == [0, 0], answers
    assert answers[0].out == answers[1].out


@pytest.mark.parametrize("command", ["train", "compare-baseline"])
def test_the_latest_rows_are_tested_and_classes_that_come_late_left_out(
    nncli: Program, visits: Path, command: str
) -> None:
    epochs = ("--epochs", "3") if command == "train" else ()
    run = nncli(command, visits, "--time", "day", "--effort", "quick", "--threads", "1", "--json", *epochs)
    assert run.code == 0, run.err
    report = json.loads(run.out)
    codes = {finding["code"]: finding["message"] for finding in report["warnings"]}
    assert "the test rows are the latest" in codes["time-split"]
    assert codes["unknown-class"].startswith("7 rows are of classes")
    if command == "train":
        assert report["rows"] == {"train": 154, "validation": 38, "test": 41}
        assert report["classes"] == ["ill", "well"]
        assert "day (date)" in nncli("info").out
    else:
        assert report["rows"]["test"] == 39  # a sixth of 240, on average 1.4 of them left out
        assert len(report["folds"]) == 5


@pytest.mark.parametrize("command", ["train", "compare-baseline"])
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--group", "patients"], 3, "--group 'patients': no such column; did you mean 'patient'?"),
        (["--group", "outcome"], 2, "--group 'outcome': this column is the target; name another, or another --target"),
        (["--time", "patient"], 3, "--time 'patient': 240 of 240 rows have no number or date there"),
        (["--group", "patient", "--time", "day"], 2, "--group and --time: only one of them"),
        (["--group", "ward"], 3, "the data have 2 groups of 'ward': too few for "),
    ],
)
def test_what_cannot_arrange_gets_one_line(
    nncli: Program, visits: Path, command: str, options: list[str], code: int, message: str
) -> None:
    run = nncli(command, visits, *options, "-q", "--effort", "quick")
    assert run.code == code, run.err
    assert run.err.startswith(f"nncli: {message}")
    assert len(run.err.splitlines()) == 1
    assert run.out == ""
