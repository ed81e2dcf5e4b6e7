"""What a run has to say, as one value, and as the JSON document of the contract."""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version as installed_version
from typing import Any

from nncli import version
from nncli.evaluation.comparison import Interval, Judgement, Verdict
from nncli.evaluation.conformal import CoverageCheck
from nncli.evaluation.reliability import CalibrationEvidence
from nncli.guard.findings import Finding
from nncli.report.assumptions import Assumptions
from nncli.report.closer import Closer, closer_document
from nncli.report.decision import DecisionReport, decision_document
from nncli.report.names import IN_SENTENCES, METRIC_NAMES, SIDE_NAMES
from nncli.report.repeated import Repeated, blend_line, practical_line, recommendation, rounds_line
from nncli.settings import UNWEIGHTED, DefaultSide, WeightSettings

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class CurvePoint:
    """One epoch of the learning curve; losses in nats."""

    epoch: int
    train_loss: float
    validation_loss: float


@dataclass(frozen=True)
class TrialLine:
    """One setting that was tried."""

    side: str
    """``network`` or ``trees``."""
    number: int
    """From 1."""
    form: str
    """For people."""
    params: Mapping[str, float]
    """What was searched; empty where nothing was."""
    loss: float
    """Log loss on the validation rows."""
    seconds: float
    kept: bool
    """Whether it predicts."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that a page, a terminal or a program is told about a run."""

    command: str
    data: Mapping[str, Any]
    """``path``, ``sha256``, ``rows``, ``columns``."""
    target: str
    classes: Sequence[str]
    rows: Mapping[str, int]
    """``train``, ``validation``, ``test``."""
    judgement: Judgement
    warnings: Sequence[Finding]
    seconds: Mapping[str, float]
    device: str
    threads: int | None
    seed: int
    settings: Mapping[str, Any]
    model_sha256: str | None
    network: Mapping[str, Any] = field(default_factory=dict)
    """The network's form and training, where one was trained."""
    trees: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[CurvePoint] = ()
    n_tried: Mapping[str, int] = field(default_factory=dict)
    """Settings that were tried, in all folds together: ``network``, ``trees``, and ``kept`` of the network's."""
    trials: Sequence[TrialLine] = ()
    """Where a model was trained: every setting that was tried for it."""
    folds: Sequence[Mapping[str, Mapping[str, float]]] = ()
    sets: Mapping[str, Sequence[CoverageCheck]] = field(default_factory=dict)
    """What sets of classes reach on the test rows, by side, where rows were held out."""
    repeated: Repeated | None = None
    """Where both sides were fitted on several folds."""
    assumptions: Assumptions | None = None
    """Whether what networks rest on holds, where one was trained."""
    weights: WeightSettings = UNWEIGHTED
    """By what rows were weighted."""
    decision: DecisionReport | None = None
    """What the model decides by, where a rule was asked for."""
    calibration: Mapping[str, CalibrationEvidence] = field(default_factory=dict)
    """What it does to probabilities for the test rows, by side, where a model was trained."""
    default_side: DefaultSide | None = None
    """Who answers where no side is named; ``None``: there is no model."""
    closer: Closer | None = None
    """At the test rows, where a model was trained."""
    repeat: str | None = None
    """The command that was run."""


