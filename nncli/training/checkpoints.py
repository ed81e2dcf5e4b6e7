"""Networks of a run, finished ones and one in training, on disk until the model is written: what a run goes on from.

::

    MODEL.checkpoint/KEY/       KEY stands for data, settings, versions, device and threads
      recipe.json               these, by name
      trial-0001/               a finished network of a search
      network-IDENTITY/         any other: finished, or as far as it has come
"""

import contextlib
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from math import isfinite, nan
from pathlib import Path

import numpy as np

from nncli.bundle.arrays import dump_arrays, load_arrays
from nncli.bundle.folder import Manifest, read_file, read_manifest, read_regular, write_folder
from nncli.bundle.records import dump_json, from_json, parse_json, to_json
from nncli.bundle.whole import write_file
from nncli.errors import FileError, ModelError
from nncli.training.budget import Plan
from nncli.training.loop import Arrays, Epoch, Progress, Stop, TrainedNetwork
from nncli.training.search import Trial

_RECIPE, _LARGEST_RECIPE = "recipe.json", 1 << 20
_PACKAGES = "nncli-tabular", "torch", "numpy", "scipy", "scikit-learn", "optuna"
"""Whose versions decide what becomes of a run; the last is needed by a search alone."""


@dataclass(frozen=True)
class _Epoch:
    """An epoch; ``None`` stands for what is no finite number."""

    number: int
    train_loss: float | None
    validation_loss: float | None
    gradient_norm: float | None
    seconds: float


@dataclass(frozen=True)
class _Network:
    """All of a finished network but its arrays."""

    plan: Plan
    history: tuple[_Epoch, ...]
    best_epoch: int
    stop: Stop


@dataclass(frozen=True)
class _Progress:
    """All of a network in training but its arrays."""

    history: tuple[_Epoch, ...]
    best_epoch: int
    step: int
    n_parts: int
    seconds: float


@dataclass(frozen=True)
class _Param:
    name: str
    value: float
    is_whole: bool


@dataclass(frozen=True)
class _Trial:
    """All of a trial but its network."""

    key: str
    number: int
    params: tuple[_Param, ...]
    seconds: float


