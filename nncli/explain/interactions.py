"""Which pairs of columns act together: Friedman's H statistic, for both sides.

Source: Friedman and Popescu 2008, "Predictive learning via rule ensembles", section 8.1. Partial dependence is the mean
score of some rows when all of them get the same cells in a column or two; where the dependence on two columns is not
the sum of those on each, they interact. H is the root of the share of the joint dependence's variance that the sum
misses. It is computed on the scores of :mod:`~nncli.explain.scores`, where logistic regression has no interactions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.bundle.trees import tree_inputs
from nncli.evaluation.calibration import SMALLEST_PROBABILITY
from nncli.evaluation.metrics import Floats
from nncli.explain.importance import drawn_rows
from nncli.explain.scores import contrast, of_outputs
from nncli.explain.swaps import column_of_inputs
from nncli.explain.tree_paths import Paths, leaf_paths
from nncli.explain.work import swap_seconds
from nncli.features.encoder import Features
from nncli.settings import BOTH_SIDES, Side

_FEWEST_ROWS, _MOST_ROWS = 20, 60
_A_PATH = 7e-8
"""Seconds for one row and one node of the trees, on one core of a server of 2024."""
Columns = tuple[int, ...]
"""Positions in ``encoder.columns``."""


@dataclass(frozen=True)
class Strength:
    """How much two columns act together."""

    h: float
    """Of their joint effect, 0: all of it is the sum of what each does alone."""
    effect: float
    """What this sum misses, the root of its mean square over rows and classes, on the scale of the scores."""


@dataclass(frozen=True)
class Interaction:
    """A pair of columns."""

    columns: tuple[str, str]
    sides: Mapping[Side, Strength]


@dataclass(frozen=True)
class Interactions:
    """Of all pairs of some columns, the one that acts together most on the first side first."""

    n_rows: int
    pairs: tuple[Interaction, ...]


def pair_interactions(
    model: Model,
    features: Features,
    columns: Sequence[str],
    sides: Sequence[Side] = BOTH_SIDES,
    *,
    class_number: int | None = None,
    seed: int = 0,
    seconds: float = 1.5,
) -> Interactions:
    """Of all pairs of the columns.

    Args:
        model: that answers.
        features: of rows, some of which are drawn.
        columns: by name.
        sides: network or trees.
        class_number: whose score is looked at; ``None``: those of all classes together.
        seed: of the rows that are drawn.
        seconds: that each side may take, about; counted from sizes.
    """
    numbers = [model.description.encoder.columns.index(name) for name in columns]
    pairs = list(combinations(numbers, 2))
    sets: list[Columns] = [*((number,) for number in numbers), *pairs]
    most = _most_rows(model, len(sets), seconds)
    some = features.take(drawn_rows(len(features), most, np.random.default_rng(seed)))
    found = {side: _strengths(_dependence(model, side, some, sets, class_number), pairs) for side in sides}
    names = model.description.encoder.columns
    interactions = [Interaction((names[a], names[b]), {side: found[side][a, b] for side in sides}) for a, b in pairs]
    interactions.sort(key=lambda each: -each.sides[sides[0]].effect)
    return Interactions(len(some), tuple(interactions))


def _most_rows(model: Model, n_sets: int, seconds: float) -> int:
    """So many rows can be afforded; the network answers to each with each other's cells, for every set of columns."""
    by_network = np.sqrt(seconds / (max(n_sets, 1) * swap_seconds(model, "network", 1)))
    by_trees = seconds / (_A_PATH * model.trees.value.size)
    return int(np.clip(min(by_network, by_trees), _FEWEST_ROWS, _MOST_ROWS))


def _strengths(dependence: Mapping[Columns, Floats], pairs: Sequence[tuple[int, int]]) -> dict[Columns, Strength]:
    centred = {columns: scores - scores.mean(axis=0) for columns, scores in dependence.items()}
    found: dict[Columns, Strength] = {}
    for a, b in pairs:
        missed = float(np.square(centred[a, b] - centred[a,] - centred[b,]).mean())
        joint = float(np.square(centred[a, b]).mean())
        found[a, b] = Strength(float(np.sqrt(missed / joint)) if joint > 0 else 0.0, float(np.sqrt(missed)))
    return found


