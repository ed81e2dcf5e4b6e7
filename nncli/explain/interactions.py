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

_FEWEST_ROWS, _MOST_ROWS = 10, 60
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
        seconds: that the network may take, about; counted from sizes.
    """
    numbers = [model.description.encoder.columns.index(name) for name in columns]
    pairs = list(combinations(numbers, 2))
    sets: list[Columns] = [*((number,) for number in numbers), *pairs]
    affordable = np.sqrt(seconds / (max(len(sets), 1) * swap_seconds(model, "network", 1)))
    most = int(np.clip(affordable, _FEWEST_ROWS, _MOST_ROWS))
    some = features.take(drawn_rows(len(features), most, np.random.default_rng(seed)))
    found = {side: _strengths(_dependence(model, side, some, sets, class_number), pairs) for side in sides}
    names = model.description.encoder.columns
    interactions = [Interaction((names[a], names[b]), {side: found[side][a, b] for side in sides}) for a, b in pairs]
    interactions.sort(key=lambda each: -each.sides[sides[0]].effect)
    return Interactions(len(some), tuple(interactions))


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
    """From which rows follow which paths, without a walk for each pair of rows."""
    trees, x = model.trees, tree_inputs(features)
    n_outputs = trees.baseline.size
    raw = {columns: np.zeros((n_outputs, len(x))) for columns in sets}
    for paths in leaf_paths(trees, column_of_inputs(model)):
        strays = ~paths.followed(trees, x)
        n_strayed = np.add.reduceat(strays, paths.first, axis=0, dtype=np.int16)
        of_output = paths.output == np.arange(n_outputs)[:, None]
        for columns in sets:
            here = _strays_in(paths, strays, columns)
            share = (n_strayed == here).mean(axis=1)
            raw[columns] += (of_output * (paths.value * share)) @ (here == 0).astype(np.float64)
    return {columns: of_set.T @ of_outputs(weights, n_outputs).T for columns, of_set in raw.items()}


def _strays_in(paths: Paths, strays: NDArray[np.bool_], columns: Columns) -> NDArray[np.int16]:
    """From how many parts of each path, of those on some columns, rows stray. Shape: ``(n_leaves, n_rows)``."""
    found = np.zeros((paths.value.size, strays.shape[1]), dtype=np.int16)
    for column in columns:
        parts = np.flatnonzero(paths.column == column)
        found[paths.leaf[parts]] += strays[parts]
    return found
