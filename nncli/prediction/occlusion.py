"""Which columns moved a row's answer: each takes the training reference's cell in turn, and the row is predicted again.

Occlusion (Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks"), one column at a time.
"""

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.features.encoder import Features
from nncli.settings import Side
from nncli.table.arrow import record_of

_ROWS_AT_ONCE = 2048
"""Memory holds an effect for each column of so many rows."""


def typical_features(model: Model) -> Features:
    """The features of the typical training row; one row."""
    description = model.description
    return model.encode(record_of(description.encoder.columns, description.reference))


def strongest_columns(
    model: Model, side: Side, features: Features, predicted: NDArray[np.int64], reference: Features, most: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The columns with the largest effects on each row's answer, the largest first; ties in the columns' order.

    An effect is the probability of the predicted class less what it is when the column holds the reference's cell.

    Args:
        model: what predicted.
        side: of the model.
        features: of the rows.
        predicted: their class numbers, shape ``(n_rows,)``.
        reference: of :func:`typical_features`.
        most: columns to name.

    Returns:
        Positions in ``encoder.columns``, and the effects. Shape of both: ``(n_rows, most)``.
    """
    columns = np.empty((len(features), most), dtype=np.int64)
    effects = np.empty((len(features), most))
    for start in range(0, len(features), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        found = _effects(model, side, features.take(block), predicted[block], reference)
        columns[block] = np.argsort(-np.abs(found), axis=1, kind="stable")[:, :most]
        effects[block] = np.take_along_axis(found, columns[block], axis=1)
    return columns, effects


def _effects(
    model: Model, side: Side, features: Features, predicted: NDArray[np.int64], reference: Features
) -> NDArray[np.float64]:
    """Shape: ``(n_rows, n_columns)``."""
    rows = np.arange(len(features))
    before = model.predict_proba(features, side)[rows, predicted]
    hidden = (features.with_column(place, reference) for place in model.description.encoder.places)
    after = [model.predict_proba(changed, side)[rows, predicted] for changed in hidden]
    return before[:, None] - np.column_stack(after)
