"""The network's forward pass in numpy: what ``predict`` runs, equal to torch's within rounding.

Rows go through in blocks of one fixed size, the last one padded, because the order in which a matrix product
adds up depends on its shape: so a row's answer does not depend on how many rows came with it.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture
from nncli.features.scaling import NetworkInputs
from nncli.settings import Activation

Array = NDArray[np.float32]
BLOCK_ROWS = 256
"""Rows of a block."""

_SELU_SCALE, _SELU_ALPHA = np.float32(1.0507009873554805), np.float32(1.6732632423543772)
_GELU_FACTOR = np.float32(np.sqrt(2 / np.pi))


def _sigmoid(x: Array) -> Array:
    sigmoid: Array = np.float32(1) / (np.float32(1) + np.exp(np.minimum(-x, np.float32(80))))
    return sigmoid


def _selu(x: Array) -> Array:
    negative = _SELU_ALPHA * np.expm1(np.minimum(x, np.float32(0)))
    scaled: Array = _SELU_SCALE * np.where(x > 0, x, negative)
    return scaled


def _gelu(x: Array) -> Array:
    gelu: Array = np.float32(0.5) * x * (1 + np.tanh(_GELU_FACTOR * (x + np.float32(0.044715) * x**3)))
    return gelu


_ACTIVATIONS: dict[Activation, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, np.float32(0)),
    "tanh": np.tanh,
    "gelu": _gelu,
    "selu": _selu,
    "silu": lambda x: x * _sigmoid(x),
    "sigmoid": _sigmoid,
}


class NumpyNetwork:
    """A trained network, its members' scalings folded into the first layer's weights."""

    def __init__(self, architecture: Architecture, arrays: Mapping[str, Array]) -> None:
        self._architecture = architecture
        self._arrays = arrays
        self._layers = [folded_layer(architecture, arrays, i) for i in range(len(architecture.layers))]
        self._activation = _ACTIVATIONS[architecture.activation]

    def predict_proba(self, inputs: NetworkInputs) -> NDArray[np.float64]:
        """Mean of the members' probabilities. Shape: ``(n_rows, n_classes)``."""
        proba = np.empty((len(inputs), self._architecture.n_classes))
        for start in range(0, len(inputs), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            proba[block] = self._block_proba(self._first_layer_inputs(inputs.take(block)))[: len(proba[block])]
        return proba

    def _first_layer_inputs(self, rows: NetworkInputs) -> Array:
        """Everything that the first layer sees. Shape: ``(n_nets, BLOCK_ROWS, d_in)``, padded with zeros."""
        architecture = self._architecture
        x = np.zeros((architecture.n_nets, BLOCK_ROWS, architecture.d_in), dtype=np.float32)
        n_rows, x_cat = len(rows), rows.x_cat
        numbers = self._embedded_numbers(rows.x_num, rows.x_value)
        at = numbers.shape[2]
        x[:, :n_rows, :at] = numbers
        x[:, :n_rows, at : at + architecture.n_dense] = rows.x_dense
        at += architecture.n_dense
        x[:, :, at - architecture.n_text : at] *= np.float32(architecture.text_scale)
        for j in architecture.one_hot:
            known = np.flatnonzero(x_cat[:, j])
            x[:, known, at + x_cat[known, j] - 1] = 1
            at += architecture.cat_cardinalities[j] - 1
        for j in architecture.embedded:
            table = self._arrays[f"cat.{j}"]
            x[:, :n_rows, at : at + table.shape[2]] = table[:, x_cat[:, j]]
            at += table.shape[2]
        return x

    def _embedded_numbers(self, x_num: Array, x_value: NDArray[np.int32]) -> Array:
        """Shape: ``(n_nets or 1, n_rows, n_num * d_embedding)``."""
        if not self._architecture.n_bins or not self._architecture.n_num:
            return x_num[None]
        padded = np.zeros((BLOCK_ROWS, x_num.shape[1]), dtype=np.float32)
        padded[: len(x_num)] = x_num
        columns = padded.T[:, :, None]  # (n_num, B, 1)
        a = self._arrays
        shares = np.clip((columns - a["num.left"][:, None, :]) * a["num.inverse_width"][:, None, :], 0, 1)
        embedded: Array = columns * a["num.linear"][:, :, None] + a["num.bias"][:, :, None] + shares @ a["num.bins"]
        if self._architecture.n_value_nets:
            self._add_values(embedded[-self._architecture.n_value_nets :], x_value)
        return embedded.transpose(0, 2, 1, 3).reshape(len(embedded), BLOCK_ROWS, -1)[:, : len(x_num)]

    def _add_values(self, embedded: Array, x_value: NDArray[np.int32]) -> None:
        """Adds the vectors of values to those of their numbers, ``(n_value_nets, n_num, BLOCK_ROWS, d_embedding)``."""
        first = 0
        for column, j in enumerate(self._architecture.valued):
            embedded[:, j, : len(x_value)] += self._arrays["values"][:, first + x_value[:, column]]
            first += self._architecture.value_cardinalities[j]

    def _block_proba(self, x: Array) -> Array:
        architecture = self._architecture
        for weight, bias in self._layers:
            # A row's members stand side by side: (n_nets, B * n_members, d) after the first layer.
            x = x.reshape(architecture.n_nets, -1, weight.shape[1])
            x = self._activation(x @ weight + bias)
        members = x.reshape(architecture.n_nets, BLOCK_ROWS, architecture.n_members, -1).transpose(0, 2, 1, 3)
        logits = members @ self._arrays["head.weight"] + self._arrays["head.bias"][:, :, None, :]
        logits -= logits.max(axis=3, keepdims=True)
        exponentials = np.exp(logits)
        proba: Array = (exponentials / exponentials.sum(axis=3, keepdims=True)).mean(axis=(0, 1))
        return proba


def folded_layer(architecture: Architecture, arrays: Mapping[str, Array], i: int) -> tuple[Array, Array]:
    """Weights ``(n_nets, d_in, d_out)`` and biases ``(n_nets, 1, d_out)``; of the first layer for all members."""
    weight, bias = arrays[f"hidden.{i}.weight"], arrays[f"hidden.{i}.bias"][:, None, :]
    if i == 0 and architecture.is_ensemble:
        scaled = arrays["scale"][:, :, :, None] * weight[:, :, None, :]
        return scaled.reshape(len(weight), weight.shape[1], -1), np.tile(bias, architecture.n_members)
    return weight, bias
