"""What decides the outcome of a run, by name: under it networks are kept, and by it a run knows its own."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nncli.bundle.records import dump_json, to_json
from nncli.guard.examine import ExaminedTable
from nncli.settings import DecisionSettings, RunSettings
from nncli.training.checkpoints import installed_versions
from nncli.training.device import choose_device, device_name


def run_recipe(table: ExaminedTable, settings: RunSettings) -> Mapping[str, str]:
    """Data, options, versions, device and threads; not what changes no network: time limits, rules, blend and report.

    Args:
        table: examined.
        settings: of the run.

    Raises:
        DeviceError: the device that was asked for is not there.
    """
    decisive = replace(
        settings, time_limit=None, blend=False, shows_rows=True, decision=DecisionSettings(), device="auto"
    )
    return {
        "data (SHA-256)": table.data_sha256,
        "columns (SHA-256)": hashlib.sha256(dump_json(to_json(table.schema))).hexdigest(),
        "device": device_name(choose_device(settings.device)),
        **dict(_flat(to_json(decisive))),
        **installed_versions(),
    }


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", dump_json(value).decode()
