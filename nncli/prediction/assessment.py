"""How a model does on rows whose class is known: both sides, each class, the worst slices and rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.errors import show
from nncli.evaluation.classes import ClassScores, class_scores, confusion_matrix
from nncli.evaluation.comparison import Interval, Judgement, judge_held_out
from nncli.evaluation.metrics import Floats, Labels, log_losses
from nncli.evaluation.reliability import ReliabilityBin, calibration_error, reliability_bins
from nncli.evaluation.slices import Slices, worst_slices
from nncli.guard.findings import Finding
from nncli.prediction.answers import predicted_classes
from nncli.prediction.labelled import LabelledRows, groupings
from nncli.settings import EvaluationSettings, Side

_SIDES: tuple[Side, ...] = ("network", "trees")
_MOST_WRONG = 10


@dataclass(frozen=True)
class WrongRow:
    """A row on which the model is wrong, and how much."""

    number: int
    """Among all rows of the file, from 1."""
    true: str
    predicted: str
    probability: float
    """That the model gave to the true class."""


@dataclass(frozen=True)
class Assessment:
    """How a model does on labelled rows."""

    path: str
    data_sha256: str
    target: str
    classes: Sequence[str]
    n_rows: int
    n_unlabelled: int
    side: str
    """Whose calibration, classes, slices and rows are told."""
    judgement: Judgement
    ece: Interval
    """Expected calibration error."""
    reliability: Sequence[ReliabilityBin]
    confusion: NDArray[np.int64]
    per_class: Sequence[ClassScores]
    slices: Slices
    wrong: Sequence[WrongRow]
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
    probabilities: dict[str, Floats] = {s: model.predict_proba(features, s) for s in _SIDES}
    predicted = predicted_classes(probabilities[side], description.threshold)
    losses = log_losses(labels, probabilities[side])
    confusion = confusion_matrix(labels, predicted, len(model.classes))
    majority = np.tile(description.class_shares, (labels.size, 1))
    return Assessment(
        path=labelled.path,
        data_sha256=labelled.sha256,
        target=labelled.target,
        classes=model.classes,
        n_rows=labels.size,
        n_unlabelled=labelled.n_unlabelled,
        side=side,
        judgement=judge_held_out(labels, {**probabilities, "majority": majority}, settings),
        ece=calibration_error(labels, probabilities[side], settings.confidence),
        reliability=reliability_bins(labels, probabilities[side], settings.confidence),
        confusion=confusion,
        per_class=class_scores(confusion, model.classes),
        slices=worst_slices(losses, predicted == labels, list(groupings(model, features))),
        wrong=tuple(_most_wrong(labelled, model.classes, probabilities[side], predicted)),
        warnings=tuple(_warnings(labelled, model)),
        model_sha256=model.sha256,
    )


def _most_wrong(labelled: LabelledRows, classes: Sequence[str], proba: Floats, predicted: Labels) -> Iterator[WrongRow]:
    labels = labelled.labels
    true = proba[np.arange(labels.size), labels]
    wrong = np.flatnonzero(predicted != labels)
    for row in wrong[np.argsort(true[wrong], kind="stable")][:_MOST_WRONG].tolist():
        names = classes[labels[row]], classes[predicted[row]]
        yield WrongRow(int(labelled.numbers[row]), *names, float(true[row]))


def _warnings(labelled: LabelledRows, model: Model) -> Iterator[Finding]:
    if labelled.sha256 == model.description.provenance.data_sha256:
        message = "the model learned from this very file: how it does here says nothing about other rows"
        yield Finding("training-data", "error", (), message)
    if labelled.n_unlabelled:
        message = f"{labelled.n_unlabelled:,} rows have no value in '{show(labelled.target)}'; they are left out"
        yield Finding("missing-target", "warn", (labelled.target,), message)
