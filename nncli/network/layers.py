"""Layers of a stack of independent nets: one batched matrix product does the work of all."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nncli.network.embeddings import uniform_
from nncli.settings import Activation

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,  # in place: its input is always a fresh product
    "tanh": torch.tanh,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),  # the exact one needs an erf that numpy lacks
    "selu": F.selu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
}


class StackedLinear(nn.Module):
    """A linear layer in each net.

    Shape:
        ``(n_nets, rows, d_in)`` to ``(n_nets, rows, d_out)``; with a scale of ``(n_nets, d_in, n_members)`` to
        ``(n_nets, rows * n_members, d_out)``, a row's members side by side.
    """

    def __init__(self, n_nets: int, d_in: int, d_out: int, generator: torch.Generator) -> None:
        """Starts with small random weights."""
        super().__init__()
        self.weight = nn.Parameter(uniform_((n_nets, d_in, d_out), d_in, generator))
        self.bias = nn.Parameter(uniform_((n_nets, d_out), d_in, generator))

    def forward(self, x: Tensor, scale: Tensor | None = None, kept: Tensor | None = None) -> Tensor:
        """Applies every net's weights to its rows.

        Scale and kept units are multiplied into the weights, not into the rows: ``(x * scale_k) W`` for all members k
        is one product, and rows need no copy for each member.

        Args:
            x: rows.
            scale: a factor for each member and input.
            kept: a factor for each input, ``(n_nets, d_in)``; see :class:`BatchDropout`.
        """
        weight = self.weight if kept is None else self.weight * kept.unsqueeze(2)
        if scale is None:
            return torch.baddbmm(self.bias.unsqueeze(1), x, weight)
        n_nets, d_in, d_out = weight.shape
        weights = (scale.unsqueeze(3) * weight.unsqueeze(2)).view(n_nets, d_in, -1)
        bias = self.bias.unsqueeze(1).repeat(1, 1, scale.shape[2])
        return torch.baddbmm(bias, x, weights).view(n_nets, -1, d_out)


class BatchDropout(nn.Module):
    """Dropout with one mask for all rows of a batch: each step trains a thinner net.

    A mask for each row would cost as much as the matrix product. One for the batch is a factor of the next layer's
    weights and costs nothing; there are many steps, so it is no worse.
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        """Takes the share of units to switch off."""
        super().__init__()
        self._rate, self.generator = rate, generator

    def forward(self, n_nets: int, n_units: int) -> Tensor | None:
        """A factor for each unit of each net, ``(n_nets, n_units)``; ``None`` where all stay on."""
        if not self.training or self._rate == 0:
            return None
        drawn = torch.empty(n_nets, n_units, device=self.generator.device).uniform_(generator=self.generator)
        return (drawn >= self._rate) / (1 - self._rate)
