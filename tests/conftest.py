"""What several rooms' tests share: the sample tables, the real program, one small trained model."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_data"


@dataclass(frozen=True)
class Outcome:
    """What a finished process left."""

    code: int
    out: str
    err: str


class Program:
    """Runs the real nncli in a process of its own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: object, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Outcome:
        process = subprocess.run(
            [sys.executable, "-m", "nncli", *map(str, args)],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "80", **(env or {})},
            timeout=300,
            check=False,
        )
        return Outcome(process.returncode, process.stdout.decode(), process.stderr.decode())


@pytest.fixture
def nncli(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture(scope="session")
def samples() -> Path:
    return SAMPLES


@pytest.fixture(scope="session")
def penguins_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder trained by the real program; not to be written to."""
    folder = tmp_path_factory.mktemp("model")
    outcome = Program(folder)("train", SAMPLES / "penguins.csv", "--target", "species", "--effort", "quick")
    assert outcome.code == 0, outcome.err
    return folder / "nncli-model"
