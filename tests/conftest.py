"""What several rooms' tests share: the sample tables, the real program, one small trained model."""

import os
from pathlib import Path

import pytest
from program import Program

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the program does; before torch is loaded

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if _WORKER and hasattr(os, "sched_setaffinity"):
    # A core for each worker and the programs it starts: threads that wait for one another wait long where the other
    # worker's threads take their turns.
    _CORES = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {_CORES[int(_WORKER) % len(_CORES)]})

SAMPLES = Path(__file__).parent.parent / "sample_data"


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
