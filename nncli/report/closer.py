"""The judged model's test rows looked at closer: as one value, and as keys of ``report.json``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nncli.evaluation.curves import Curve, Curves
from nncli.evaluation.metrics import Floats
from nncli.evaluation.thresholds import ThresholdRow
from nncli.explain.dependence import Dependence
from nncli.explain.importance import Importances
from nncli.prediction.mistakes import Mistakes
from nncli.report.mistakes import mistakes_document
from nncli.settings import Costs


@dataclass(frozen=True)
class Thresholds:
    """What each threshold between two classes does, by the side that answers."""

    chosen: float | None
    """The model's own, where it has a rule."""
    costs: Costs | None
    rows: Sequence[ThresholdRow]


@dataclass(frozen=True)
class ExampleRow:
    """A row of the user's table."""

    number: int
    """Among all rows of the file, from 1."""
    true: str
    cells: Sequence[str]


@dataclass(frozen=True)
class ShownRows:
    """Rows of the user's table: all there are in a report."""

    columns: Sequence[str]
    examples: Sequence[ExampleRow]
    wrong: Sequence[Mapping[str, str]]
    """The most important cells of the rows that are most wrong, in their order."""


@dataclass(frozen=True, kw_only=True)
class Closer:
    """What a closer look at the test rows shows, of the judged model, which never saw them."""

    classes: Sequence[str]
    positive: int | None
    """Of two classes the one that curves, thresholds and dependence are about."""
    positive_share: float | None
    """Of the test rows."""
    curves: Mapping[str, Curves | None]
    """By side; ``None`` where the rows lack a class."""
    mistakes: Mistakes
    """Of the side that answers."""
    trees_probability: Sequence[float]
    """That the trees gave to the true class of each row that is most wrong."""
    thresholds: Thresholds | None
    """Of two classes."""
    importances: Importances
    dependence: Sequence[Dependence]
    rows: ShownRows | None
    """``None``: they are to be kept out."""
    seconds: float
    """That all of this took."""


def closer_document(found: Closer | None) -> dict[str, Any]:
    """Keys of ``report.json``; of a run that looked no closer, null each."""
    if found is None:
        names = (
            "curves",
            "confusion",
            "per_class",
            "slices",
            "wrong",
            "thresholds",
            "importances",
            "dependence",
            "examples",
        )
        return dict.fromkeys(names)
    positive = None if found.positive is None else found.classes[found.positive]
    mistakes = mistakes_document(found.mistakes)
    cells = [{"cells": dict(row)} for row in found.rows.wrong] if found.rows else [{} for _ in mistakes["wrong"]]
    more = zip(mistakes["wrong"], found.trees_probability, cells, strict=True)
    return {
        "curves": _curves_document(found, positive),
        **mistakes,
        "wrong": [{**row, "trees_probability": probability, **shown} for row, probability, shown in more],
        "thresholds": _thresholds_document(found.thresholds, positive),
        "importances": importances_document(found.importances),
        "dependence": [_dependence_document(each, found.classes) for each in found.dependence],
        "examples": _examples_document(found.rows),
    }


def _curves_document(found: Closer, positive: str | None) -> dict[str, Any] | None:
    if None in found.curves.values():
        return None
    sides = {side: _two_curves(curves) for side, curves in found.curves.items() if curves}
    return {"positive": positive, "positive_share": found.positive_share, "sides": sides}


def _two_curves(curves: Curves) -> dict[str, Any]:
    return {"roc": _curve_document(curves.roc), "precision_recall": _curve_document(curves.precision_recall)}


def _curve_document(curve: Curve) -> dict[str, Any]:
    return {"x": _short(curve.x), "y": _short(curve.y), "area": curve.area}


def _thresholds_document(found: Thresholds | None, positive: str | None) -> dict[str, Any] | None:
    if found is None:
        return None
    costs = {"FN": found.costs.false_negative, "FP": found.costs.false_positive} if found.costs else None
    rows = [asdict(row) for row in found.rows]
    return {"positive": positive, "chosen": found.chosen, "costs": costs, "rows": rows}


def importances_document(found: Importances) -> dict[str, Any]:
    """Those of ``nncli train`` and ``nncli explain`` alike."""
    columns = [
        {"column": each.column, **{side: asdict(interval) for side, interval in each.sides.items()}}
        for each in found.columns
    ]
    return {"metric": "log_loss", "rows": found.n_rows, "columns": columns}


def _dependence_document(found: Dependence, classes: Sequence[str]) -> dict[str, Any]:
    grid = found.grid
    return {
        "column": grid.column,
        "kind": grid.kind,
        "class": classes[found.class_number],
        "grid": list(grid.names),
        **{side: _short(proba) for side, proba in found.sides.items()},
        **({} if grid.deciles is None else {"deciles": list(grid.deciles)}),
    }


def _examples_document(found: ShownRows | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "columns": list(found.columns),
        "rows": [{**asdict(row), "cells": list(row.cells)} for row in found.examples],
    }


def _short(values: Floats) -> list[float]:
    """As exact as a picture shows."""
    return [float(f"{value:.6g}") for value in values.tolist()]
