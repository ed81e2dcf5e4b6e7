import errno
import os
import signal
from math import inf, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nncli.training.checkpointer
import nncli.training.checkpoints
from nncli.bundle.architecture import Architecture
from nncli.errors import FileError
from nncli.training.budget import Plan
from nncli.training.checkpointer import SECONDS_BETWEEN, Checkpointer
from nncli.training.checkpoints import Checkpoints
from nncli.training.loop import Epoch, Progress, Stop, TrainedNetwork
from nncli.training.signals import Signals

ARCHITECTURE = Architecture(
    n_num=2, n_dense=0, cat_cardinalities=(), n_classes=2, layers=(4,), activation="relu", n_nets=1, n_members=1,
    n_bins=0, d_embedding=4,
)  # fmt: skip
PLAN = Plan(ARCHITECTURE, "muon", 0.02, 3e-4, dropout=0.1, batch_size=32, max_epochs=30)
PROGRESS = Progress((Epoch(1, 0.5, nan, 2.0, 1.5), Epoch(2, inf, 0.25, nan, 3.0)), 1, 7, 2, 3.25)
STATE: dict[str, Any] = {
    "weights.a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "loss": np.array(0.25, np.float32),
    "masks": np.arange(9, dtype=np.uint8),
}


def network(stop: Stop = "patience") -> TrainedNetwork:
    arrays = {name: np.ones(shape, np.float32) for name, shape in ARCHITECTURE.array_shapes().items()}
    return TrainedNetwork(PLAN, arrays, (Epoch(1, 0.5, 0.25, 1.0, 2.0),), 1, stop)


