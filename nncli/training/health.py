"""Whether a trained network uses its units."""

import torch
from torch import Tensor

from nncli.features.scaling import NetworkInputs
from nncli.network.mlp import restored_mlp
from nncli.training.loop import TrainedNetwork


@torch.no_grad()
def dead_units(network: TrainedNetwork, rows: NetworkInputs) -> tuple[float, ...]:
    """Share of each hidden layer's units that say the same of every row: nothing that they learned is used.

    Args:
        network: whose members' units are counted.
        rows: some hundreds at least, or units that are merely rare count as dead.
    """
    a = network.plan.architecture
    module = restored_mlp(a, {name: torch.from_numpy(array) for name, array in network.arrays.items()})
    activation, shares = module.activation, []

    def watched(x: Tensor) -> Tensor:
        x = activation(x)
        units = x.view(a.n_nets, -1, a.n_members, x.shape[2])  # (n_nets, B, n_members, units)
        shares.append(float((units.amax(dim=1) == units.amin(dim=1)).float().mean()))
        return x

    module.activation = watched
    module(*(torch.from_numpy(array) for array in rows.arrays))
    return tuple(shares)
