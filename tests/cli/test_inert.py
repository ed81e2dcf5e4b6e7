"""Nothing in the data acts on the terminal: payloads in names, cells, classes and the file's name, every command."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from program import Outcome, Program

from nncli.errors import inert

CLASSES = ("\x1b]0;owned\x07\x1b[2Jyes", "[/no] \u202eevil\u2066", "\x9b2Jmay\u2028be[bold]\x7f")
LEVELS = (
    "\x1b[31mred",
    "[/bad][link=file:///]x",
    "\u200b\u200d\ufeffnothing",
    "two\n\x1b[Alines",
    "a\u0301\u0301\u0301\u0301\u0301\u0301",
)
NUMBER, LEVEL, TARGET = "size\x1b[2J\x9b1m", "[/kind]\u202e\u2029\x07", "y\x1b]8;;http://x\x07"
FILE = "t\x1b[2J\u202e\x9b[red].csv"


def table(n_rows: int, **changed: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([NUMBER, LEVEL, TARGET])
    for i in range(n_rows):
        k = i % 3
        row = {"number": f"{k + i * i % 7 / 3:.3f}", "level": LEVELS[(i + i // 3) % 5], "target": CLASSES[k]}
        writer.writerow({**row, **changed}.values())
    return text.getvalue()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("inert")
    (folder / FILE).write_text(table(150))
    outcome = Program(folder)("train", FILE, "--target", TARGET, "--effort", "quick", "--threads", "1", "-v")
    return folder, outcome


def require_inert(text: str) -> None:
    lines = text.split("\n")
    assert lines == [inert(line) for line in lines]


def test_train(trained: tuple[Path, Outcome]) -> None:
    _, outcome = trained
    assert (outcome.code, outcome.out) == (0, "")
    require_inert(outcome.err)
    assert "\\x1b]0;owned\\x07\\x1b[2Jyes" in outcome.err
    assert "[/no]" in outcome.err
    assert r"t\x1b[2J\u202e\x9b[red].csv: 150 rows" in outcome.err


@pytest.mark.parametrize(
    "command",
    [
        ["info"],
        ["info", "-v"],
        ["verify"],
        ["compare-baseline"],
        ["evaluate", FILE],
        ["evaluate", FILE, "--json"],
        ["explain", FILE],
        ["explain", FILE, "--row", "1"],
        ["explain", FILE, "--row", "1", "--json"],
        ["report"],
        ["report", "--format", "md"],
        ["report", "--format", "html"],
        ["report", "--format", "json"],
        ["export", "-o", "m.onnx", "--force"],
    ],
)
def test_commands_that_print(trained: tuple[Path, Outcome], command: list[str]) -> None:
    outcome = Program(trained[0])(*command)
    assert outcome.code == 0
    assert outcome.out or command[0] == "export"
    require_inert(outcome.out)
    require_inert(outcome.err)
    if "--json" in command:
        assert outcome.out.isascii()
        json.loads(outcome.out)


@pytest.mark.parametrize(
    ("name", "text", "options", "code"),
    [
        ("new \x1b[2J.csv", table(9, level="\x1b[1mnever seen\x9b"), [], 0),
        ("new \x1b[2J.csv", table(9).replace(NUMBER, "other\x1b[2J\u202e"), [], 4),
        ("new \x1b[2J.csv", table(9) + "\x1b[2J,\x9b,x,y,z\n", [], 3),
        ("new \x1b[2J.csv", table(9) + "\x1b[2J,\x9b,x,y,z\n", ["--bad-rows", "skip"], 0),
        ("new \x1b[2J.csv", table(9), ["--prior", f"{CLASSES[0]}x=0.5"], 2),
        ("new \x1b[2J.csv", table(9), ["--keep", "none\x1b[2J"], 2),
        ("new \x1b[2J.csv", table(9), ["-m", "no\x1b[2J\u202emodel"], 4),
        ("new \x1b[2J.jsonl", json.dumps({LEVEL: "\x1b[2J", "\x9b": 1}, ensure_ascii=False) + "\n{\x1b[2J}\n", [], 3),
        ("none\x1b\x9b\udcff.csv", None, [], 5),
    ],
)
def test_what_predict_says(
    trained: tuple[Path, Outcome], name: str, text: str | None, options: list[str], code: int
) -> None:
    """Its standard output is the data's own, byte for byte; what it says goes to standard error."""
    folder = trained[0]
    if text is not None:
        (folder / name).write_text(text)
    outcome = Program(folder)("predict", name, "-o", "out.csv", "--force", "-v", *options)
    assert outcome.code == code, outcome.err
    assert outcome.err
    require_inert(outcome.err)


def test_predict_writes_what_the_data_say(trained: tuple[Path, Outcome]) -> None:
    folder = trained[0]
    rows = list(csv.reader(io.StringIO(Program(folder)("predict", FILE, "--keep").out, newline="")))
    assert rows[0][:3] == [NUMBER, LEVEL, TARGET]
    assert {row[3] for row in rows[1:]} <= set(CLASSES)


def test_names_of_files_come_from_nobody_s_data(trained: tuple[Path, Outcome]) -> None:
    names = {path.name for path in (trained[0] / "nncli-model").iterdir()}
    assert all(name.isascii() and name == inert(name) for name in names)


BROKEN = """
import nncli.bundle.model

def load(_):
    raise ValueError("\\x1b[2J\\u202e" * 500)

nncli.bundle.model.load_with_heldout = load
"""


@pytest.mark.parametrize("options", [[], ["--debug"]])
def test_an_unexpected_error_shows_no_data_either(nncli: Program, options: list[str]) -> None:
    """What an error of a library quotes goes through the same place, with and without the traceback."""
    (nncli.folder / "sitecustomize.py").write_text(BROKEN)
    path = f"{nncli.folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    outcome = nncli("info", *options, env={"PYTHONPATH": path})
    assert outcome.code == 1
    assert "a bug in nncli (ValueError: \\x1b[2J" in outcome.err
    require_inert(outcome.err)


def test_spreadsheets_are_shown_no_formula(trained: tuple[Path, Outcome]) -> None:
    payloads = ["=1+1", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", '=HYPERLINK("http://x","y")', "＝1+1"]
    plain = ["-1.5", "+2", "1e-5", "a=b", "x@y.z", ""]
    folder, text = trained[0], io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([NUMBER, LEVEL, "=note"])
    writer.writerows(["1", "x", payload] for payload in payloads + plain)
    (folder / "formulas.csv").write_text(text.getvalue())

    def kept(*options: str) -> list[str]:
        written = Program(folder)("predict", "formulas.csv", "--keep", *options).out
        return [row[2] for row in csv.reader(io.StringIO(written, newline=""))]

    assert kept() == ["=note", *payloads, *plain]
    assert kept("--excel-safe") == ["'=note", *(f"'{payload}" for payload in payloads), *plain]
