"""A command does the same everywhere: no home, no terminal, another locale, time zone, seed of hashes or folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BARE = {name: value for name, value in os.environ.items() if name.startswith(("PYTHONPATH", "OPENBLAS_"))}
"""Not even a HOME; only where the program is, and which of its kernels OpenBLAS takes: they differ in the last bits."""
PLACES: dict[str, dict[str, str]] = {
    "bare": BARE,
    "home that is not there": {**os.environ, "HOME": "/nonexistent/home"},
    "home that cannot be written to": {**os.environ, "HOME": "/proc"},
    "ASCII": {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another zone": {**os.environ, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"},
}


def outcome_of(words: list[str], folder: Path, env: dict[str, str]) -> tuple[int, bytes, bytes]:
    """What a command leaves, run without a terminal to control it."""
    process = subprocess.run(
        [sys.executable, "-m", "nncli", *words],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    return process.returncode, process.stdout, process.stderr


@pytest.fixture(scope="module")
def foreign(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with a column and cells that are no ASCII."""
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    header, *rows = (samples / "penguins.csv").read_text().splitlines()
    path.write_text("\n".join([f"{header},größe", *(f"{row},重さ" for row in rows)]), encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["predict --keep", "info"])
@pytest.mark.parametrize("place", PLACES)
def test_a_model_is_read_the_same_everywhere(
    place: str, command: str, penguins_model: Path, foreign: Path, tmp_path: Path
) -> None:
    data = [str(foreign)] if command.startswith("predict") else []
    words = [*command.split(), *data, "-m", str(penguins_model)]
    here = outcome_of(words, penguins_model.parent, dict(os.environ))
    assert (here[0], here[2]) == (0, b"")
    assert outcome_of(words, tmp_path, PLACES[place]) == here


def test_a_model_is_made_the_same_everywhere(penguins_model: Path, samples: Path, tmp_path: Path) -> None:
    """That of the fixture, once more."""
    env = {**os.environ, **PLACES["ASCII"], "HOME": "/proc", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}
    words = ["train", str(samples / "penguins.csv"), "--target", "species", "--effort", "quick"]
    code, _, said = outcome_of(words, tmp_path, env)
    assert code == 0, said
    folder = tmp_path / "nncli-model"
    for name in ("manifest.json", "report.json"):
        first, again = ((model / name).read_bytes() for model in (penguins_model, folder))
        assert without_seconds(json.loads(first)) == without_seconds(json.loads(again)), name
    assert {path.name for path in folder.iterdir()} == {path.name for path in penguins_model.iterdir()}
    assert [path.name for path in tmp_path.iterdir()] == ["nncli-model"]


def without_seconds(document: Any) -> str:
    """The text of a document without what the clock said."""

    def left(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: left(part) for name, part in value.items() if name != "seconds"}
        return [left(part) for part in value] if isinstance(value, list) else value

    return re.sub(r"\d+\.\d s\b", "_ s", json.dumps(left(document)))
