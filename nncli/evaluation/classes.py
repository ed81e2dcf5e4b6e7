"""How a model does on each class: the confusion matrix, and what follows from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.metrics import Labels


@dataclass(frozen=True)
class ClassScores:
    """One class against the rest; a share of nothing is none."""

    name: str
    n_rows: int
    n_predicted: int
    precision: float | None
    """Share of the rows predicted as it that are."""
    recall: float | None
    """Share of its rows that are predicted as it."""
    f1: float | None


def confusion_matrix(labels: Labels, predicted: Labels, n_classes: int) -> NDArray[np.int64]:
    """Rows by their class and the class that is predicted. Shape: ``(n_classes, n_classes)``.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    counts = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes).astype(np.int64)


def class_scores(confusion: NDArray[np.int64], classes: tuple[str, ...]) -> list[ClassScores]:
    """Of each class, from the confusion matrix."""
    hits, rows, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassScores(
            name=name,
            n_rows=int(rows[c]),
            n_predicted=int(predicted[c]),
            precision=_share(hits[c], predicted[c]),
            recall=_share(hits[c], rows[c]),
            f1=_share(2 * hits[c], rows[c] + predicted[c]),
        )
        for c, name in enumerate(classes)
    ]


def _share(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None