@pytest.fixture
def kept(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "m.checkpoint", {"seed": "0"})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Goes as a test tells it."""
    found = SimpleNamespace(now=0.0, monotonic=lambda: found.now)
    monkeypatch.setattr(nncli.training.checkpointer, "time", found)
    return found


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_state_comes_back_as_it_was(kept: Checkpoints) -> None:
    kept.save_unfinished("a", PROGRESS, STATE)
    found = kept.unfinished("a", STATE)
    assert found is not None
    progress, arrays = found
    assert (progress.best_epoch, progress.step, progress.n_parts, progress.seconds) == (1, 7, 2, 3.25)
    assert progress.history[0].train_loss == 0.5
    assert np.isnan([progress.history[0].validation_loss, progress.history[1].train_loss]).all()
    for name, array in STATE.items():
        np.testing.assert_array_equal(arrays[name], array)
    assert kept.finished("a") is None
    assert kept.unfinished("b", STATE) is None


def test_a_finished_network_takes_the_place_of_its_state(kept: Checkpoints) -> None:
    kept.save_unfinished("a", PROGRESS, STATE)
    kept.save_finished("a", network())
    found = kept.finished("a")
    assert found is not None
    assert (found.plan, found.history, found.best_epoch, found.stop) == (PLAN, network().history, 1, "patience")
    assert kept.unfinished("a", STATE) is None
    [folder] = kept.folder.glob("network-*")
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("damage", ["other shapes", "cut off", "no numbers", "no folder"])
def test_a_state_that_is_not_sound_does_not_count(kept: Checkpoints, damage: str) -> None:
    like, state = dict(STATE), dict(STATE)
    if damage == "other shapes":
        like["weights.a"] = np.zeros((3, 2), np.float32)
    if damage == "no numbers":
        state["loss"] = np.array(nan, np.float32)
    kept.save_unfinished("a", PROGRESS, state)
    [folder] = kept.folder.glob("network-*")
    if damage == "cut off":
        path = next(folder.glob("state-*"))
        path.write_bytes(path.read_bytes()[:-1])
    if damage == "no folder":
        (folder / "manifest.json").unlink()
    assert kept.unfinished("a", like) is None


def test_what_differs_from_the_most_alike_run_is_named(kept: Checkpoints, tmp_path: Path) -> None:
    assert kept.differences() is None
    for recipe in ({"seed": "1", "threads": "2"}, {"seed": "2", "threads": "1"}):
        Checkpoints(kept.parent, recipe).save_unfinished("a", PROGRESS, STATE)
    ours = Checkpoints(kept.parent, {"seed": "0", "threads": "1"})
    assert ours.differences() == ["seed was 2, is 0"]
    assert Checkpoints(kept.parent, {"seed": "2", "device": "cpu"}).differences() == [
        "threads was 1, is not known", "device was not known, is cpu",
    ]  # fmt: skip


def test_a_pipe_in_the_place_of_a_recipe_is_not_waited_for(kept: Checkpoints) -> None:
    (kept.parent / "other").mkdir(parents=True)
    os.mkfifo(kept.parent / "other" / "recipe.json")
    assert kept.differences() is None


def test_a_disk_that_is_nearly_full_is_said_with_figures(
    kept: Checkpoints, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = SimpleNamespace(free=3_400_000)
    monkeypatch.setattr(nncli.training.checkpoints.shutil, "disk_usage", lambda _: usage)
    kept.require_space(3_400_000)
    with pytest.raises(FileError, match=r"will write about 12 MB there, and 3 MB are free; make room") as found:
        kept.require_space(12_000_000)
    assert str(tmp_path) in str(found.value)


def test_the_state_is_kept_from_time_to_time(kept: Checkpoints, clock: SimpleNamespace) -> None:
    checkpointer = Checkpointer(kept, Signals(), pytest.fail)
    assert not checkpointer.is_due()
    clock.now = SECONDS_BETWEEN
    assert checkpointer.is_due()
    checkpointer.keep("a", PROGRESS, STATE)
    assert kept.unfinished("a", STATE) is not None
    assert not checkpointer.is_due()


def test_writing_takes_a_hundredth_of_the_time_at_the_most(
    kept: Checkpoints, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpointer = Checkpointer(kept, Signals(), pytest.fail)

    def slow(*_: object) -> None:
        clock.now += 2

    monkeypatch.setattr(Checkpoints, "save_unfinished", slow)
    checkpointer.keep("a", PROGRESS, STATE)
    clock.now += 199
    assert not checkpointer.is_due()
    clock.now += 1
    assert checkpointer.is_due()


def test_finished_networks_are_written_when_it_is_time(kept: Checkpoints, clock: SimpleNamespace) -> None:
    checkpointer = Checkpointer(kept, Signals(), pytest.fail)
    checkpointer.finish("a", network())
    checkpointer.finish("cut by the clock", network("time limit"))
    assert not kept.folder.exists()
    checkpointer.keep("b", PROGRESS, STATE)
    assert kept.finished("a") is not None
    assert kept.finished("cut by the clock") is None
    checkpointer.finish("b", network())
    checkpointer.write_finished()
    assert kept.finished("b") is not None


def test_a_signal_ends_the_run_when_the_state_is_kept(kept: Checkpoints) -> None:
    signals = Signals()
    checkpointer = Checkpointer(kept, signals, pytest.fail)
    with pytest.raises(SystemExit), checkpointer.attending():
        signals._take(signal.SIGTERM, None)
        assert checkpointer.is_due()
        checkpointer.keep("a", PROGRESS, STATE)
        pytest.fail("it did not stop")
    assert kept.unfinished("a", STATE) is not None


def test_a_full_disk_is_said_once_and_the_run_goes_on(kept: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    checkpointer = Checkpointer(kept, Signals(), said.append)
    with monkeypatch.context() as patched:
        patched.setattr(nncli.training.checkpoints, "write_folder", full)
        checkpointer.finish("a", network())
        for _ in range(2):
            checkpointer.keep("b", PROGRESS, STATE)
    [line] = said
    assert line.endswith("No space left on device); if the run is cut off, it cannot go on")
    checkpointer.keep("b", PROGRESS, STATE)
    assert kept.finished("a") is not None
