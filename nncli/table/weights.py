"""How much each row counts: a column's weights, and those of its class.

Weights say how much a row matters, not how often it was seen: a row of weight two is one row, whatever it counts.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError, nearest_names, quoted_list, show
from nncli.settings import WeightSettings
from nncli.table.cells import stripped, to_numbers
from nncli.table.numbers import find_formats, with_plain_numbers
from nncli.table.target import Target

Weights = NDArray[np.float64]


def read_weights(rows: pa.RecordBatch, column: str) -> Weights:
    """The weights that a column holds, the largest of them one. Shape: ``(n_rows,)``.

    Raises:
        DataError: there is no such column or no other, a cell is no number from zero on, or all are zero.
    """
    where, names = f"--sample-weight '{show(column)}'", rows.schema.names
    if column not in names:
        raise DataError(f"{where}: no such column; {nearest_names(column, names)}")
    if len(names) == 1:
        raise DataError(f"{where}: is the only column of the data; name a column of weights beside others")
    weights = _numbers(rows.select([column]), column)
    bad = ~(weights >= 0)
    if bad.any():
        example = show(rows[column][int(bad.argmax())].as_py().strip(), 30)
        raise DataError(
            f"{where}: {bad.sum():,} of {bad.size:,} cells are no finite number from 0 on (such as '{example}' in row "
            f"{bad.argmax() + 1:,} of the data); write how much each row counts, 0 for one that is to be left out"
        )
    if not weights.any():
        raise DataError(
            f"{where}: every row has weight 0, so none counts; give weights above 0, or leave the option out"
        )
    scaled: Weights = weights / weights.max()
    return scaled


def _numbers(rows: pa.RecordBatch, column: str) -> NDArray[np.float64]:
    """Of a column, however the file writes numbers."""
    plain = with_plain_numbers(rows, find_formats(rows).of_columns)
    return to_numbers(stripped(plain[column]))


def require_classes(settings: WeightSettings, target: Target) -> None:
    """Refuses weights of classes that there are not.

    Raises:
        DataError: one is none of the target's.
    """
    unknown = [given.name for given in settings.classes if given.name not in target.classes]
    if unknown:
        raise DataError(
            f"--class-weight: {quoted_list(unknown)} is no class of '{show(target.name)}'; "
            f"the classes are {quoted_list(list(target.classes), 20)}"
        )


def row_weights(
    settings: WeightSettings, target: Target, of_column: Weights | None, train: NDArray[np.int64]
) -> Weights | None:
    """What each row counts: its own weight times its class's, so that the training rows' mean is one.

    Args:
        settings: by what rows are weighted.
        target: the rows' classes.
        of_column: the rows' own weights, where a column holds them.
        train: the training rows, which say what is balanced: a class's weight is the total over the number of classes
            and over the class's own part of it, as in scikit-learn.

    Returns:
        Shape ``(n_rows,)``; ``None`` where every row counts once.
    """
    if not settings.is_used:
        return None
    weights = np.ones(target.labels.size) if of_column is None else of_column
    if settings.balanced:
        totals = np.bincount(target.labels[train], weights[train], len(target.classes))
        of_class = np.divide(totals.mean(where=totals > 0), totals, out=np.ones_like(totals), where=totals > 0)
    else:
        named = {given.name: given.weight for given in settings.classes}
        of_class = np.array([named.get(name, 1.0) for name in target.classes])
    weights = weights * of_class[target.labels]
    scaled: Weights = weights / weights[train].mean()
    return scaled


def weights_of(weights: Weights | None, rows: NDArray[np.int64]) -> Weights | None:
    """Of some rows."""
    return None if weights is None else weights[rows]


def class_shares(labels: NDArray[np.int64], n_classes: int, weights: Weights | None) -> tuple[float, ...]:
    """The share of each class among labels, which may have weights."""
    totals = np.bincount(labels, weights, n_classes)
    return tuple((totals / totals.sum()).tolist())
