"""``--strict`` and ``--keep-column`` through the real program."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from program import Program


@pytest.fixture
def leaky(nncli: Program) -> Path:
    """A table with a copy of its target, a near-copy and an identifier that says a little."""
    random = np.random.default_rng(0)
    path = nncli.folder / "leaky.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "id", "left", "gone", "outcome"])
        for number in random.permutation(300):
            outcome = bool(random.random() < 0.3)
            gone = outcome ^ bool(number == 7)
            writer.writerow([f"{outcome + random.normal():.5f}", number, int(outcome), "ny"[gone], "NY"[outcome]])
    return path


@pytest.mark.parametrize("command", ["train", "compare-baseline"])
def test_strict_refuses_before_any_training_and_names_all(nncli: Program, leaky: Path, command: str) -> None:
    run = nncli(command, leaky, "--strict")
    assert run.code == 3
    (line,) = run.err.splitlines()
    assert f"{leaky}: --strict refuses data with 2 warnings; mend the data, or leave --strict out: " in line
    assert "(1) target-copy: column 'left' is" in line
    assert "(2) near-copy: column 'gone' is nearly a copy of the target: it differs in 1 of the 300 rows" in line
    assert not (nncli.folder / "nncli-model").exists()


def test_strict_takes_data_that_are_as_they_should_be(nncli: Program, leaky: Path) -> None:
    rows = [row.split(",") for row in leaky.read_text().splitlines()]
    (nncli.folder / "clean.csv").write_text("\n".join(",".join([row[0], row[4]]) for row in rows))
    run = nncli("train", "clean.csv", "--strict", "--effort", "quick", "--epochs", "2", "--threads", "1", "--json")
    assert run.code == 0, run.err


def test_columns_are_kept_as_asked_for_and_what_is_wrong_is_said_first(nncli: Program, leaky: Path) -> None:
    options = "--effort", "quick", "--epochs", "2", "--threads", "1", "--json"
    run = nncli("train", leaky, "--keep-column", "left", "--keep-column", "id", *options)
    assert run.code == 0, run.err
    report = json.loads(run.out)
    assert report["settings"]["keep_columns"] == ["left", "id"]
    found = [finding for finding in report["warnings"] if finding["level"] == "error"]
    assert [(finding["code"], finding["columns"]) for finding in found] == [
        ("target-copy", ["left"]),
        ("near-copy", ["gone"]),
    ]
    before, after = run.err.split("trees (default)", 1)
    for finding in found:  # before the work, and above the scores
        assert f"error: {finding['message']}" in before
        assert f"error: {finding['message']}" in after
    listed = nncli("info").out
    assert "left (boolean)" in listed
    assert "id (numeric)" in listed


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--keep-column", "Left"], 3, "--keep-column 'Left': no such column; did you mean 'left'?"),
        (["--keep-column", "outcome"], 2, "--keep-column 'outcome': the target and the column of --group are never"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    nncli: Program, leaky: Path, options: list[str], code: int, message: str
) -> None:
    run = nncli("train", leaky, *options)
    assert (run.code, message in run.err) == (code, True), run.err


@pytest.mark.parametrize("option", [["--strict"], ["--keep-column", "x"]])
def test_held_out_rows_have_no_columns_to_look_at(nncli: Program, option: list[str]) -> None:
    run = nncli("compare-baseline", *option)
    assert run.code == 2
    assert f"{option[0]}: needs data" in run.err
