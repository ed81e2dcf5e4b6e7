"""A finished run becomes a report, and a report becomes the pages of a model folder.

Torch and scikit-learn are loaded by what trained a model, not here: the verdict of held-out rows needs neither.
"""

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nncli.bundle.model import Heldout, Model
from nncli.evaluation.comparison import judge_held_out
from nncli.guard.examine import ExaminedTable
from nncli.report.assumptions import Assumptions
from nncli.report.decision import decision_report
from nncli.report.document import CurvePoint, Report, TrialLine, document
from nncli.report.html import render_html, render_markdown, render_model_card
from nncli.report.page import render_page
from nncli.settings import EFFORTS, EvaluationSettings, RepeatSettings, RunSettings

if TYPE_CHECKING:
    from nncli.experiment.holdout import Experiment
    from nncli.experiment.repeated import CrossValidation
    from nncli.fitting.sides import Fitted


def train_report(experiment: "Experiment", settings: RunSettings, total_seconds: float) -> Report:
    """The report of ``nncli train``."""
    fitted, split = experiment.fitted, experiment.split
    best, careful = fitted.chosen[0].outcome, fitted.careful.outcome
    architecture = best.plan.architecture
    return Report(
        **_shared(experiment.table, settings),
        command="train",
        rows={"train": split.train.size, "validation": split.validation.size, "test": split.test.size},
        judgement=experiment.judgement,
        warnings=experiment.findings,
        seconds={**experiment.seconds, "explaining": experiment.closer.seconds, "total": total_seconds},
        model_sha256=experiment.served.model.sha256,
        network={
            "kind": settings.network.kind,
            "networks": len(fitted.chosen),
            "nets": architecture.n_nets,
            "members": architecture.n_members,
            "layers": list(architecture.layers),
            "activation": architecture.activation,
            "dropout": best.plan.dropout,
            "optimizer": best.plan.optimizer,
            "learning_rate": best.plan.learning_rate,
            "batch_size": best.plan.batch_size,
            "parameters": sum(a.n_parameters for a in fitted.model.description.networks),
            "best_epoch": best.best_epoch,
            "stop": best.stop,
            "epochs_on_all_rows": experiment.served.networks[0].best_epoch,
            "temperature": round(fitted.model.description.network_calibration.temperature, 4),
        },
        trees={
            "iterations_kept": careful.iterations,
            "iterations_tried": careful.tried,
            "most_iterations": EFFORTS[settings.effort].tree_iterations,
            "stop": careful.stop,
            **asdict(settings.trees),
            **fitted.careful.params,
            "temperature": round(fitted.model.description.trees_calibration.temperature, 4),
        },
        curve=[CurvePoint(e.number, e.train_loss, e.validation_loss) for e in best.history],
        trials=_trials(fitted),
        sets=experiment.heldout.coverage_checks(fitted.model.description.sides),
        decision=decision_report(experiment.served.model.description, experiment.heldout),
        calibration=experiment.calibration,
        n_tried=fitted.n_tried,
        assumptions=Assumptions(experiment.optimisation),
        default_side=fitted.model.description.default_side,
        closer=experiment.closer,
    )


def _trials(fitted: "Fitted") -> list[TrialLine]:
    """Every setting that was tried, network first."""
    kept = [trial.number for trial in fitted.chosen]
    networks = [
        TrialLine("network", t.number, t.outcome.plan.form, t.params, t.loss, t.seconds, t.number in kept)
        for t in fitted.trials
    ]
    trees = [
        TrialLine("trees", t.number, _tree_form(t.params), t.params, t.loss, t.seconds, t is fitted.careful)
        for t in fitted.tree_trials
    ]
    return [*networks, *trees]


def _tree_form(params: Mapping[str, float]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in params.items())


def cross_validation_report(
    result: "CrossValidation", settings: RunSettings, repeat: RepeatSettings, total_seconds: float
) -> Report:
    """The report of ``nncli compare-baseline DATA``."""
    return Report(
        **_shared(result.table, settings, repeat=asdict(repeat)),
        command="compare-baseline",
        rows={"train": result.n_train - result.n_validation, "validation": result.n_validation, "test": result.n_test},
        judgement=result.judgement,
        warnings=result.findings,
        seconds={**result.seconds, "total": total_seconds},
        model_sha256=None,
        folds=result.fold_scores,
        repeated=result.repeated,
        assumptions=result.assumptions,
        n_tried=result.n_tried,
    )


def heldout_report(model: Model, heldout: Heldout, evaluation: EvaluationSettings) -> Report:
    """The report of ``nncli compare-baseline`` on the held-out rows that a model folder keeps."""
    description, test = model.description, heldout.test
    schema, provenance = description.schema, description.provenance
    return Report(
        command="compare-baseline",
        data={
            "path": None,
            "sha256": provenance.data_sha256,
            "rows": provenance.n_rows,
            "columns": provenance.n_columns,
        },
        target=schema.target,
        classes=schema.classes,
        rows={"train": provenance.n_train, "validation": provenance.n_validation, "test": provenance.n_test},
        judgement=judge_held_out(test.labels, test.led_by(description.default_side), evaluation, test.sample),
        warnings=provenance.findings,
        seconds={},
        device="cpu",
        threads=None,
        seed=provenance.seed,
        settings={},
        model_sha256=model.sha256,
        sets=heldout.coverage_checks(description.sides),
        weights=provenance.weights,
        decision=decision_report(description, heldout),
        default_side=description.default_side,
    )


def numbers(document: Mapping[str, Any]) -> Mapping[str, bytes]:
    """The file beside a model from which its pages can be made anew.

    Args:
        document: of the model's report.
    """
    return {"report.json": to_bytes(document)}


def pages(document: Mapping[str, Any], model: Model) -> Mapping[str, bytes]:
    """The pages for people beside a model.

    Args:
        document: of the model's report.
        model: that predicts.
    """
    return {"report.html": render_page(document, model).encode(), "README.md": render_model_card(document).encode()}


def render(report: Report, ending: str) -> bytes:
    """A report without a model as a page (``.html``), as text (``.md``) or as numbers (``.json``)."""
    found = document(report)
    if ending == ".json":
        return to_bytes(found)
    return (render_html(found) if ending == ".html" else render_markdown(found)).encode()


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """A report's document as a file."""
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    return text.encode(errors="backslashreplace")  # the name of a file need not be text; JSON writes it so as well


def _shared(table: ExaminedTable, settings: RunSettings, **more: Any) -> dict[str, Any]:
    from nncli.training.device import choose_device

    return {
        "data": {
            "path": table.path,
            "sha256": table.data_sha256,
            "rows": table.n_rows,
            "columns": table.n_columns,
        },
        "target": table.target.name,
        "classes": table.target.classes,
        "device": choose_device(settings.device).type,
        "threads": settings.threads,
        "seed": settings.seed,
        "settings": {**asdict(settings), **more},
        "weights": settings.weights,
        "repeat": shlex.join(["nncli", *sys.argv[1:]]),
    }