def document(report: Report) -> dict[str, Any]:
    """The report as the JSON document of the contract. Keys are added from version to version, never renamed."""
    judgement = report.judgement
    found = {
        "schema_version": SCHEMA_VERSION,
        "command": report.command,
        "data": dict(report.data),
        "target": report.target,
        "classes": list(report.classes),
        "rows": dict(report.rows),
        "scores": {
            side: {metric: asdict(interval) for metric, interval in metrics.items()}
            for side, metrics in judgement.scores.items()
        },
        "verdict": {**asdict(judgement.verdict), "method": judgement.method, "sentence": sentence(report)},
        "warnings": [asdict(finding) for finding in report.warnings],
        "seconds": {name: round(seconds, 3) for name, seconds in report.seconds.items()},
        "device": report.device,
        "threads": report.threads,
        "seed": report.seed,
        "settings": dict(report.settings),
        "versions": versions(),
        "model_sha256": report.model_sha256,
        "network": dict(report.network),
        "trees": dict(report.trees),
        "curve": [asdict(point) for point in report.curve],
        "tried": dict(report.n_tried),
        "trials": [asdict(trial) for trial in report.trials],
        "folds": [dict(fold) for fold in report.folds],
        "sets": {side: [asdict(check) for check in checks] for side, checks in report.sets.items()},
        **_of_repeated(report),
        "assumptions": report.assumptions.document(judgement.verdict.opponent) if report.assumptions else None,
        "weights": asdict(report.weights) if report.weights.is_used else None,
        "decision": decision_document(report.decision),
        "calibration": {side: asdict(evidence) for side, evidence in report.calibration.items()},
        "default_side": report.default_side,
        "blend": [asdict(found) for found in judgement.blend],
        "sentences": sentences(report),
        "repeat": report.repeat,
        **closer_document(report.closer),
    }
    return finite_document(found)


def sentences(report: Report) -> dict[str, Any]:
    """What pages say in words."""
    return {
        "effort": effort_line(report),
        "kept": kept_line(report),
        "blend": held_out_blend_line(report),
        "weights": weights_line(report),
        "calibration": calibration_lines(report),
        "repeated": repeated_lines(report),
    }


def _of_repeated(report: Report) -> dict[str, Any]:
    if report.repeated is None:
        return {}
    judgement = report.judgement
    return {
        "comparisons": [asdict(comparison) for comparison in judgement.comparisons],
        "recommendation": recommendation(judgement.verdict, judgement.comparisons, report.repeated),
        **report.repeated.document(),
    }


