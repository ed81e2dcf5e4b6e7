"""Which column is predicted, and its labels as class numbers."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError, nearest_names, show
from nncli.table.arrow import text_array
from nncli.table.cells import chosen, is_missing, stripped, to_codes, to_numbers

_USUAL_NAMES = ("target", "label", "class", "y")
_MOST_CLASSES = 1000


@dataclass(frozen=True)
class Target:
    """The labels of the rows that have one."""

    name: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    """Index into ``classes``. Shape: ``(n_rows,)``, rows without a target left out."""
    has_label: NDArray[np.bool_]
    """Shape: ``(n_all_rows,)``."""

    def label_counts(self) -> dict[str, int]:
        """Rows of each class."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))


def choose_target(columns: list[str], wanted: str | None) -> tuple[str, str]:
    """The target's name, and why it is the one.

    Raises:
        DataError: there is no such column; the closest names are in the message.

    >>> choose_target(["a", "Class", "b"], None)
    ('Class', 'the column of that name')
    """
    if wanted is not None:
        if wanted in columns:
            return wanted, "named by --target"
        raise DataError(f"target '{show(wanted)}': no such column; {nearest_names(wanted, columns)}")
    for usual in _USUAL_NAMES:
        for column in columns:
            if column.lower() == usual:
                return column, "the column of that name"
    return columns[-1], "the last column; --target names another"


def encode_target(cells: pa.Array, name: str) -> Target:
    """Class numbers for the cells of the target column.

    Classes are sorted as numbers where all are numbers, else as text.

    Raises:
        DataError: fewer than two classes, or so many that it looks like regression.
    """
    cells = stripped(cells)
    has_label = ~is_missing(cells)
    labelled = chosen(cells, has_label)
    classes = _sorted_classes(labelled.unique().to_pylist())
    where = f"target '{show(name)}'"
    if len(classes) < 2:
        found = f"only '{show(classes[0])}'" if classes else "no value at all"
        raise DataError(
            f"{where}: two classes or more are needed; found {found}; check its cells, or choose another --target"
        )
    _refuse_regression(classes, len(labelled), where)
    return Target(name, tuple(classes), to_codes(labelled, classes), has_label)


def _sorted_classes(classes: list[str]) -> list[str]:
    numbers = to_numbers(text_array(classes))
    if len(classes) and not np.isnan(numbers).any():
        return [classes[i] for i in np.lexsort((np.array(classes), numbers))]
    return sorted(classes)


def _refuse_regression(classes: list[str], n_rows: int, where: str) -> None:
    n_classes = len(classes)
    if n_classes > max(20, n_rows // 2) or n_classes > _MOST_CLASSES:
        numeric = not np.isnan(to_numbers(text_array(classes))).any()
        kind = "it looks like a quantity, and nncli predicts classes" if numeric else "it looks like an ID"
        raise DataError(f"{where}: {n_classes:,} different values in {n_rows:,} rows; {kind}; choose another --target")
