"""Layers of an ensemble of MLPs whose members share one weight matrix per layer."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nncli.network.embeddings import uniform_
from nncli.settings import Activation

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),  # the exact one needs an erf that numpy lacks
    "selu": F.selu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
}


class EnsembleLinear(nn.Module):
    """``y_k = s_k * (W (r_k * x_k)) + b_k`` for each member k: W is shared, r, s and b are the member's own.

    Source: Wen et al. 2020, "BatchEnsemble". The scalings are multiplied into the weights, not into the rows: the
    same sums with fewer operations as soon as a batch has more rows than the layer has units.

    Shape:
        ``(n_members or 1, B, d_in)`` to ``(n_members, B, d_out)``.
    """

    def __init__(self, d_in: int, d_out: int, n_members: int, generator: torch.Generator) -> None:
        """Starts with all members equal; one member alone has no scalings."""
        super().__init__()
        self.weight = nn.Parameter(uniform_((d_in, d_out), d_in, generator))
        self.n_members = n_members
        if n_members > 1:
            self.r = nn.Parameter(torch.ones(n_members, d_in))
            self.s = nn.Parameter(torch.ones(n_members, d_out))
        self.bias = nn.Parameter(uniform_((1, d_out), d_in, generator).repeat(n_members, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Applies every member's weights."""
        weight = self.weight.unsqueeze(0)
        if self.n_members > 1:
            weight = weight * self.r.unsqueeze(2) * self.s.unsqueeze(1)
        return torch.baddbmm(self.bias.unsqueeze(1), x.expand(self.n_members, -1, -1), weight)


class SharedDropout(nn.Module):
    """Dropout with one mask for all members: drawing a mask for each would cost as much as the matrix product."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        """Takes the share of units to switch off."""
        super().__init__()
        self._rate, self._generator = rate, generator

    def forward(self, x: Tensor) -> Tensor:
        """Switches units off while training; shape ``(n_members, B, d)`` stays."""
        if not self.training or self._rate == 0:
            return x
        drawn = torch.empty(x.shape[1:], dtype=torch.int16, device=x.device).random_(generator=self._generator)
        kept = drawn >= self._rate * 2**15  # random_ fills an int16 with 0 to 2**15 - 1
        return x * (kept / (1 - self._rate))
