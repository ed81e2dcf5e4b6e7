"""How much a run will write, roughly, so that a full disk is said before any work."""

from nncli.settings import EffortSettings
from nncli.training.budget import Plan
from nncli.training.variants import MOST_CHOSEN

_COPIES_IN_TRAINING = 10
"""Of a network's numbers, in two checkpoints: as they are, averaged, at their best, and up to two moments of each."""
_SHARE_OF_ITERATIONS = 0.1
"""Boosting usually stops long before the most iterations."""
_NODES_OF_A_TREE, _BYTES_OF_A_NODE = 61, 50
_SHARE_HELD_OUT, _SIDES_HELD_OUT = 0.5, 4
_BYTES_OF_PAGES = 2_000_000


def bytes_to_write(recipe: Plan, n_rows: int, effort: EffortSettings) -> int:
    """Of checkpoints, model and report together.

    Args:
        recipe: of the network.
        n_rows: of the table.
        effort: how many networks and trees there may be.
    """
    a = recipe.architecture
    copies = _COPIES_IN_TRAINING + effort.n_trials + min(effort.n_trials, MOST_CHOSEN)
    n_trees = _SHARE_OF_ITERATIONS * effort.tree_iterations * a.n_classes
    trees = n_trees * _NODES_OF_A_TREE * _BYTES_OF_A_NODE
    heldout = _SHARE_HELD_OUT * n_rows * a.n_classes * _SIDES_HELD_OUT * 8
    return round(_BYTES_OF_PAGES + 4 * copies * a.n_parameters + trees + heldout)
