"""Finished trials of a search, kept on disk until the model is written, so that a run that was cut off goes on."""

import contextlib
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nncli.bundle.arrays import dump_arrays, load_arrays
from nncli.bundle.folder import MANIFEST, read_file, read_manifest, write_folder
from nncli.bundle.records import dump_json, from_json, parse_json, to_json
from nncli.errors import ModelError
from nncli.training.budget import Plan
from nncli.training.loop import Epoch, Stop, TrainedNetwork
from nncli.training.search import Trial


@dataclass(frozen=True)
class _Param:
    name: str
    value: float
    is_whole: bool


@dataclass(frozen=True)
class _Record:
    """All of a trial but its arrays."""

    key: str
    number: int
    params: tuple[_Param, ...]
    plan: Plan
    history: tuple[Epoch, ...]
    best_epoch: int
    stop: Stop
    seconds: float


@dataclass(frozen=True)
class Checkpoints:
    """A folder with one folder for each trial."""

    folder: Path
    key: str
    """Of data and settings: trials under another key are none of ours."""

    def load(self) -> list[Trial[TrainedNetwork]]:
        """The first trials, as far as they are there, sound and of the same data and settings."""
        trials: list[Trial[TrainedNetwork]] = []
        with contextlib.suppress(ModelError):
            while self._path(len(trials) + 1).is_dir():
                trials.append(self._read(len(trials) + 1))
        return trials

    def save(self, trial: Trial[TrainedNetwork]) -> None:
        """Keeps a trial. One that the clock ended or that diverged is not kept: it is made again."""
        network = trial.outcome
        losses = [loss for epoch in network.history for loss in (epoch.train_loss, epoch.validation_loss)]
        if network.stop == "time limit" or not np.isfinite(losses).all():
            return
        record = _Record(
            key=self.key,
            number=trial.number,
            params=tuple(_Param(k, float(v), isinstance(v, int)) for k, v in trial.params.items()),
            plan=network.plan,
            history=network.history,
            best_epoch=network.best_epoch,
            stop=network.stop,
            seconds=trial.seconds,
        )
        files = {"trial.json": dump_json(to_json(record)), "weights.safetensors": dump_arrays(network.arrays)}
        path = self._path(trial.number)
        shutil.rmtree(path, ignore_errors=True)
        write_folder(path, files, {})

    def remove(self) -> None:
        """Removes the trials, and the folder if nothing else is in it."""
        for path in self.folder.glob("trial-[0-9][0-9][0-9][0-9]"):
            if (path / MANIFEST).is_file():
                shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"trial-{number:04d}"

    def _read(self, number: int) -> Trial[TrainedNetwork]:
        path = self._path(number)
        manifest = read_manifest(path)
        record = from_json(_Record, parse_json(read_file(path, manifest, "trial"), str(path)), str(path))
        if (record.key, record.number) != (self.key, number):
            raise ModelError(f"{path}: is of other data or settings")
        shapes = record.plan.architecture.array_shapes()
        weights = read_file(path, manifest, "weights")
        arrays = load_arrays(weights, shapes, dict.fromkeys(shapes, np.float32), str(path))
        params = {p.name: int(p.value) if p.is_whole else p.value for p in record.params}
        network = TrainedNetwork(record.plan, arrays, record.history, record.best_epoch, record.stop)
        return Trial(number, params, network, network.best_loss, record.seconds)


def checkpoint_key(*parts: str) -> str:
    """One name for data and settings together."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
