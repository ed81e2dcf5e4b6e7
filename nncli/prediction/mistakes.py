"""Where a model is right and wrong on rows whose class is known: each class, the worst slices, the worst rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.evaluation.classes import ClassScores, class_scores, confusion_matrix
from nncli.evaluation.decisions import decide
from nncli.evaluation.metrics import Floats, Labels, log_losses
from nncli.evaluation.slices import Slices, worst_slices
from nncli.features.encoder import Features
from nncli.prediction.labelled import groupings
from nncli.settings import Side

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
class Mistakes:
    """Where one side of a model is right and wrong; every row counts once."""

    confusion: NDArray[np.int64]
    per_class: Sequence[ClassScores]
    slices: Slices
    wrong: Sequence[WrongRow]


def find_mistakes(
    model: Model,
    side: Side,
    features: Features,
    labels: Labels,
    proba: Floats,
    numbers: NDArray[np.int64],
    *,
    is_grouped: bool = False,
) -> Mistakes:
    """Compares what a side predicts with what is true.

    Args:
        model: that has not learned from these rows.
        side: whose threshold decides, where the model has one.
        features: of the rows.
        labels: their class numbers, shape ``(n_rows,)``.
        proba: the side's probabilities for them, shape ``(n_rows, n_classes)``.
        numbers: of the rows among all of the file, from 1, shape ``(n_rows,)``.
        is_grouped: whether rows belong together in groups: then slices are not looked at, for rows of a few groups
            are alike, and what chance gives to a group would be taken for a cause.
    """
    predicted = decide(proba, model.description.border(side))
    confusion = confusion_matrix(labels, predicted, len(model.classes))
    return Mistakes(
        confusion=confusion,
        per_class=class_scores(confusion, model.classes),
        slices=worst_slices(
            log_losses(labels, proba), predicted == labels, [] if is_grouped else list(groupings(model, features))
        ),
        wrong=tuple(_most_wrong(model.classes, labels, proba, predicted, numbers)),
    )


def _most_wrong(
    classes: Sequence[str], labels: Labels, proba: Floats, predicted: Labels, numbers: NDArray[np.int64]
) -> Iterator[WrongRow]:
    true = proba[np.arange(labels.size), labels]
    wrong = np.flatnonzero(predicted != labels)
    for row in wrong[np.argsort(true[wrong], kind="stable")][:_MOST_WRONG].tolist():
        names = classes[labels[row]], classes[predicted[row]]
        yield WrongRow(int(numbers[row]), *names, float(true[row]))
