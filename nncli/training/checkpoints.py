"""Finished trials of a search, kept on disk until the model is written, so that a run that was cut off goes on."""

import contextlib
import hashlib
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from itertools import takewhile
from math import isfinite
from pathlib import Path

import numpy as np

from nncli.bundle.arrays import dump_arrays, load_arrays
from nncli.bundle.folder import read_file, read_manifest, write_folder
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
    """A folder for one key, with one folder in it for each trial."""

    parent: Path
    """May hold the trials of other keys too: they are left alone."""
    key: str
    """Of data and settings."""

    @property
    def folder(self) -> Path:
        """That of the key."""
        return self.parent / self.key[:16]

    def load(self) -> list[Trial[TrainedNetwork]]:
        """The first trials, as far as they are there, sound and of the same data and settings."""
        trials: list[Trial[TrainedNetwork]] = []
        with contextlib.suppress(ModelError):
            while self._path(len(trials) + 1).is_dir():
                trials.append(self._read(len(trials) + 1))
        return trials

    def save(self, trial: Trial[TrainedNetwork]) -> None:
        """Keeps a trial. One that the clock cut is not kept: it is made again."""
        if trial.outcome.stop == "time limit":
            return
        record = _Record(
            key=self.key,
            number=trial.number,
            params=tuple(_Param(k, float(v), isinstance(v, int)) for k, v in trial.params.items()),
            plan=trial.outcome.plan,
            history=tuple(takewhile(_is_finite, trial.outcome.history)),
            best_epoch=trial.outcome.best_epoch,
            stop=trial.outcome.stop,
            seconds=trial.seconds,
        )
        files = {"trial.json": dump_json(to_json(record)), "weights.safetensors": dump_arrays(trial.outcome.arrays)}
        path = self._path(trial.number)
        shutil.rmtree(path, ignore_errors=True)
        write_folder(path, files, {})

    def remove(self) -> None:
        """Removes the trials of this key, and the folder above them if it is empty then."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.parent.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"trial-{number:04d}"

    def _read(self, number: int) -> Trial[TrainedNetwork]:
        path = self._path(number)
        manifest = read_manifest(path)
        record = from_json(_Record, parse_json(read_file(path, manifest, "trial"), str(path)), str(path))
        if (record.key, record.number) != (self.key, number) or record.best_epoch > len(record.history):
            raise ModelError(f"{path}: is of other data or settings")
        shapes = record.plan.architecture.array_shapes()
        weights = read_file(path, manifest, "weights")
        arrays = load_arrays(weights, shapes, dict.fromkeys(shapes, np.float32), str(path))
        params = {p.name: int(p.value) if p.is_whole else p.value for p in record.params}
        network = TrainedNetwork(record.plan, arrays, record.history, record.best_epoch, record.stop)
        return Trial(number, params, network, record.seconds)


def checkpoint_key(*parts: str) -> str:
    """One name for data, settings and the versions of what computes with them."""
    versions = [f"{name} {version(name)}" for name in ("nncli-tabular", "torch", "numpy", "optuna")]
    return hashlib.sha256("\0".join([*parts, *versions]).encode()).hexdigest()


def _is_finite(epoch: Epoch) -> bool:
    return all(map(isfinite, (epoch.train_loss, epoch.validation_loss, epoch.gradient_norm)))
