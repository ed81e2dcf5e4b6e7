"""How long explaining takes, about, from sizes alone: a model gets the same numbers on machines of any speed.

The constants were measured on one core of a server of 2024, on tables of 7 to 300 columns.
"""

import numpy as np

from nncli.bundle.model import Model
from nncli.settings import BOTH_SIDES, Side

_A_WEIGHT, _AN_INPUT = 6e-11, 5e-9
"""Seconds for one row and one weight of the network, and for each of its inputs."""
_A_SET, _A_NODE = 8e-9, 2e-8
"""Seconds for one row and one tree with a column that is swapped, and once for each node."""


def swap_seconds(model: Model, side: Side, n_columns: int, n_swaps: int = 1) -> float:
    """Seconds for each row until a side has answered all swaps.

    Args:
        model: that answers.
        side: of the model.
        n_columns: that are swapped,
        n_swaps: each so often.
    """
    if side == "blend":
        return sum(swap_seconds(model, part, n_columns, n_swaps) for part in BOTH_SIDES)
    if side == "trees":
        trees, n_all = model.trees, len(model.description.encoder.columns)
        inner = np.flatnonzero(trees.is_leaf == 0)
        n_sets = min(trees.roots.size * n_columns, inner.size * n_columns / n_all)
        return _A_NODE * inner.size + _A_SET * n_sets * n_swaps
    student = model.description.student if side == "fast" else None
    networks = [student] if student else model.description.networks
    return sum(_A_WEIGHT * a.n_weights + _AN_INPUT * a.d_in for a in networks) * n_columns * n_swaps
