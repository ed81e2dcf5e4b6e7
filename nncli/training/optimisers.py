"""Gradient descent by name.

By torch's functional interface: the classes of ``torch.optim`` load ``torch._dynamo`` when they are made, a second of
imports for what is never compiled here; on a small table that is half of the training.
"""

from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from nncli.settings import NetworkKind, Optimizer, TrainingSettings

_LEARNING_RATES: dict[Optimizer, float] = {"sgd": 0.02, "adam": 2e-3, "adamw": 2e-3, "muon": 0.024}
_MUON_REST = 1 / 8
"""Parameters that are no hidden weights learn by AdamW at this share of Muon's rate."""
_MOMENTUM = 0.9
_BETAS, _EPSILON = (0.9, 0.999), 1e-8
_MUON_MOMENTUM = 0.95
_NEWTON_SCHULZ = 3.4445, -4.7750, 2.0315
_NEWTON_SCHULZ_STEPS = 5


class Optimiser(Protocol):
    """Moves parameters by the gradients that stand at them."""

    def step(self) -> None:
        """One step."""

    @property
    def state(self) -> Sequence[Tensor]:
        """What it remembers from step to step; whoever writes into it makes it go on from there."""


def choose_optimiser(settings: TrainingSettings, kind: NetworkKind) -> Optimizer:
    """The optimiser that was asked for, else the recipe's: Muon's rates suit a plain MLP badly."""
    return settings.optimizer or ("muon" if kind == "tabm" else "adamw")


def default_learning_rate(optimizer: Optimizer) -> float:
    """The rate that suits an optimiser on most tables."""
    return _LEARNING_RATES[optimizer]


def decays_weights(optimizer: Optimizer) -> bool:
    """Whether a weight decay has an effect."""
    return optimizer in ("adamw", "muon")


def make_optimisers(module: nn.Module, optimizer: Optimizer, rate: float, weight_decay: float) -> list[Optimiser]:
    """The optimisers that together move all parameters of a module."""
    parameters = list(module.parameters())
    if optimizer == "sgd":
        return [SGD(parameters, rate)]
    if optimizer in ("adam", "adamw"):
        return [AdamW(parameters, rate, weight_decay if decays_weights(optimizer) else 0.0)]
    weights = [p for name, p in module.named_parameters() if _is_hidden_weight(name)]
    rest = [p for name, p in module.named_parameters() if not _is_hidden_weight(name)]
    return [Muon(weights, rate, weight_decay), AdamW(rest, rate * _MUON_REST, weight_decay)]


def _is_hidden_weight(name: str) -> bool:
    return name.startswith("hidden.") and name.endswith(".weight")


def _gradients(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


class SGD:
    """Plain gradient descent with Nesterov's momentum."""

    def __init__(self, parameters: Sequence[Tensor], rate: float) -> None:
        """Takes the parameters and the learning rate."""
        self.parameters, self._rate = list(parameters), rate
        self._momenta: list[Tensor | None] = [torch.zeros_like(parameter) for parameter in parameters]

    @property
    def state(self) -> Sequence[Tensor]:
        """The momenta."""
        return [momentum for momentum in self._momenta if momentum is not None]

    @torch.no_grad()
    def step(self) -> None:
        """One step for every parameter."""
        sgd(
            self.parameters, _gradients(self.parameters), self._momenta,
            lr=self._rate, momentum=_MOMENTUM, nesterov=True, dampening=0.0, weight_decay=0.0, maximize=False,
        )  # fmt: skip


class AdamW:
    """Adam with decoupled weight decay; without any it is Adam.

    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
    """

    def __init__(self, parameters: Sequence[Tensor], rate: float, weight_decay: float) -> None:
        """Takes the parameters, the learning rate and the decay."""
        self.parameters, self._rate, self._weight_decay = list(parameters), rate, weight_decay
        self._means = [torch.zeros_like(parameter) for parameter in parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in parameters]
        self._steps = [torch.zeros((), dtype=torch.float32, device=parameter.device) for parameter in parameters]
        self._is_fused = self.parameters[0].device.type in ("cpu", "cuda")

    @property
    def state(self) -> Sequence[Tensor]:
        """Both moments and the number of the step, which has a tensor for each parameter."""
        return [*self._means, *self._squares, *self._steps]

    @torch.no_grad()
    def step(self) -> None:
        """One step for every parameter."""
        adamw(
            self.parameters, _gradients(self.parameters), self._means, self._squares, [], self._steps,
            fused=self._is_fused, amsgrad=False, beta1=_BETAS[0], beta2=_BETAS[1], lr=self._rate,
            weight_decay=self._weight_decay, eps=_EPSILON, maximize=False,
        )  # fmt: skip


class Muon:
    """Steps along the nearest orthogonal matrix to the momentum of each matrix of a stack.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; for tables Rubachev et al.
    2026, arXiv 2604.15297. torch has one of its own, for single matrices and in bfloat16, which is slow on most CPUs.

    Shape:
        parameters: ``(n_nets, d_in, d_out)``.
    """

    def __init__(self, parameters: Sequence[Tensor], rate: float, weight_decay: float) -> None:
        """Takes the stacks of matrices, the learning rate and the decoupled decay."""
        self.parameters, self._rate, self._weight_decay = list(parameters), rate, weight_decay
        # Matrices of one size are made orthogonal together: small products cost little more than one.
        self._alike = defaultdict[torch.Size, list[Tensor]](list)
        for parameter in self.parameters:
            self._alike[parameter.shape].append(parameter)
        self._momenta = {parameter: torch.zeros_like(parameter) for parameter in self.parameters}

    @property
    def state(self) -> Sequence[Tensor]:
        """The momenta."""
        return list(self._momenta.values())

    @torch.no_grad()
    def step(self) -> None:
        """One step for every parameter."""
        for parameters in self._alike.values():
            self._move(parameters)

    def _move(self, parameters: list[Tensor]) -> None:
        directions = orthogonalised(torch.cat([self._look_ahead(parameter) for parameter in parameters]))
        d_in, d_out = parameters[0].shape[-2:]
        for parameter, direction in zip(parameters, torch.split(directions, len(parameters[0])), strict=True):
            length = self._rate * sqrt(max(1, d_out / d_in))
            parameter.mul_(1 - self._rate * self._weight_decay).add_(direction, alpha=-length)

    def _look_ahead(self, parameter: Tensor) -> Tensor:
        """Nesterov's momentum."""
        gradient, momentum = parameter.grad, self._momenta[parameter]
        assert gradient is not None
        return gradient.lerp(momentum.lerp_(gradient, 1 - _MUON_MOMENTUM), _MUON_MOMENTUM)


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
