"""``nncli doctor``: what is installed, and what it lets nncli do."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from nncli.cli.options import Debug, Json, Quiet, print_json
from nncli.settings import RunSettings, choose_threads

_PACKAGES = (
    "nncli-tabular", "torch", "scikit-learn", "numpy", "scipy", "pandas", "pyarrow", "safetensors", "typer", "rich",
    "jinja2",
)  # fmt: skip
_EXTRAS = {
    "optuna": ("tune", "train --effort best"),
    "onnx": ("onnx", "export --format onnx"),
    "onnxruntime": ("onnx", "export --format onnx"),
}
"""Packages that only one command needs: the extra that installs each, and the command."""


def doctor(json: Json = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """Show versions, devices and threads, and how to mend what is missing.

    nncli doctor
    """
    findings = _examine()
    if json:
        print_json(findings)
    elif not quiet:
        _print(findings)


def _examine() -> dict[str, Any]:
    versions = {name: _version(name) for name in _PACKAGES}
    missing = [name for name, found in versions.items() if found is None]
    extras = {name: _version(name) for name in _EXTRAS}
    return {
        "schema_version": 1,
        "command": "doctor",
        "versions": {"python": platform.python_version(), **versions, **extras},
        "devices": [] if "torch" in missing else _devices(),
        "threads": choose_threads(None),
        "train_threads": RunSettings().threads,
        "missing": {name: f"{sys.executable} -m pip install {name}" for name in missing},
        "missing_extras": {
            name: {"needed_by": command, "mend": f"{sys.executable} -m pip install 'nncli-tabular[{extra}]'"}
            for name, (extra, command) in _EXTRAS.items()
            if extras[name] is None
        },
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> list[dict[str, str]]:
    import torch

    found = [{"device": "cpu", "name": platform.processor() or platform.machine()}]
    found += [
        {"device": "cuda", "name": torch.cuda.get_device_name(number)} for number in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        found.append({"device": "mps", "name": "Apple GPU"})
    return found


def _print(findings: dict[str, Any]) -> None:
    for name, found in findings["versions"].items():
        print(f"{name:<14} {found or 'missing'}")  # noqa: T201
    for device in findings["devices"]:
        print(f"{'device':<14} {device['device']} ({device['name']})")  # noqa: T201
    print(f"{'threads':<14} {findings['train_threads']} to train, {findings['threads']} to predict")  # noqa: T201
    for name, command in findings["missing"].items():
        print(f"{name} is missing; mend it: {command}")  # noqa: T201
    for name, extra in findings["missing_extras"].items():
        print(f"{name} is missing, which {extra['needed_by']} needs; mend it: {extra['mend']}")  # noqa: T201