def _dependence(
    model: Model, side: Side, features: Features, sets: Sequence[Columns], class_number: int | None
) -> dict[Columns, Floats]:
    """The mean score of all rows when they get one row's cells in some columns, for each row.

    Shape of each:
        ``(n_rows, n_scores)``.
    """
    n_classes = len(model.classes)
    classes = range(n_classes) if class_number is None else [class_number]
    weights = np.array([contrast(n_classes, c) for c in classes]) / model.description.calibration(side).temperature
    if side == "trees":
        return _of_trees(model, features, sets, weights)
    return {columns: _of_network(model, features, columns, weights) for columns in sets}


def _of_network(model: Model, features: Features, columns: Columns, weights: Floats) -> Floats:
    n_rows, places = len(features), model.description.encoder.places
    every = np.arange(n_rows)
    rows, given = features.take(np.tile(every, n_rows)), features.take(np.repeat(every, n_rows))
    for column in columns:
        rows = rows.with_column(places[column], given)
    proba = np.maximum(model.raw_proba(rows, "network"), SMALLEST_PROBABILITY)
    scores: Floats = np.log(proba) @ weights.T
    means: Floats = scores.reshape(n_rows, n_rows, -1).mean(axis=1)
    return means


def _of_trees(model: Model, features: Features, sets: Sequence[Columns], weights: Floats) -> dict[Columns, Floats]:
    """From which rows follow which paths, without a walk for each pair of rows; but for a constant in each set.

    Only paths with both columns of a pair can make it more than the sum of its columns.
    """
    trees, x = model.trees, tree_inputs(features)
    n_outputs = trees.baseline.size
    raw = {columns: np.zeros((n_outputs, len(x))) for columns in sets}
    for paths in leaf_paths(trees, column_of_inputs(model)):
        rows = _RowsOnPaths(paths, paths.followed(trees, x))
        for columns in sets:
            raw[columns] += rows.beyond_alone(columns, n_outputs)
    alone = {columns: sum(raw[column,] for column in columns) for columns in sets if len(columns) > 1}
    whole = {columns: of_set + alone.get(columns, 0.0) for columns, of_set in raw.items()}
    return {columns: of_set.T @ of_outputs(weights, n_outputs).T for columns, of_set in whole.items()}


class _RowsOnPaths:
    """Which rows follow which parts of some paths."""

    def __init__(self, paths: Paths, followed: NDArray[np.bool_]) -> None:
        self._paths, self._strays = paths, ~followed
        self._n_strayed = np.add.reduceat(self._strays, paths.first, axis=0, dtype=np.int16)

    def beyond_alone(self, columns: Columns, n_outputs: int) -> Floats:
        """What the paths with all of one or two columns predict beyond what each does alone, where there are two.

        Shape:
            ``(n_outputs, n_rows)``.
        """
        part_of = {column: self._parts(column) for column in columns}
        leaves = np.flatnonzero(np.all([parts >= 0 for parts in part_of.values()], axis=0))
        strays = {column: self._strays[parts[leaves]] for column, parts in part_of.items()}
        found = self._predicted(leaves, list(strays.values()))
        if len(columns) > 1:
            found -= sum(self._predicted(leaves, [of_column]) for of_column in strays.values())
        of_output = self._paths.output[leaves] == np.arange(n_outputs)[:, None]
        total: Floats = of_output.astype(np.float64) @ found
        return total

    def _parts(self, column: int) -> NDArray[np.int64]:
        """The part of each path that is on a column, -1 where none is. Shape: ``(n_leaves,)``."""
        found = np.full(self._paths.value.size, -1)
        parts = np.flatnonzero(self._paths.column == column)
        found[self._paths.leaf[parts]] = parts
        return found

    def _predicted(self, leaves: NDArray[np.int64], strays: Sequence[NDArray[np.bool_]]) -> Floats:
        """What each path predicts in the mean when all rows get one row's cells. Shape: ``(n_paths, n_rows)``."""
        n_strays = np.sum(strays, axis=0, dtype=np.int16)
        share = (self._n_strayed[leaves] == n_strays).mean(axis=1)
        found: Floats = (self._paths.value[leaves] * share)[:, None] * (n_strays == 0)
        return found
