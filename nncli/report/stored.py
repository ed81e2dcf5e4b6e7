"""``report.json`` of a model folder, read back: it is no part of the model, and may be anybody's."""

from collections.abc import Mapping
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


def read_report(folder: Path) -> dict[str, Any]:
    """The ``report.json`` of a model folder: strict JSON, and an object; no more is known of it.

    Raises:
        ModelError: it cannot be read, or is none.
    """
    where = folder / REPORT
    report = parse_json(read_regular(where, _LARGEST), str(where))
    if not isinstance(report, dict):
        raise ModelError(f"{where}: is no report of training; train anew")
    return report


def refuse_other(document: Mapping[str, Any], model: Model) -> None:
    """Checks that a report is of this model.

    Raises:
        ModelError: it is of another one.
    """
    if document.get("model_sha256") != model.sha256:
        raise ModelError(f"{REPORT}: is of another model than this folder's; train anew")


def read_importances(folder: Path) -> dict[str, Any]:
    """The ``report.json`` of a model folder, whose importances are as training writes them.

    Raises:
        ModelError: it cannot be read, or is no such report.
        UsageError: training found no importances.
    """
    where = str(folder / REPORT)
    report = read_report(folder)
    if not isinstance(report.get("target"), str):
        raise ModelError(f"{where}: is no report of training; name labelled rows: nncli explain rows.csv")
    if report.get("importances") is None:
        raise UsageError(f"{where}: has no importances; name labelled rows: nncli explain rows.csv")
    from_json(_Importances, report["importances"], f"{where}: importances")
    return report
