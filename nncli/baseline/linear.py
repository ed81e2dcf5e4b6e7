"""Logistic regression: what is there to gain from anything that is not linear?"""

import time
import warnings
from copy import deepcopy
from math import inf
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from nncli.baseline.rival import FittedRival, RivalData, fit_known_classes
from nncli.bundle.trees import tree_inputs
from nncli.evaluation.metrics import Floats, Labels, log_losses
from nncli.features.encoder import Features
from nncli.features.scaling import Scaler

_STRENGTHS = tuple(10.0**power for power in range(-3, 4))
"""Inverse strengths of the penalty (scikit-learn's ``C``), the strongest penalty first: each starts where the one
before it ended."""
_MOST_ITERATIONS = 2000
"""Twenty real tables took 724 at the most."""
_MOST_ROWS_TO_CHOOSE_WITH = 20_000
"""More would take minutes; what is chosen is then fitted to all rows."""

_Matrix = Any
"""Encoded rows, dense or sparse. Shape: ``(n_rows, n_columns)``."""


def fit_linear(data: RivalData, scaler: Scaler, *, seed: int) -> FittedRival:
    """scikit-learn's multinomial logistic regression, its penalty chosen by the validation rows' log loss.

    It is given all that the network is given: numbers standardised and also as normal scores (together they beat
    either alone on most tables), where numbers are missing, texts, and an indicator for each level of a category.

    Args:
        data: what to learn from.
        scaler: fitted on its training rows.
        seed: of the draw of the rows that the penalty is chosen with, where there are many.
    """
    return fit_known_classes(data, tree_inputs, lambda known: _fit(known, scaler, seed))


def _fit(data: RivalData, scaler: Scaler, seed: int) -> FittedRival:
    start = time.monotonic()
    encoder = _column_encoder(data.train)
    x = encoder.fit_transform(_columns(data.train, scaler))
    x_val = encoder.transform(_columns(data.validation, scaler))
    rows = _rows_to_choose_with(data.y, seed)
    model, n_tried = _choose_penalty(x[rows], data.y[rows], x_val, data.y_val)
    if rows.size < data.y.size:
        _fit_quietly(model, x, data.y)

    def predict_proba(features: Features) -> Floats:
        proba: Floats = model.predict_proba(encoder.transform(_columns(features, scaler)))
        return proba

    return FittedRival(predict_proba, time.monotonic() - start, n_tried, _describe(model))


def _rows_to_choose_with(y: Labels, seed: int) -> Labels:
    """The rows that the penalty is chosen with: of a large table some, each class among them."""
    some = np.random.default_rng(seed).permutation(y.size)[:_MOST_ROWS_TO_CHOOSE_WITH]
    return np.union1d(some, np.unique(y, return_index=True)[1])


def _choose_penalty(x: _Matrix, y: Labels, x_val: _Matrix, y_val: Labels) -> tuple[LogisticRegression, int]:
    """The penalty is weakened as long as that lowers the validation loss, which has one valley.

    Returns:
        The best model, which goes on from there if it is fitted again, and how many were fitted.
    """
    model = LogisticRegression(max_iter=_MOST_ITERATIONS, warm_start=True)
    best, best_loss, n_tried = model, inf, 0
    for strength in _STRENGTHS:
        _fit_quietly(model.set_params(C=strength), x, y)
        n_tried += 1
        loss = float(log_losses(y_val, model.predict_proba(x_val)).mean())
        if loss >= best_loss:
            break
        best, best_loss = deepcopy(model), loss
    return best, n_tried


def _fit_quietly(model: LogisticRegression, x: _Matrix, y: Labels) -> None:
    """Fits; that it did not converge is said by :func:`_describe`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)


def _describe(model: LogisticRegression) -> str:
    cut_short = (
        f", not converged after {_MOST_ITERATIONS} iterations" if model.n_iter_.max() >= _MOST_ITERATIONS else ""
    )
    return f"C = {model.C:g}{cut_short}"


def _columns(features: Features, scaler: Scaler) -> Floats:
    """Numbers and codes, then what the network makes of the numbers and gets beside them. All complete.

    Shape: ``(n_rows, n_columns)``.
    """
    scaled = scaler.scale(features)
    return np.hstack([_over_range(features.x_num, scaler), features.x_cat, scaled.x_num, scaled.x_dense])


def _over_range(numbers: Floats, scaler: Scaler) -> Floats:
    """Numbers as they lie between the ends of their column in training, 0 and 1; missing ones as its median does.

    As for the network, a number beyond an end counts as the end.
    """
    ends = np.array([column.values[:: len(column.values) - 1] for column in scaler.numeric]).reshape(-1, 2).T
    median = [np.interp(0.0, column.scores, column.values) for column in scaler.numeric]
    unit = np.abs(ends).max(axis=0, initial=0.0)  # the difference of two very large ends would not be finite
    low, high = ends / unit
    complete = np.where(np.isnan(numbers), median, np.clip(numbers, *ends))
    scaled: Floats = (complete / unit - low) / (high - low)
    return scaled


def _column_encoder(train: Features) -> ColumnTransformer:
    """Of what :func:`_columns` gives; sparse where that is mostly zeros."""
    n_num, n_cat = train.x_num.shape[1], train.x_cat.shape[1]
    standardised = ("numbers", StandardScaler(), list(range(n_num)))
    indicators = ("levels", OneHotEncoder(handle_unknown="ignore"), list(range(n_num, n_num + n_cat)))
    return ColumnTransformer([standardised, indicators], remainder="passthrough")