@dataclass(frozen=True)
class Checkpoints:
    """A folder for one run, with a folder in it for each network."""

    parent: Path
    """May hold what other runs left: that is left alone."""
    recipe: Mapping[str, str]
    """All that decides what becomes of the run, by name."""

    @cached_property
    def key(self) -> str:
        """One name for the recipe."""
        return hashlib.sha256(dump_json(dict(self.recipe))).hexdigest()

    @property
    def folder(self) -> Path:
        """That of the key."""
        return self.parent / self.key[:16]

    def load(self) -> list[Trial[TrainedNetwork]]:
        """The first trials of a search, as far as they are there, sound and of the same data and settings."""
        trials: list[Trial[TrainedNetwork]] = []
        with contextlib.suppress(ModelError):
            while self._path(len(trials) + 1).is_dir():
                trials.append(self._read_trial(len(trials) + 1))
        return trials

    def save(self, trial: Trial[TrainedNetwork]) -> None:
        """Keeps a trial, and nothing else of its network. One that the clock cut is not kept: it is made again."""
        if trial.outcome.stop == "time limit":
            return
        params = tuple(_Param(k, float(v), isinstance(v, int)) for k, v in trial.params.items())
        record = _Trial(self.key, trial.number, params, trial.seconds)
        path = self._path(trial.number)
        shutil.rmtree(path, ignore_errors=True)
        self._write(path, {"trial.json": dump_json(to_json(record)), **_network_files(trial.outcome)})
        for left in self.folder.glob("network-*"):
            shutil.rmtree(left, ignore_errors=True)

    def finished(self, identity: str) -> TrainedNetwork | None:
        """A finished network that is no trial's."""
        path = self._network_path(identity)
        with contextlib.suppress(ModelError):
            return _read_network(path, read_manifest(path))
        return None

    def unfinished(self, identity: str, like: Arrays) -> tuple[Progress, Arrays] | None:
        """How far a network has come; its arrays have the names, shapes and types of ``like``."""
        path = self._network_path(identity)
        with contextlib.suppress(ModelError):
            manifest, where = read_manifest(path), str(path)
            record = from_json(_Progress, parse_json(read_file(path, manifest, "progress"), where), where)
            shapes, dtypes = ({name: getattr(a, what) for name, a in like.items()} for what in ("shape", "dtype"))
            arrays = load_arrays(read_file(path, manifest, "state"), shapes, dtypes, where)
            if not 0 <= record.best_epoch <= len(record.history) or record.step < 0 or record.n_parts < 1:
                return None
            history = tuple(map(_epoch, record.history))
            return Progress(history, record.best_epoch, record.step, record.n_parts, record.seconds), arrays
        return None

    def save_finished(self, identity: str, network: TrainedNetwork) -> None:
        """Keeps a finished network, in the place of what was kept of it on the way."""
        self._write(self._network_path(identity), _network_files(network))

    def save_unfinished(self, identity: str, progress: Progress, arrays: Arrays) -> None:
        """Keeps how far a network has come."""
        history = tuple(map(_epoch_record, progress.history))
        record = _Progress(history, progress.best_epoch, progress.step, progress.n_parts, progress.seconds)
        files = {"progress.json": dump_json(to_json(record)), "state.safetensors": dump_arrays(arrays)}
        self._write(self._network_path(identity), files)

    def differences(self) -> list[str] | None:
        """How the recipe differs from that of the run that left the most alike one; ``None`` where none left any."""
        found = []
        for path in sorted(self.parent.glob(f"*/{_RECIPE}")):
            with contextlib.suppress(ModelError):
                other = parse_json(read_regular(path, _LARGEST_RECIPE), str(path))
                found.append(_differences(self.recipe, other) if isinstance(other, dict) else [])
        return min(found, key=len) if found else None

    def require_space(self, n_bytes: int) -> None:
        """Checks, before any work, that there is room for checkpoints and model.

        Raises:
            FileError: there is not.
        """
        place = next(folder for folder in self.parent.absolute().parents if folder.exists())
        free = shutil.disk_usage(place).free
        if free < n_bytes:
            raise FileError(
                f"{place}: is nearly full; the run will write about {n_bytes / 1e6:,.0f} MB there, and "
                f"{free / 1e6:,.0f} MB are free; make room, or choose another --output"
            )

    def remove(self) -> None:
        """Removes what is of this key, and the folder above it if that is empty then."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.parent.rmdir()

    def _write(self, path: Path, files: Mapping[str, bytes]) -> None:
        write_folder(path, files, {})
        if not (self.folder / _RECIPE).exists():
            write_file(self.folder / _RECIPE, dump_json(dict(self.recipe)))

    def _path(self, number: int) -> Path:
        return self.folder / f"trial-{number:04d}"

    def _network_path(self, identity: str) -> Path:
        return self.folder / f"network-{identity}"

    def _read_trial(self, number: int) -> Trial[TrainedNetwork]:
        path = self._path(number)
        manifest = read_manifest(path)
        record = from_json(_Trial, parse_json(read_file(path, manifest, "trial"), str(path)), str(path))
        if (record.key, record.number) != (self.key, number):
            raise ModelError(f"{path}: is of other data or settings")
        params = {p.name: int(p.value) if p.is_whole else p.value for p in record.params}
        return Trial(number, params, _read_network(path, manifest), record.seconds)


def installed_versions() -> dict[str, str]:
    """Of what computes, where it is installed."""
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(ModuleNotFoundError):  # PackageNotFoundError is one
            found[name] = version(name)
    return found


def _network_files(network: TrainedNetwork) -> dict[str, bytes]:
    history = tuple(map(_epoch_record, network.history))
    record = _Network(network.plan, history, network.best_epoch, network.stop)
    return {"network.json": dump_json(to_json(record)), "weights.safetensors": dump_arrays(network.arrays)}


def _read_network(path: Path, manifest: Manifest) -> TrainedNetwork:
    where = str(path)
    record = from_json(_Network, parse_json(read_file(path, manifest, "network"), where), where)
    if not 0 <= record.best_epoch <= len(record.history):
        raise ModelError(f"{path}: names a best epoch that it has not")
    shapes = record.plan.architecture.array_shapes()
    weights = load_arrays(read_file(path, manifest, "weights"), shapes, dict.fromkeys(shapes, np.float32), where)
    return TrainedNetwork(record.plan, weights, tuple(map(_epoch, record.history)), record.best_epoch, record.stop)


def _epoch_record(epoch: Epoch) -> _Epoch:
    train, validation, norm = map(_finite_or_none, (epoch.train_loss, epoch.validation_loss, epoch.gradient_norm))
    return _Epoch(epoch.number, train, validation, norm, epoch.seconds)


def _epoch(record: _Epoch) -> Epoch:
    train, validation, norm = map(_number, (record.train_loss, record.validation_loss, record.gradient_norm))
    return Epoch(record.number, train, validation, norm, record.seconds)


def _finite_or_none(number: float) -> float | None:
    return number if isfinite(number) else None


def _number(number: float | None) -> float:
    return nan if number is None else number


def _differences(recipe: Mapping[str, str], other: Mapping[str, object]) -> list[str]:
    return [
        f"{name} was {other.get(name, 'not known')}, is {recipe.get(name, 'not known')}"
        for name in {**other, **recipe}
        if other.get(name) != recipe.get(name)
    ]
