"""Gradient descent by name."""

from collections.abc import Iterator

import torch
from torch import nn

from nncli.settings import Optimizer, TrainingSettings

_LEARNING_RATES: dict[Optimizer, float] = {"sgd": 0.02, "adam": 2e-3, "adamw": 2e-3}
_MOMENTUM = 0.9
_UNDECAYED = ("bias", "linear")
"""Biases and linear number embeddings keep their size."""


def learning_rate(settings: TrainingSettings) -> float:
    """The learning rate that was asked for, else the optimiser's usual one."""
    return settings.learning_rate or _LEARNING_RATES[settings.optimizer]


def make_optimiser(module: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimiser over all parameters of a module."""
    rate = learning_rate(settings)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(module.parameters(), lr=rate, momentum=_MOMENTUM, nesterov=True)
    if settings.optimizer == "adam":
        return torch.optim.Adam(module.parameters(), lr=rate, fused=_can_fuse(module))
    decayed = list(_parameters(module, decayed=True))
    undecayed = list(_parameters(module, decayed=False))
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": undecayed, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, fused=_can_fuse(module))


def _parameters(module: nn.Module, decayed: bool) -> Iterator[nn.Parameter]:
    for name, parameter in module.named_parameters():
        if name.endswith(_UNDECAYED) != decayed:
            yield parameter


def _can_fuse(module: nn.Module) -> bool:
    return next(module.parameters()).device.type in ("cpu", "cuda")
