"""The network's forward pass for one row: what every layer does, and how the answer of ``predict`` comes of it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nncli.evaluation.metrics import Floats
from nncli.explain.networks import Networks
from nncli.features.encoder import Features
from nncli.network.mlp import MLP


@dataclass(frozen=True)
class Layer:
    """The numbers that one layer of a network gives out."""

    name: str
    shape: tuple[int, ...]
    """Nets, members where the layer knows them, units."""
    low: float
    mean: float
    high: float
    off: float | None
    """Share of the units that are 0, where an activation can switch them off."""


@dataclass(frozen=True)
class NetworkTrace:
    """One network's way to its answer."""

    form: str
    activation: str
    layers: tuple[Layer, ...]
    logits: Floats
    """Mean over its members. Shape: ``(n_classes,)``."""
    members: Floats
    """Probabilities of each member of each net. Shape: ``(n_nets, n_members, n_classes)``."""


@dataclass(frozen=True)
class Trace:
    """The whole forward pass. Shape of the probabilities: ``(n_classes,)``."""

    networks: tuple[NetworkTrace, ...]
    mean: Floats
    """Of all members' probabilities in a network, then of the networks'."""
    temperature: float
    uniform_share: float
    calibrated: Floats
    """What ``predict`` answers."""


def trace_row(networks: Networks, features: Features) -> Trace:
    """Runs one row through every layer.

    Args:
        networks: of the model.
        features: of the row.
    """
    pairs = zip(networks.mlps, networks.inputs(features), strict=True)
    found = tuple(_network_trace(mlp, inputs) for mlp, inputs in pairs)
    mean: Floats = np.mean([network.members.mean(axis=(0, 1)) for network in found], axis=0)
    calibration = networks.model.description.network_calibration
    calibrated = calibration.apply(mean[None])[0]
    return Trace(found, mean, calibration.temperature, calibration.uniform_share, calibrated)


@torch.no_grad()
def _network_trace(mlp: MLP, inputs: Tensor) -> NetworkTrace:
    a = mlp.architecture
    *hidden, logits = mlp.layers(inputs)
    named = [(f"hidden {number}", x) for number, x in enumerate(hidden, start=1)]
    layers = (
        _layer("inputs", inputs[:, 0], False),
        *(_layer(name, x.view(a.n_nets, a.n_members, -1), a.activation == "relu") for name, x in named),
        _layer("logits", logits[:, :, 0], False),
    )
    of_members = logits[:, :, 0].double()
    return NetworkTrace(
        a.form, a.activation, layers, of_members.mean(dim=(0, 1)).numpy(), of_members.softmax(dim=-1).numpy()
    )


def _layer(name: str, x: Tensor, switches_off: bool) -> Layer:
    off = (x == 0).double().mean().item() if switches_off else None
    return Layer(name, tuple(x.shape), x.min().item(), x.mean().item(), x.max().item(), off)
