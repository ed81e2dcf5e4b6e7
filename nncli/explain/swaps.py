"""What a model would answer if one column's cells came from other rows: all that importance and dependence need."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.bundle.trees import tree_inputs
from nncli.evaluation.blend import blend
from nncli.evaluation.metrics import Floats
from nncli.explain.tree_swaps import swapped_raw
from nncli.features.encoder import Features, Place
from nncli.settings import BOTH_SIDES, Side

_CELLS_AT_ONCE = 2_000_000
"""Of features that are copied together."""


@dataclass(frozen=True)
class Swap:
    """One column whose cells come from other rows."""

    column: int
    """Its position in ``encoder.columns``."""
    donors: NDArray[np.int64]
    """The row that gives each row its cell. Shape: ``(n_rows,)``."""


def swapped_proba(
    model: Model, side: Side, features: Features, donors: Features, swaps: Sequence[Swap]
) -> Iterator[Floats]:
    """A side's probabilities for the same rows after each swap, in the swaps' order.

    Args:
        model: that answers.
        side: of the model.
        features: of the rows.
        donors: of the rows that give cells; they may be the same.
        swaps: each alone.

    Yields:
        Shape ``(n_rows, n_classes)``.
    """
    if side == "blend":
        both = (swapped_proba(model, part, features, donors, swaps) for part in BOTH_SIDES)
        for network, trees in zip(*both, strict=True):
            yield blend(network, trees)
    elif side == "trees":
        yield from _by_trees(model, features, donors, swaps)
    else:
        yield from _by_network(model, side, features, donors, swaps)


def _by_network(
    model: Model, side: Side, features: Features, donors: Features, swaps: Sequence[Swap]
) -> Iterator[Floats]:
    """Many swaps at once: to prepare few rows takes nearly as long as to prepare many."""
    places, n_rows = model.description.encoder.places, len(features)
    at_once = max(1, _CELLS_AT_ONCE // max(1, n_rows * _width(features)))
    for start in range(0, len(swaps), at_once):
        some = swaps[start : start + at_once]
        proba = model.predict_proba(_swapped(features, donors, some, places), side)
        yield from proba.reshape(len(some), n_rows, -1)


def _swapped(features: Features, donors: Features, swaps: Sequence[Swap], places: Sequence[Place]) -> Features:
    """The rows once for each swap, one after another."""
    n_rows, names = len(features), ("x_num", "x_cat", "x_text")
    copies: dict[str, Any] = {name: np.tile(getattr(features, name), (len(swaps), 1)) for name in names}
    for i, swap in enumerate(swaps):
        place = places[swap.column]
        cells = getattr(donors, place.array)[swap.donors, place.columns]
        copies[place.array][i * n_rows : (i + 1) * n_rows, place.columns] = cells
    return replace(features, **copies)


def _by_trees(model: Model, features: Features, donors: Features, swaps: Sequence[Swap]) -> Iterator[Floats]:
    x = tree_inputs(features)
    given = x if donors is features else tree_inputs(donors)
    pairs = [(swap.column, swap.donors) for swap in swaps]
    for raw in swapped_raw(model.trees, x, given, column_of_inputs(model), pairs):
        yield model.description.calibration("trees").apply(model.trees.to_proba(raw))


def column_of_inputs(model: Model) -> NDArray[np.int64]:
    """For each of the trees' inputs, the position of its column in ``encoder.columns``."""
    encoder = model.description.encoder
    order = {"x_cat": 0, "x_num": 1, "x_text": 2}
    places = sorted(enumerate(encoder.places), key=lambda item: order[item[1].array])  # stable: as they stand there
    widths = [place.columns.stop - place.columns.start for _, place in places]
    return np.repeat([column for column, _ in places], widths).astype(np.int64)


def _width(features: Features) -> int:
    return sum(int(part.shape[1]) for part in (features.x_num, features.x_cat, features.x_text))
