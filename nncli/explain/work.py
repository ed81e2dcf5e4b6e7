"""How long explaining takes, about, from sizes alone: the same model gets the same numbers on a machine of any speed.

The constants are of one core of a machine of 2024; ``tests/explain/test_work.py`` says what they count.
"""

import numpy as np

from nncli.bundle.model import Model
from nncli.settings import BOTH_SIDES, Side

_A_WEIGHT, _AN_INPUT = 2.5e-10, 5e-8
"""Seconds for one row and one weight of the network, and for each of its inputs."""
_A_SET, _A_NODE = 1.5e-8, 8e-9
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
    networks = [model.description.student] if side == "fast" else []
    d_in = model.description.scaler.n_dense + model.description.encoder.n_num + len(model.description.encoder.columns)
    weights = sum(network.n_weights for network in networks or model.description.networks if network)
    return (_A_WEIGHT * weights + _AN_INPUT * d_in) * n_columns * n_swaps
