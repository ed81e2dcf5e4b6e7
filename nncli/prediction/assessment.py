"""How a model does on rows whose class is known: both sides, each class, the worst slices and rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nncli.bundle.model import Answers, Model
from nncli.errors import show
from nncli.evaluation.comparison import Interval, Judgement, judge_held_out
from nncli.evaluation.decisions import DecisionRule, decide
from nncli.evaluation.metrics import Floats
from nncli.evaluation.reliability import ReliabilityBin, calibration_error, reliability_bins
from nncli.evaluation.thresholds import DecisionCheck, check_decision
from nncli.guard.findings import Finding
from nncli.guard.rows import examine_weights
from nncli.prediction.labelled import LabelledRows
from nncli.prediction.mistakes import Mistakes, find_mistakes
from nncli.settings import BOTH_SIDES, EvaluationSettings, Side, WeightSettings


@dataclass(frozen=True)
class Decided:
    """What the model's own threshold reaches on the rows, and what the more probable class would."""

    rule: DecisionRule
    positive: str
    """The name of the class that the rule is about."""
    threshold: float
    check: DecisionCheck
    at_half: DecisionCheck


@dataclass(frozen=True)
class Assessment:
    """How a model does on labelled rows."""

    path: str
    data_sha256: str
    target: str
    classes: Sequence[str]
    n_rows: int
    n_unlabelled: int
    n_weightless: int
    weight_column: str | None
    """Says how much each row counts in the scores and the verdict; in all else every row counts once."""
    side: str
    """Whose calibration, classes, slices and rows are told."""
    judgement: Judgement
    decision: Decided | None
    """Where the model has a rule."""
    ece: Interval
    """Expected calibration error."""
    reliability: Sequence[ReliabilityBin]
    mistakes: Mistakes
    warnings: Sequence[Finding]
    model_sha256: str


def assess(model: Model, labelled: LabelledRows, side: Side) -> Assessment:
    """Scores both sides on the same rows, and looks closer at one.

    Args:
        model: that has not learned from these rows.
        labelled: the rows.
        side: that is looked at.
    """
    labels, features, description = labelled.labels, model.encode(labelled.rows), model.description
    settings = EvaluationSettings()
    answers = Answers(labels, {s: model.predict_proba(features, s) for s in BOTH_SIDES}, labelled.weights)
    probabilities = answers.led_by(side)
    majority = np.tile(description.class_shares, (labels.size, 1))
    return Assessment(
        path=labelled.path,
        data_sha256=labelled.sha256,
        target=labelled.target,
        classes=model.classes,
        n_rows=labels.size,
        n_unlabelled=labelled.n_unlabelled,
        n_weightless=labelled.n_weightless,
        weight_column=labelled.weight_column,
        side=side,
        judgement=judge_held_out(labels, {**probabilities, "majority": majority}, settings, labelled.sample),
        decision=_decided(model, labelled, probabilities[side], side),
        ece=calibration_error(labels, probabilities[side], settings.confidence, labelled.weights),
        reliability=reliability_bins(labels, probabilities[side], settings.confidence, labelled.weights),
        mistakes=find_mistakes(
            model,
            side,
            features,
            labels,
            probabilities[side],
            labelled.numbers,
            is_grouped=labelled.groups is not None,
        ),
        warnings=tuple(warnings_about(labelled, model)),
        model_sha256=model.sha256,
    )


def _decided(model: Model, labelled: LabelledRows, proba: Floats, side: Side) -> Decided | None:
    decision = model.description.decision
    if decision is None:
        return None
    rule, border = decision.rule, decision.border(side)
    ours, others = (check_decision(rule, labelled.labels, decide(proba, by), labelled.sample) for by in (border, None))
    return Decided(rule, model.classes[rule.positive], border.threshold, ours, others)


def learned_rows(data_sha256: str, model: Model) -> Iterator[Finding]:
    """Whether rows come from the file that a model learned from."""
    if data_sha256 == model.description.provenance.data_sha256:
        message = "the model learned from this very file: how it does here says nothing about other rows"
        yield Finding("training-data", "error", (), message)


def warnings_about(labelled: LabelledRows, model: Model) -> Iterator[Finding]:
    """What is to be known of rows before it is believed what they say of a model."""
    yield from learned_rows(labelled.sha256, model)
    if labelled.n_unlabelled:
        message = f"{labelled.n_unlabelled:,} rows have no value in '{show(labelled.target)}'; they are left out"
        yield Finding("missing-target", "warn", (labelled.target,), message)
    group = model.description.provenance.group
    if group is not None and labelled.groups is None:
        message = f"the model was judged by groups of '{show(group)}', which these rows lack: intervals may be narrow"
        yield Finding("ungrouped", "warn", (group,), message)
    yield from examine_weights(labelled.weight_column, labelled.n_weightless)
    learned, here = model.description.provenance.weights, WeightSettings(column=labelled.weight_column)
    if learned.is_used and learned != here:
        counted = f"weighted by {here.by_what}" if here.is_used else "of rows that count once each"
        message = (
            f"the model learned from rows weighted by {learned.by_what}, and its probabilities are of rows so "
            f"weighted; the scores here are {counted}"
        )
        yield Finding("other-weights", "warn", (), message)
