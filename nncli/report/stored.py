"""``report.json`` of a model folder, read back: it is no part of the model, and may be anybody's."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nncli.bundle.folder import read_regular
from nncli.bundle.model import Model
from nncli.bundle.records import from_json, parse_json
from nncli.errors import ModelError, UsageError

REPORT = "report.json"
_LARGEST = 1 << 24


@dataclass(frozen=True)
class _Interval:
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class _Column:
    column: str
    network: _Interval
    trees: _Interval


@dataclass(frozen=True)
class _Importances:
    metric: str
    rows: int
    columns: tuple[_Column, ...]


def read_report(folder: Path, model: Model) -> dict[str, Any]:
    """The ``report.json`` of a model folder: strict JSON, and an object of this model; no more is known of it.

    Args:
        folder: of the model.
        model: that is there.

    Raises:
        ModelError: it cannot be read, is none, or is of another model.
    """
    where = folder / REPORT
    report = parse_json(read_regular(where, _LARGEST), str(where))
    if not isinstance(report, dict) or "model_sha256" not in report:
        raise ModelError(f"{where}: is no report of training; train anew")
    if report["model_sha256"] != model.sha256:
        raise ModelError(
            f"{where}: is of another model than this folder's; the verdict on this one: nncli compare-baseline "
            f"--model {shlex.quote(str(folder))}; for its report train anew with --force"
        )
    return report


def read_importances(folder: Path, model: Model) -> dict[str, Any]:
    """The ``report.json`` of a model folder, whose importances are as training writes them.

    Args:
        folder: of the model.
        model: that is there.

    Raises:
        ModelError: it cannot be read, is no such report, or is of another model.
        UsageError: training found no importances.
    """
    where = str(folder / REPORT)
    report = read_report(folder, model)
    if not isinstance(report.get("target"), str):
        raise ModelError(f"{where}: is no report of training; name labelled rows: nncli explain rows.csv")
    if report.get("importances") is None:
        raise UsageError(f"{where}: has no importances; name labelled rows: nncli explain rows.csv")
    from_json(_Importances, report["importances"], f"{where}: importances")
    return report
