"""How the answers move along a column: the mean probability of a class when all rows get the same value there.

Source: Friedman 2001, "Greedy Function Approximation: A Gradient Boosting Machine", section 8.2. Where columns go
together, some of these rows could not be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.evaluation.metrics import Floats
from nncli.evaluation.sampling import Sample
from nncli.evaluation.slices import Grouping
from nncli.explain.importance import drawn_rows
from nncli.explain.swaps import Swap, swapped_proba
from nncli.explain.work import swap_seconds
from nncli.features.encoder import FeatureEncoder, Features, Place
from nncli.prediction.labelled import level_groupings
from nncli.settings import BOTH_SIDES, Side

_RANKED, _SPACED, _MOST_LEVELS = 12, 8, 12
_GRID = _RANKED + _SPACED
"""Values of a number: so many at even ranks, so many at even distances, which skewed columns need."""
_FEWEST_ROWS, _MOST_ROWS = 50, 5000
_EDGE = 0.01
"""Of the rows beyond either end of a grid."""
_DECILES = tuple(np.arange(1, 10) / 10)


@dataclass(frozen=True)
class Grid:
    """The values that a column gets."""

    column: str
    kind: Literal["numeric", "categorical", "boolean"]
    names: tuple[float, ...] | tuple[str, ...]
    """The values, for people."""
    cells: NDArray[np.float64] | NDArray[np.int64]
    """As they are encoded. Shape: ``(n_values,)``."""
    deciles: tuple[float, ...] | None
    """Of a number, among the rows."""


@dataclass(frozen=True)
class Dependence:
    """How the mean probability of one class moves along a column."""

    grid: Grid
    class_number: int
    sides: Mapping[Side, Floats]
    """Shape: ``(n_values,)``."""


def partial_dependence(
    model: Model,
    features: Features,
    columns: Sequence[str],
    *,
    most: int = 6,
    positive: int | None = None,
    seed: int = 0,
    sample: Sample | None = None,
    seconds: float = 0.7,
) -> list[Dependence]:
    """How both sides move along several columns; dates, texts and columns with one value have none.

    Args:
        model: that answers.
        features: of rows, some of which are drawn where they are many.
        columns: by name, the most important first.
        most: of the columns that are told.
        positive: the class that is told; ``None``: for each column the one that the network moves most.
        seed: of the rows that are drawn.
        sample: how the rows were sampled; ``None``: each for itself, all the same.
        seconds: that it may take, about, counted from sizes.
    """
    groupings = {grouping.column: grouping for grouping in level_groupings(model, features)}
    encoder = model.description.encoder
    grids = list(islice(filter(None, (_grid(encoder, features, groupings, name) for name in columns)), most))
    if not grids:
        return []
    cost = sum(swap_seconds(model, side, len(grids), _GRID) for side in BOTH_SIDES)
    most_rows = int(np.clip(seconds / cost, _FEWEST_ROWS, _MOST_ROWS))
    rows = drawn_rows(len(features), most_rows, np.random.default_rng(seed))
    weights = (sample or Sample(len(features))).take(rows).weights
    means = {side: _means(model, side, features.take(rows), grids, weights) for side in BOTH_SIDES}
    found = []
    for i, grid in enumerate(grids):
        moved = np.ptp(means["network"][i], axis=0)
        number = int(moved.argmax()) if positive is None else positive
        found.append(Dependence(grid, number, {side: of_side[i][:, number] for side, of_side in means.items()}))
    return found


def _means(model: Model, side: Side, features: Features, grids: Sequence[Grid], weights: Floats | None) -> list[Floats]:
    """Of each grid; shape ``(n_values, n_classes)``."""
    encoder = model.description.encoder
    columns = [encoder.columns.index(grid.column) for grid in grids]
    donors = _donors(features, [encoder.places[column] for column in columns], grids)
    swaps = [
        Swap(column, np.full(len(features), value))
        for column, grid in zip(columns, grids, strict=True)
        for value in range(grid.cells.size)
    ]
    answers = swapped_proba(model, side, features, donors, swaps)
    means = np.array([np.average(proba, axis=0, weights=weights) for proba in answers])
    return np.split(means, np.cumsum([grid.cells.size for grid in grids])[:-1])


def _donors(features: Features, places: Sequence[Place], grids: Sequence[Grid]) -> Features:
    """The first row holds the first value of each grid, and so on; what stands elsewhere does not matter."""
    rows = features.take(np.zeros(max(grid.cells.size for grid in grids), dtype=np.int64))
    arrays: dict[str, Any] = {name: getattr(rows, name).copy() for name in ("x_num", "x_cat")}
    for place, grid in zip(places, grids, strict=True):
        arrays[place.array][: grid.cells.size, place.columns] = grid.cells[:, None]
    return replace(rows, **arrays)


def _grid(encoder: FeatureEncoder, features: Features, groupings: Mapping[str, Grouping], column: str) -> Grid | None:
    """Numbers at even ranks of the rows and at even distances, other columns at the levels that most rows have."""
    if column in encoder.numeric:
        values = features.x_num[:, encoder.numeric.index(column)]
        return _numeric_grid(column, values[~np.isnan(values)])
    grouping = groupings.get(column)
    if grouping is None:
        return None
    counts = np.bincount(grouping.codes, minlength=len(grouping.names))
    levels = np.argsort(-counts, kind="stable")[: min(_MOST_LEVELS, np.count_nonzero(counts))]
    if levels.size < 2:
        return None
    kind: Literal["boolean", "categorical"] = "boolean" if column in encoder.booleans else "categorical"
    return Grid(column, kind, tuple(grouping.names[level] for level in levels), levels, None)


def _numeric_grid(column: str, values: Floats) -> Grid | None:
    if not values.size:
        return None
    ranked = np.quantile(values, np.linspace(_EDGE, 1 - _EDGE, _RANKED), method="inverted_cdf")
    spaced = np.linspace(ranked[0], ranked[-1], _SPACED + 2)[1:-1]
    ordered = np.sort(values)
    cells = np.unique([*ranked, *ordered[np.searchsorted(ordered, spaced)]])  # values that there are
    if cells.size < 2:
        return None
    deciles = np.quantile(values, _DECILES, method="inverted_cdf")
    return Grid(column, "numeric", tuple(cells.tolist()), cells, tuple(deciles.tolist()))
