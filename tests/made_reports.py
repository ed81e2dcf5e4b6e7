"""Reports with every section that a page can have, from made numbers: training would only make them slow."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nncli.evaluation.calibration import UNCALIBRATED, Calibration
from nncli.evaluation.classes import class_scores, confusion_matrix
from nncli.evaluation.comparison import Comparison, Interval, judge_held_out
from nncli.evaluation.curves import ranking_curves
from nncli.evaluation.decisions import DecisionRule
from nncli.evaluation.reliability import calibration_evidence
from nncli.evaluation.slices import Slice, Slices
from nncli.evaluation.thresholds import check_decision, threshold_table
from nncli.explain.dependence import Dependence, Grid
from nncli.explain.importance import ColumnImportance, Importances
from nncli.guard.findings import Finding
from nncli.prediction.mistakes import Mistakes, WrongRow
from nncli.report.assumptions import Assumptions, Optimisation
from nncli.report.closer import Closer, ExampleRow, ShownRows, Thresholds
from nncli.report.decision import DecisionReport, SideDecision
from nncli.report.document import CurvePoint, Report, TrialLine, document
from nncli.report.repeated import Cost, Repeated
from nncli.settings import Costs, EvaluationSettings

HOSTILE = (
    '</style><script>alert("x")</script>', '"><img src=x onerror=alert(1)>', "{{7*7}}{% raw %}", "a\u202egnp.exe",
    "\x1b[2J[/bold]", "' onload='x", "--><svg/onload=x>", "](javascript:x) | `b` |",
)  # fmt: skip
_ROWS = 200


def make_report(name: str = "income", n_classes: int = 2) -> Report:
    """A report with what every training finds, but no closer look at its test rows."""
    random = np.random.default_rng(0)
    labels = random.integers(n_classes, size=_ROWS)
    proba = random.dirichlet(np.ones(n_classes), size=_ROWS)
    sides = ("network", "trees", "trees_default", "majority")
    settings = EvaluationSettings(bootstrap_draws=50)
    calibrations = {"network": Calibration(2.0, 0.001), "trees": UNCALIBRATED}
    return Report(
        command="train",
        data={"path": f"{name}.csv", "sha256": "0" * 64, "rows": 1000, "columns": 5},
        target=name,
        classes=[f"{name}{i}" for i in range(n_classes)],
        rows={"train": 640, "validation": 160, "test": _ROWS},
        judgement=judge_held_out(labels, dict.fromkeys(sides, proba), settings),
        warnings=[Finding("id-column", "warn", (name,), f"column '{name}' looks like an ID")],
        seconds={"network": 1.0, "trees": 0.5, "trees_default": 0.2, "total": 2.0},
        device="cpu",
        threads=2,
        seed=0,
        settings={"effort": "quick", "trees": {"learning_rate": 0.05}},
        model_sha256="1" * 64,
        network={
            "kind": "tabm", "networks": 2, "best_epoch": 2, "stop": "patience", "optimizer": "adamw",
            "learning_rate": 0.002, "batch_size": 256, "epochs_on_all_rows": 12,
        },
        trees={"iterations_kept": 3},
        curve=[CurvePoint(1, 0.7, 0.6), CurvePoint(2, 0.5, 0.55), CurvePoint(3, 0.4, 0.58)],
        calibration={side: calibration_evidence(labels, proba, c, settings) for side, c in calibrations.items()},
        n_tried={"network": 3, "kept": 2, "trees": 1},
        trials=[
            *(TrialLine("network", i, f"form {i}", {"dropout": 0.1}, 0.5 + i, 1.0, i < 3) for i in (1, 2, 3)),
            TrialLine("trees", 1, "learning rate 0.05", {"learning_rate": 0.05}, 0.7, 0.5, True),
        ],
        default_side="network",
        repeat=f"nncli train '{name}.csv'",
    )  # fmt: skip


def deciding(report: Report, costs: Costs | None = None) -> Report:
    """The report of a model that has a rule about the second class."""
    labels = np.array([0] * 150 + [1] * 50)
    rule = DecisionRule(1, costs, None if costs else 0.9)
    reached, none = check_decision(rule, labels, np.roll(labels, 10)), check_decision(rule, labels, 0 * labels)
    sides = dict.fromkeys(("network", "trees"), SideDecision(0.25, reached, reached, none))
    return replace(report, decision=DecisionReport(rule, report.classes[1], sides))


def full_report(names: Sequence[str] = ("income",), n_classes: int = 2, n_columns: int = 20) -> Report:
    """A report with every section; the names go round wherever a name from data can stand."""
    name = names[0]
    report = replace(
        make_report(name, n_classes),
        classes=[f"{names[i % len(names)]}{i}" for i in range(n_classes)],
        warnings=[Finding("id-column", "warn", (each,), f"column '{each}' looks like an ID") for each in names],
        assumptions=Assumptions(Optimisation({"network": Interval(0.1, 0.05, 0.2)}, [0.1], [2.0, 1.0], True, 3, 2)),
    )
    costs = Costs(10, 1)
    report = deciding(report, costs) if n_classes == 2 else report
    return replace(report, closer=_closer(report, names, n_columns, costs))


def full_document(
    names: Sequence[str] = ("income",), n_classes: int = 2, n_columns: int = 20, **changes: Any
) -> dict[str, Any]:
    """As read back from ``report.json``."""
    report = replace(full_report(names, n_classes, n_columns), **changes)
    found: dict[str, Any] = json.loads(json.dumps(document(report), allow_nan=False))
    return found


def _closer(report: Report, names: Sequence[str], n_columns: int, costs: Costs) -> Closer:
    random = np.random.default_rng(1)
    n_classes = len(report.classes)
    labels = random.integers(n_classes, size=_ROWS)
    proba = random.dirichlet(np.ones(n_classes), size=_ROWS)
    positive = 1 if n_classes == 2 else None
    columns = [f"{names[j % len(names)]} {j}" for j in range(n_columns)]
    cells = {column: f"{names[j % len(names)]}={j}" for j, column in enumerate(columns)}
    confusion = confusion_matrix(labels, proba.argmax(axis=1), n_classes)
    worst = [Slice(((columns[0], name), (columns[1], name)), 40, 0.9, 0.7, 1.1, 0.5) for name in names]
    return Closer(
        classes=report.classes,
        positive=positive,
        positive_share=None if positive is None else float((labels == positive).mean()),
        curves={
            side: ranking_curves(labels, proba, positive=positive) for side in ("network", "trees", "trees_default")
        },
        mistakes=Mistakes(
            confusion,
            class_scores(confusion, tuple(report.classes)),
            Slices(tuple(worst), 321),
            [WrongRow(1000 + i, report.classes[i % 2], report.classes[(i + 1) % 2], 0.01 * i) for i in range(10)],
        ),
        trees_probability=[0.5] * 10,
        thresholds=Thresholds(0.0909, costs, threshold_table(labels, proba, 1, 0.0909)) if n_classes == 2 else None,
        importances=_importances(columns),
        dependence=_dependence(columns, names),
        rows=ShownRows(columns, [ExampleRow(1, report.classes[0], list(cells.values()))], [cells] * 10),
        seconds=0.1,
    )


def _importances(columns: Sequence[str]) -> Importances:
    found: Mapping[Any, Interval] = {"network": Interval(0.2, 0.1, 0.3), "trees": Interval(0.1, -0.05, 0.25)}
    return Importances(_ROWS, tuple(ColumnImportance(column, found) for column in columns))


def _dependence(columns: Sequence[str], names: Sequence[str]) -> list[Dependence]:
    numbers, levels = np.linspace(18, 80, 20), tuple(f"{name} level" for name in names)
    deciles = tuple(np.linspace(20, 70, 9).tolist())
    number = Grid(columns[0], "numeric", tuple(numbers.tolist()), numbers, deciles)
    level = Grid(columns[1], "categorical", levels, np.arange(len(levels)), None)
    return [
        Dependence(number, 1, {"network": np.linspace(0.1, 0.9, 20), "trees": np.linspace(0.2, 0.7, 20)}),
        Dependence(level, 1, {"network": np.full(len(levels), 0.4), "trees": np.full(len(levels), 0.6)}),
    ]


def folds_document() -> dict[str, Any]:
    """Of ``nncli compare-baseline DATA``: no model, several folds."""
    plain = make_report()
    pairs = [
        ("network", "trees"),
        *((first, second) for first in ("blend", "linear") for second in ("network", "trees")),
    ]
    comparison, *others = (
        Comparison(*pair, "log_loss", 0.01, -0.01, 0.03, 0.2, 0.4, 0.5, 0.005, 0.6, 0.3, 0.1, "no clear difference")
        for pair in pairs
    )
    costs = {"network": Cost(10.0, 0.02), "trees": Cost(0.5, 0.01), "majority": Cost(0.0, 0.0)}
    report = replace(
        plain,
        command="compare-baseline",
        judgement=replace(plain.judgement, comparisons=(comparison,)),
        model_sha256=None,
        network={},
        trees={},
        curve=(),
        trials=(),
        calibration={},
        folds=[{side: {"log_loss": 0.1 * i} for side in ("network", "trees")} for i in range(1, 6)],
        repeated=Repeated(5, 5, "rounds", tuple(others), costs, {"linear": "C = 1"}),
        assumptions=Assumptions(Optimisation({"network": Interval(0.1, 0.05, 0.2)}, [0.1], [2.0, 1.0], True, 3, 2)),
        default_side=None,
    )
    found: dict[str, Any] = json.loads(json.dumps(document(report), allow_nan=False))
    return found
