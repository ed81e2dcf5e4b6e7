"""Gradient descent by name."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from math import sqrt

import torch
from torch import Tensor, nn

from nncli.settings import NetworkKind, Optimizer, TrainingSettings

_LEARNING_RATES: dict[Optimizer, float] = {"sgd": 0.02, "adam": 2e-3, "adamw": 2e-3, "muon": 0.024}
_MUON_REST = 1 / 8
"""Parameters that are no hidden weights learn by AdamW at this share of Muon's rate."""
_MOMENTUM = 0.9
_MUON_MOMENTUM = 0.95
_NEWTON_SCHULZ = 3.4445, -4.7750, 2.0315
_NEWTON_SCHULZ_STEPS = 5


def choose_optimiser(settings: TrainingSettings, kind: NetworkKind) -> Optimizer:
    """The optimiser that was asked for, else the recipe's: Muon's rates suit a plain MLP badly."""
    return settings.optimizer or ("muon" if kind == "tabm" else "adamw")


def default_learning_rate(optimizer: Optimizer) -> float:
    """The rate that suits an optimiser on most tables."""
    return _LEARNING_RATES[optimizer]


def make_optimisers(
    module: nn.Module, optimizer: Optimizer, rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """The optimisers that together move all parameters of a module."""
    parameters = list(module.parameters())
    fused = parameters[0].device.type in ("cpu", "cuda")
    if optimizer == "sgd":
        return [torch.optim.SGD(parameters, lr=rate, momentum=_MOMENTUM, nesterov=True)]
    if optimizer == "adam":
        return [torch.optim.Adam(parameters, lr=rate, fused=fused)]
    if optimizer == "adamw":
        return [torch.optim.AdamW(parameters, lr=rate, weight_decay=weight_decay, fused=fused)]
    weights = [p for name, p in module.named_parameters() if _is_hidden_weight(name)]
    rest = [p for name, p in module.named_parameters() if not _is_hidden_weight(name)]
    adamw = torch.optim.AdamW(rest, lr=rate * _MUON_REST, weight_decay=weight_decay, fused=fused)
    return [Muon(weights, rate, weight_decay), adamw]


def _is_hidden_weight(name: str) -> bool:
    return name.startswith("hidden.") and name.endswith(".weight")


class Muon(torch.optim.Optimizer):
    """Steps along the nearest orthogonal matrix to the momentum of each matrix of a stack.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; for tables Rubachev et al.
    2026, arXiv 2604.15297. torch has one of its own, for single matrices and in bfloat16, which is slow on most CPUs.

    Shape:
        parameters: ``(n_nets, d_in, d_out)``.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        """Takes the stacks of matrices, the learning rate and the decoupled decay."""
        # Matrices of one size are made orthogonal together: small products cost little more than one.
        by_shape = defaultdict[torch.Size, list[Tensor]](list)
        for parameter in parameters:
            by_shape[parameter.shape].append(parameter)
        groups = [{"params": alike} for alike in by_shape.values()]
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step for every parameter."""
        for group in self.param_groups:
            self._move(group["params"], group["lr"], group["weight_decay"])

    def _move(self, parameters: list[Tensor], rate: float, weight_decay: float) -> None:
        directions = orthogonalised(torch.cat([self._look_ahead(parameter) for parameter in parameters]))
        d_in, d_out = parameters[0].shape[-2:]
        for parameter, direction in zip(parameters, torch.split(directions, len(parameters[0])), strict=True):
            parameter.mul_(1 - rate * weight_decay).add_(direction, alpha=-rate * sqrt(max(1, d_out / d_in)))

    def _look_ahead(self, parameter: Tensor) -> Tensor:
        """Nesterov's momentum."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        return gradient.lerp(state["momentum"].lerp_(gradient, 1 - _MUON_MOMENTUM), _MUON_MOMENTUM)


def orthogonalised(matrices: Tensor) -> Tensor:
    """The matrices with all singular values near 1, by five Newton-Schulz steps. Shape: ``(..., m, n)`` stays."""
    a, b, c = _NEWTON_SCHULZ
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.transpose(-1, -2) if is_tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_NEWTON_SCHULZ_STEPS):
        gram = x @ x.transpose(-1, -2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.transpose(-1, -2) if is_tall else x
