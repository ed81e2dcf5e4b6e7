"""``x_num`` and ``x_text`` as a network likes them: bell-shaped, complete, of unit scale.

Trees need none of this and get the features as they are: the information is the same on both sides.
"""

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.features.encoder import Features
from nncli.table.arrow import distinct_numbers

_MOST_QUANTILES = 200
_MOST_VALUES = 254
_FEWEST_ROWS_OF_A_VALUE, _ROWS_PER_VALUE = 2, 32
"""Of a value that gets a code; and for each distinct one of its column, on average: fewer say too little of it."""
_WIDEST = 3.0
"""The extreme training values land at plus and minus this many standard deviations; beyond them is clipped."""


@dataclass(frozen=True)
class NumericScale:
    """A monotone piecewise-linear map of one numeric column onto a normal distribution."""

    values: tuple[float, ...]
    """Increasing training quantiles."""
    scores: tuple[float, ...]
    """The normal score of each, in standard deviations."""
    has_missing: bool
    """Whether training rows had missing cells; then an indicator column says where."""
    coded: tuple[float, ...]
    """Values that have a code of their own, increasing: those of a column in which few values come up again and
    again. Such numbers are often names: a code, a limit, a special case."""

    @property
    def cardinality(self) -> int:
        """Number of codes; code 0 is for every other value. No codes at all where that is the only one."""
        return len(self.coded) + 1 if self.coded else 0

    def codes(self, cells: NDArray[np.float64]) -> NDArray[np.int32]:
        """The code of each cell, shape ``(n_rows,)``."""
        coded = np.array(self.coded)
        at = np.minimum(np.searchsorted(coded, cells), coded.size - 1)
        return np.where(coded[at] == cells, at + 1, 0).astype(np.int32)


@dataclass(frozen=True)
class NetworkInputs:
    """What the network sees.

    Shape:
        x_num: ``(n_rows, n_num)``, float32, complete.
        x_cat: ``(n_rows, n_cat)``, int32 codes.
        x_dense: ``(n_rows, n_dense)``, float32: missing indicators, then text.
        x_value: ``(n_rows, numbers with codes)``, int32 codes of their values.
    """

    x_num: NDArray[np.float32]
    x_cat: NDArray[np.int32]
    x_dense: NDArray[np.float32]
    x_value: NDArray[np.int32]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All four, in the order in which a network takes them."""
        return self.x_num, self.x_cat, self.x_dense, self.x_value

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.x_cat)

    def take(self, rows: NDArray[np.int64] | slice) -> "NetworkInputs":
        """Some rows, by position."""
        return NetworkInputs(*(array[rows] for array in self.arrays))


@dataclass(frozen=True)
class Scaler:
    """The learned maps: one for each column of ``x_num``; centre and scale for each of ``x_text``."""

    numeric: tuple[NumericScale, ...]
    text_mean: tuple[float, ...]
    text_std: tuple[float, ...]

    @cached_property
    def _curves(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return [(np.array(column.values), np.array(column.scores)) for column in self.numeric]

    @property
    def n_dense(self) -> int:
        """Columns of ``x_dense``."""
        return sum(column.has_missing for column in self.numeric) + len(self.text_mean)

    @property
    def value_cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each numeric column's values, 0 where they have none."""
        return tuple(column.cardinality for column in self.numeric)

    def scale(self, features: Features) -> NetworkInputs:
        """Maps features, each row for itself. A missing number becomes 0, the middle of its column."""
        x_num = np.empty(features.x_num.shape, dtype=np.float32)
        codes = []
        for j, (column, curve) in enumerate(zip(self.numeric, self._curves, strict=True)):
            numbers, places = distinct_numbers(features.x_num[:, j])
            x_num[:, j] = np.where(np.isnan(numbers), 0.0, np.interp(numbers, *curve))[places]
            if column.coded:
                codes.append(column.codes(numbers)[places])
        indicated = [j for j, column in enumerate(self.numeric) if column.has_missing]
        missing = np.isnan(features.x_num[:, indicated]).astype(np.float32)
        mean, std = np.array(self.text_mean, np.float32), np.array(self.text_std, np.float32)
        text = (features.x_text - mean) / std
        dense = np.hstack([missing, text]).astype(np.float32, copy=False)
        x_value = np.column_stack(codes) if codes else np.zeros((len(features), 0), dtype=np.int32)
        return NetworkInputs(x_num, features.x_cat, dense, x_value)


def fit_scaler(features: Features) -> Scaler:
    """Learns the maps from the features of training rows."""
    mean = features.x_text.mean(axis=0, dtype=np.float64)
    std = features.x_text.std(axis=0, dtype=np.float64)
    return Scaler(
        numeric=tuple(_fit_numeric(features.x_num[:, j]) for j in range(features.x_num.shape[1])),
        text_mean=tuple(mean.tolist()),
        text_std=tuple(np.where(std > 1e-6, std, 1.0).tolist()),
    )


def _fit_numeric(cells: NDArray[np.float64]) -> NumericScale:
    distinct, counts = np.unique(cells[~np.isnan(cells)], return_counts=True)
    has_missing = bool(counts.sum() < cells.size)
    values, middle = _quantiles(distinct, counts)
    if values.size < 2 or values[-1] - values[0] < 1e-12 * np.abs(values[[0, -1]]).max():
        return NumericScale((0.0, 1.0), (0.0, 0.0), has_missing, ())  # constant but for rounding: says nothing
    scores = np.clip([NormalDist().inv_cdf(share) for share in middle], -_WIDEST, _WIDEST)
    return NumericScale(tuple(values.tolist()), tuple(scores.tolist()), has_missing, _coded(distinct, counts))


def _coded(distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, ...]:
    """The values that get a code; two values alone are told apart by their order already."""
    if not 2 < distinct.size <= min(_MOST_VALUES, counts.sum() / _ROWS_PER_VALUE):
        return ()
    return tuple(distinct[counts >= _FEWEST_ROWS_OF_A_VALUE].tolist())


def _quantiles(
    distinct: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distinct values at evenly spaced ranks, each with the middle of the ranks that share it, in (0, 1)."""
    middle = (counts.cumsum() - counts / 2) / max(counts.sum(), 1)
    if distinct.size > _MOST_QUANTILES:
        evenly = np.linspace(middle[0], middle[-1], _MOST_QUANTILES)
        chosen = np.unique(np.searchsorted(middle, evenly))
        distinct, middle = distinct[chosen], middle[chosen]
    return distinct, middle
