"""Standard output that is full, closed, left by its reader, or of an encoding that lacks characters; every command."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from made_reports import full_document
from program import Program
from stored_models import store_small_model

FULL = "nncli: standard output: No space left on device; check path, permissions and free space\n"
CLOSED = "nncli: standard output: is closed; open it, or name an --output\n"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
COMMANDS = {
    "--version": "--version",
    "--help": "--help",
    "train --help": "train --help",
    "info": "info -m MODEL",
    "verify": "verify -m MODEL",
    "doctor": "doctor",
    "evaluate": "evaluate DATA -m MODEL",
    "explain": "explain -m MODEL",
    "compare-baseline": "compare-baseline -m MODEL",
    "report": "report -m MODEL",
    "report --format json": "report -m MODEL --format json",
    "report --format html": "report -m MODEL --format html",
}


@pytest.fixture(params=COMMANDS)
def words(request: pytest.FixtureRequest, penguins_model: Path, samples: Path) -> list[str]:
    """A command that writes to standard output."""
    places = {"MODEL": str(penguins_model), "DATA": str(samples / "penguins.csv")}
    return [places.get(word, word) for word in COMMANDS[request.param].split()]


@contextmanager
def left_pipe() -> Iterator[int]:
    """The end of a pipe to write to, whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def outcome_of(words: list[str], folder: Path, stdout: int | IO[bytes]) -> tuple[int, str]:
    """The exit code, and what standard error got."""
    command = [sys.executable, "-m", "nncli", *words]
    process = subprocess.run(command, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    return process.returncode, process.stderr


def test_a_full_disk_gets_a_line_that_says_where(words: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        assert outcome_of(words, tmp_path, full) == (5, FULL)


def test_a_reader_that_has_gone_ends_it_in_silence(words: list[str], tmp_path: Path) -> None:
    with left_pipe() as pipe:
        assert outcome_of(words, tmp_path, pipe) == (141, "")


def closed(words: list[str], folder: Path, which: str = ">&-") -> tuple[int, str]:
    command = ["bash", "-c", f'exec "$@" {which}', "bash", sys.executable, "-m", "nncli", *words]
    process = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
    return process.returncode, process.stderr


def test_a_closed_output_loses_nothing_in_silence(words: list[str], tmp_path: Path) -> None:
    assert closed(words, tmp_path) == (5, CLOSED)


def test_a_closed_output_is_refused_before_a_training(samples: Path, tmp_path: Path) -> None:
    assert closed(["train", str(samples / "penguins.csv"), "--json"], tmp_path, "<&- >&-") == (5, CLOSED)
    assert list(tmp_path.iterdir()) == []


def test_who_writes_nothing_needs_no_output(penguins_model: Path, tmp_path: Path) -> None:
    assert closed(["info", "-q", "-m", str(penguins_model)], tmp_path) == (0, "")


@pytest.mark.parametrize("words", [["info", "-m", "none"], ["trian"]])
def test_the_code_of_an_error_stands_where_nobody_reads_its_line(words: list[str], tmp_path: Path) -> None:
    expected = Program(tmp_path)(*words).code
    with Path("/dev/full").open("wb") as full, left_pipe() as pipe:
        for stream in (full, pipe):
            command = [sys.executable, "-m", "nncli", *words]
            assert subprocess.run(command, cwd=tmp_path, stderr=stream, check=False).returncode == expected
    assert closed(words, tmp_path, "2>&-")[0] == expected


@pytest.fixture
def foreign(nncli: Program, penguins_model: Path) -> Path:
    """A model folder whose report is of columns and classes with names in other scripts."""
    shutil.copytree(penguins_model, nncli.folder / "m")
    report = nncli.folder / "m" / "report.json"
    sha256 = json.loads(report.read_text())["model_sha256"]
    report.write_text(json.dumps({**full_document(("größe", "重さ")), "model_sha256": sha256}))
    return report.parent


def test_what_an_encoding_lacks_is_shown_as_escapes(nncli: Program, foreign: Path) -> None:
    small = store_small_model(nncli.folder / "small")
    assert "é [%] (numeric)" in nncli("info", "-m", small).out
    assert r"\xe9 [%] (numeric)" in nncli("info", "-m", small, env=ASCII).out
    assert "重さ" in nncli("explain", "-m", foreign).out
    for env in (ASCII, {"PYTHONIOENCODING": "ascii"}):
        told = nncli("explain", "-m", foreign, env=env)
        assert (told.code, told.err) == (0, "")
        assert r"\u91cd\u3055" in told.out


@pytest.mark.parametrize("env", [ASCII, {"PYTHONIOENCODING": "latin-1"}], ids=["ASCII", "Latin-1"])
@pytest.mark.parametrize("written_as", ["html", "md"])
def test_pages_are_utf_8_whatever_the_terminal_has(
    nncli: Program, penguins_model: Path, foreign: Path, env: dict[str, str], written_as: str
) -> None:
    model = penguins_model if written_as == "html" else foreign
    usual = nncli("report", "-m", model, "--format", written_as, env={"PYTHONUTF8": "1"})
    here = nncli("report", "-m", model, "--format", written_as, env=env)
    assert here == usual
    assert (here.code, here.err, here.out.isascii()) == (0, "", False)