def finite_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document as JSON can hold it, see :func:`finite`."""
    return {name: finite(value) for name, value in document.items()}


def finite(value: Any) -> Any:
    """The value with null for each number that JSON lacks: a score of one class only, a loss that diverged."""
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def versions() -> dict[str, str]:
    """Versions of what took part."""
    packages = ("numpy", "pandas", "scikit-learn", "torch")
    return {
        "nncli": version(),
        "python": platform.python_version(),
        **{name: installed_version(name) for name in packages},
    }


def sentence(report: Report) -> str:
    """The verdict in one sentence."""
    kind = "weighted test rows" if report.weights.is_used else "test rows"
    rows = f"{report.rows['test']:,} {kind}" + (" a fold" if report.folds else "")
    comparisons = report.judgement.comparisons
    if len(comparisons) > 1:
        rows += f"; p {comparisons[0].p_adjusted:.3g} after Holm's correction for {len(comparisons)} metrics"
    return verdict_sentence(report.judgement.verdict, rows)


def verdict_sentence(verdict: Verdict, rows: str) -> str:
    """A verdict in one sentence.

    Args:
        verdict: on the network against its opponent.
        rows: that it comes from, in words.
    """
    metric = METRIC_NAMES[verdict.metric]
    if math.isnan(verdict.difference):
        return f"No verdict: {metric} is undefined, some test rows lack a class ({rows})."
    if not verdict.learned:
        return f"No clear difference: nothing was learned, neither side clearly beats the majority class ({rows})."
    opponent = IN_SENTENCES[verdict.opponent]
    interval = f"95 % interval {verdict.low:+.4f} to {verdict.high:+.4f}; {rows}"
    if verdict.word == "no clear difference":
        return (
            f"No clear difference between the network and {opponent}: "
            f"{metric} differs by {verdict.difference:+.4f}, where plus favours the network ({interval})."
        )
    return (
        f"The network is {verdict.word} than {opponent}: "
        f"{metric} {verdict.word} by {abs(verdict.difference):.4f} ({interval})."
    )


def repeated_lines(report: Report) -> list[str]:
    """What repeated folds tell besides, the recommendation first."""
    repeated, verdict, comparisons = report.repeated, report.judgement.verdict, report.judgement.comparisons
    if repeated is None:
        return []
    return [
        recommendation(verdict, comparisons, repeated),
        practical_line(comparisons[0], repeated.n_folds),
        blend_line({side: repeated.other("blend", side) for side in ("network", verdict.opponent)}),
        rounds_line(repeated),
    ]


def held_out_blend_line(report: Report) -> str:
    """What the blend of both sides brings on held-out rows, and how to get it where it scores best."""
    found, hint = report.judgement.blend, ""
    if not found:
        return ""
    if report.default_side == "blend":
        hint = " This model answers with it."
    elif found[0].learned and all(each.difference > 0 for each in found):
        hint = " With train --blend a model answers with it; predict --with blend does so with any."
    return blend_line({each.opponent: each for each in found}) + hint


def assumption_lines(report: Report) -> list[str]:
    """Whether what networks rest on holds, where it was looked at."""
    return report.assumptions.sentences(report.judgement.verdict.opponent) if report.assumptions else []


def weights_line(report: Report) -> str:
    """That rows were weighted, and by what: scores of rows that count alike would be others."""
    if not report.weights.is_used:
        return ""
    return (
        f"Rows are weighted by {report.weights.by_what}: both sides learned from weighted rows, every score here is of "
        "weighted rows, and predicted probabilities are those of rows so weighted."
    )


def effort_line(report: Report) -> str:
    """What each side cost."""
    parts = [f"{SIDE_NAMES[side]} {report.seconds[side]:.1f} s" for side in SIDE_NAMES if side in report.seconds]
    return f"Training: {', '.join(parts)}; {_tried(report)}." if parts else ""


def _tried(report: Report) -> str:
    """How much each side was tuned: a comparison is only as fair as that."""
    opponent = report.judgement.verdict.opponent
    networks, trees, n_folds = report.n_tried["network"], report.n_tried[opponent], len(report.folds)
    against = "the trees" if opponent == "trees" else IN_SENTENCES[opponent]
    if networks == trees == max(1, n_folds):
        return "one setting tried on each side"
    if n_folds:
        return f"settings tried in {n_folds} folds: {networks} for the network, {trees} for {against}"
    return f"settings tried: {networks} for the network ({report.n_tried['kept']} kept), {trees} for the trees (1 kept)"


def calibration_lines(report: Report) -> list[str]:
    """For each side, what its calibration did to its probabilities for the test rows."""
    return [f"{SIDE_NAMES[side]} {_calibration(evidence)}" for side, evidence in report.calibration.items()]


def _calibration(evidence: CalibrationEvidence) -> str:
    before, after = evidence.before, evidence.after
    error = error_and_bounds(after.ece)
    if not evidence.applied:
        return f"kept as trained (no gain on validation rows); calibration error {error}"
    return (
        f"temperature {evidence.temperature:.2f}: log loss {before.log_loss.value:.4f} to {after.log_loss.value:.4f}, "
        f"calibration error {before.ece.value:.3f} to {error}"
    )


def error_and_bounds(error: Interval) -> str:
    """A calibration error for people."""
    return f"{error.value:.3f} [{error.low:.3f}, {error.high:.3f}]"


def kept_line(report: Report) -> str:
    """What the model that predicts learned from, and that the scores are not its own."""
    epochs = report.network.get("epochs_on_all_rows")
    if epochs is None:
        return ""
    n_networks = report.network["networks"]
    how_long = f"{n_networks} networks" if n_networks > 1 else f"{epochs} more epochs"
    return (
        f"The model that is kept went on learning after this verdict, from all {sum(report.rows.values()):,} rows "
        f"({how_long}): the scores are of models that never saw the test rows."
    )
