"""What decides the outcome of a run, by name: under it networks are kept, and by it a run knows its own."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from nncli.bundle.records import dump_json, to_json
from nncli.guard.examine import ExaminedTable
from nncli.settings import DecisionSettings, RunSettings
from nncli.training.checkpoints import installed_versions
from nncli.training.device import choose_device


def run_recipe(table: ExaminedTable, settings: RunSettings) -> Mapping[str, str]:
    """Data, options, versions, device and threads. Time limits, rules and the blend change no network: they may differ.

    Args:
        table: examined.
        settings: of the run.

    Raises:
        DeviceError: the device that was asked for is not there.
    """
    decisive = replace(settings, time_limit=None, blend=False, decision=DecisionSettings(), device="auto")
    return {
        "data (SHA-256)": table.data_sha256,
        "columns (SHA-256)": hashlib.sha256(dump_json(to_json(table.schema))).hexdigest(),
        "device": _device_name(choose_device(settings.device)),
        **dict(_flat(to_json(decisive))),
        **installed_versions(),
    }


def _device_name(device: torch.device) -> str:
    """GPUs of two models round differently."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", dump_json(value).decode()
