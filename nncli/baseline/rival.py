"""What an opponent learns from and what it becomes, whichever it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nncli.evaluation.metrics import Floats, Labels
from nncli.features.encoder import Features
from nncli.table.weights import Weights, class_shares, weights_of


@dataclass(frozen=True)
class RivalData:
    """What an opponent learns from, and the rows that decide when to stop or which setting is best.

    Shape:
        y, y_val: ``(n_rows,)``, class numbers below ``n_classes``. Not every class need be among them.
        weights, weights_val: ``(n_rows,)``, how much each row counts; ``None``: all the same.
    """

    train: Features
    y: Labels
    validation: Features
    y_val: Labels
    n_classes: int
    weights: Weights | None = None
    weights_val: Weights | None = None


@dataclass(frozen=True)
class FittedRival:
    """An opponent that predicts. It is not calibrated: whoever compares calibrates all sides alike."""

    predict_proba: Callable[[Features], Floats]
    """Shape: ``(n_rows, n_classes)``, rows sum to one. A class that training rows do not have gets 0."""
    seconds: float
    """Of fitting, everything that was tried included."""
    n_tried: int
    """Settings that were fitted."""
    settings: str
    """What was chosen, for people, on one line."""


def fit_known_classes(
    data: RivalData,
    sees: Callable[[Features], Floats | NDArray[np.float32]],
    fit: Callable[[RivalData], FittedRival],
) -> FittedRival:
    """Has an opponent fitted to the classes that occur among training rows, and gives the others probability 0.

    Validation rows of other classes are left out: no setting would make a difference to them. Where nothing can be
    learned - one class, no validation row, no column that varies - every row gets the shares of the training rows.

    Args:
        data: as it comes.
        sees: what the opponent makes of features, shape ``(n_rows, n_columns)``.
        fit: is given data in which classes are numbered from 0 without gaps, two at least.
    """
    known, y = np.unique(data.y, return_inverse=True)
    comparable = np.flatnonzero(np.isin(data.y_val, known))
    if known.size < 2 or not comparable.size or _is_constant(sees(data.train)):
        return _fit_shares(data)
    y_val = np.searchsorted(known, data.y_val[comparable])
    weights_val = weights_of(data.weights_val, comparable)
    fitted = fit(
        RivalData(data.train, y, data.validation.take(comparable), y_val, known.size, data.weights, weights_val)
    )

    def predict_proba(features: Features) -> Floats:
        proba = np.zeros((len(features), data.n_classes))
        proba[:, known] = fitted.predict_proba(features)
        return proba

    return replace(fitted, predict_proba=predict_proba)


def _is_constant(x: Floats | NDArray[np.float32]) -> bool:
    return np.array_equal(x, np.broadcast_to(x[0], x.shape), equal_nan=True)


def _fit_shares(data: RivalData) -> FittedRival:
    shares = class_shares(data.y, data.n_classes, data.weights)
    return FittedRival(lambda features: np.tile(shares, (len(features), 1)), 0.0, 0, "the training shares")
