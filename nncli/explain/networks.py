"""A model's networks in torch, with what a row puts into their first layers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nncli.bundle.architecture import Architecture
from nncli.bundle.model import Model
from nncli.explain.swaps import column_of_inputs
from nncli.features.encoder import Features
from nncli.network.mlp import MLP, restored_mlps


@dataclass(frozen=True)
class Networks:
    """The networks that answer together, and what each of their inputs tells of."""

    mlps: Sequence[MLP]
    columns: Sequence[NDArray[np.int64]]
    """For each network the column of each input of its first layer, a position in ``encoder.columns``."""
    model: Model

    def inputs(self, features: Features) -> list[Tensor]:
        """What the first layers see of rows. Shape of each: ``(n_nets, n_rows, d_in)``."""
        tensors = [torch.tensor(array) for array in self.model.description.scaler.scale(features).arrays]
        return [mlp.first_layer_inputs(*tensors) for mlp in self.mlps]

    def log_proba(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logarithms of the probabilities before calibration. Shape: ``(n_rows, n_classes)``."""
        return _log_mean([_log_mean_of_members(mlp, x) for mlp, x in zip(self.mlps, inputs, strict=True)])


def restored_networks(model: Model) -> Networks:
    """The networks of a model."""
    mlps = restored_mlps(model.description.networks, model.weights)
    return Networks(mlps, [_columns(model, architecture) for architecture in model.description.networks], model)


def _log_mean_of_members(mlp: MLP, x: Tensor) -> Tensor:
    *_, logits = mlp.layers(x)
    return _log_mean(list(logits.log_softmax(dim=-1).flatten(0, 1)))


def _log_mean(logs: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(logs)).logsumexp(dim=0) - float(np.log(len(logs)))


def _columns(model: Model, architecture: Architecture) -> NDArray[np.int64]:
    """In the order of :attr:`Architecture.feature_widths`; an indicator of missing cells belongs to its column."""
    encoder, scaler = model.description.encoder, model.description.scaler
    n_cat = len(encoder.cat_cardinalities)
    categories, numbers, texts = np.split(column_of_inputs(model), [n_cat, n_cat + encoder.n_num])
    indicated = [column.has_missing for column in scaler.numeric]
    coded = categories[architecture.one_hot], categories[architecture.embedded]
    features = np.concatenate([numbers, numbers[np.array(indicated, dtype=np.bool_)], texts, *coded])
    return np.repeat(features, architecture.feature_widths)
