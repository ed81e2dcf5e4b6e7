"""What each column adds to either side's answer for one row, on the scale of :mod:`~nncli.explain.scores`.

For the network integrated gradients (Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks"): the
inputs of the first layer go straight from those of the typical training row, with the mean of texts, to those of the
row, and each gets its share of what the score gains on the way. For the trees exact Shapley values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nncli.bundle.model import Model
from nncli.bundle.trees import tree_inputs
from nncli.evaluation.metrics import Floats
from nncli.explain.networks import Networks
from nncli.explain.scores import contrast, of_outputs
from nncli.explain.shapley import tree_shap
from nncli.explain.swaps import column_of_inputs
from nncli.features.encoder import Features
from nncli.prediction.occlusion import typical_features

_STEPS_AT_ONCE, _MOST_STEPS = 64, 4096
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Attribution:
    """A score taken apart."""

    start: float
    """Where the parts begin: the network's score of the typical training row, the mean of the trees'."""
    score: float
    """Of the row."""
    parts: Floats
    """What each column adds, in the order of ``encoder.columns``. Shape: ``(n_columns,)``."""

    @property
    def residual(self) -> float:
        """What the parts miss of the difference."""
        return self.score - self.start - float(self.parts.sum())


def network_attribution(networks: Networks, features: Features, class_number: int) -> Attribution:
    """Integrated gradients by the midpoint rule, with more steps until the parts add up or there are 4096.

    Args:
        networks: of the model.
        features: of the row.
        class_number: whose score is taken apart.
    """
    description = networks.model.description
    weights = contrast(len(networks.model.classes), class_number) / description.network_calibration.temperature
    starts, ends = (networks.inputs(given) for given in (_typical(networks.model), features))
    start, score = (_scores(networks, inputs, weights).item() for inputs in (starts, ends))
    n_steps = _STEPS_AT_ONCE
    while True:
        parts = _integrated(networks, starts, ends, weights, n_steps)
        found = Attribution(start, score, parts)
        if abs(found.residual) <= _TOLERANCE or n_steps >= _MOST_STEPS:
            return found
        n_steps *= 4


def trees_attribution(model: Model, features: Features, class_number: int) -> Attribution:
    """Shapley values by the trees' training rows.

    Args:
        model: whose trees they are.
        features: of the row.
        class_number: whose score is taken apart.
    """
    columns = model.description.encoder.columns
    x = tree_inputs(features)
    shap = tree_shap(model.trees, x, column_of_inputs(model), len(columns))
    weights = contrast(len(model.classes), class_number) / model.description.trees_calibration.temperature
    weights = of_outputs(weights, shap.expected.size)
    return Attribution(float(weights @ shap.expected), float(weights @ model.trees.raw(x)[0]), weights @ shap.parts)


def _typical(model: Model) -> Features:
    """Of the typical training row; of texts, which have no typical cell, the mean."""
    typical, mean = typical_features(model), model.description.scaler.text_mean
    return replace(typical, x_text=np.array([mean], dtype=np.float32).reshape(1, -1))


def _scores(networks: Networks, inputs: Sequence[Tensor], weights: Floats) -> Tensor:
    """Shape: ``(n_rows,)``."""
    return networks.log_proba(inputs).double() @ torch.tensor(weights)


def _integrated(
    networks: Networks, starts: Sequence[Tensor], ends: Sequence[Tensor], weights: Floats, n_steps: int
) -> Floats:
    """What each column adds. Shape: ``(n_columns,)``."""
    ways = [end - start for start, end in zip(starts, ends, strict=True)]
    sums = [torch.zeros_like(way[:, 0], dtype=torch.float64) for way in ways]
    for first in range(0, n_steps, _STEPS_AT_ONCE):
        steps = (torch.arange(first, first + _STEPS_AT_ONCE) + 0.5) / n_steps
        points = [(s + steps[:, None] * way).requires_grad_() for s, way in zip(starts, ways, strict=True)]
        gradients = torch.autograd.grad(_scores(networks, points, weights).sum(), points)
        for total, gradient in zip(sums, gradients, strict=True):
            total += gradient.double().sum(dim=1)
    parts = np.zeros(len(networks.model.description.encoder.columns))
    for columns, total, way in zip(networks.columns, sums, ways, strict=True):
        of_inputs = (total * way[:, 0] / n_steps).sum(dim=0).numpy()
        parts += np.bincount(columns, of_inputs, parts.size)
    return parts
