"""The network's forward pass in numpy: what ``predict`` runs, equal to torch's within rounding.

Rows go through in blocks of one fixed size, the last one padded, because the order in which a matrix product
adds up depends on its shape: so a row's answer does not depend on how many rows came with it.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture
from nncli.bundle.curves import NumberCurves
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
    "relu": lambda x: np.maximum(x, np.float32(0), out=x),  # in place: its input is always a fresh product
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
        has_curves = architecture.n_bins and architecture.n_num
        self._curves = NumberCurves(architecture, arrays) if has_curves else None
        self._hot = {j: _one_hot_rows(architecture.cat_cardinalities[j]) for j in architecture.one_hot}
        self._layers = [folded_layer(architecture, arrays, i) for i in range(len(architecture.layers))]
        self._activation = _ACTIVATIONS[architecture.activation]

    def predict_proba(self, inputs: NetworkInputs) -> NDArray[np.float64]:
        """Mean of the members' probabilities. Shape: ``(n_rows, n_classes)``."""
        architecture = self._architecture
        proba = np.empty((len(inputs), architecture.n_classes))
        x = np.zeros((architecture.n_nets, BLOCK_ROWS, architecture.d_in), dtype=np.float32)
        for start in range(0, len(inputs), BLOCK_ROWS):
            block = inputs.take(slice(start, start + BLOCK_ROWS))
            self._fill(x[:, : len(block)], block)
            proba[start : start + len(block)] = self._block_proba(x)[: len(block)]
        return proba

    def _fill(self, x: Array, rows: NetworkInputs) -> None:
        """Writes everything that the first layer sees, shape ``(n_nets, n_rows, d_in)``."""
        architecture, n_rows = self._architecture, len(rows)
        numbers = self._curves(rows.x_num, rows.x_value) if self._curves else rows.x_num[None]
        n_plain = architecture.n_dense - architecture.n_text
        text = rows.x_dense[:, n_plain:] * np.float32(architecture.text_scale)
        one_hot = [table.take(rows.x_cat[:, j], axis=0) for j, table in self._hot.items()]
        vectors = [self._arrays[f"cat.{j}"].take(rows.x_cat[:, j], axis=1) for j in architecture.embedded]
        at = 0
        shared = [part[None] for part in (rows.x_dense[:, :n_plain], text, *one_hot)]
        for part in (numbers.reshape(len(numbers), n_rows, -1), *shared, *vectors):
            x[:, :, at : at + part.shape[2]] = part
            at += part.shape[2]

    def _block_proba(self, x: Array) -> Array:
        architecture = self._architecture
        for weight, bias in self._layers:
            # A row's members stand side by side: (n_nets, B * n_members, d) after the first layer.
            x = x.reshape(architecture.n_nets, -1, weight.shape[1]) @ weight
            x += bias
            x = self._activation(x)
        members = x.reshape(architecture.n_nets, BLOCK_ROWS, architecture.n_members, -1).transpose(0, 2, 1, 3)
        logits = members @ self._arrays["head.weight"] + self._arrays["head.bias"][:, :, None, :]
        logits -= logits.max(axis=3, keepdims=True)
        exponentials = np.exp(logits)
        proba: Array = (exponentials / exponentials.sum(axis=3, keepdims=True)).mean(axis=(0, 1))
        return proba


def _one_hot_rows(codes: int) -> Array:
    """A row for each code; that of code 0 is all zeros. Shape: ``(codes, codes - 1)``."""
    return np.eye(codes, dtype=np.float32)[:, 1:]


def folded_layer(architecture: Architecture, arrays: Mapping[str, Array], i: int) -> tuple[Array, Array]:
    """Weights ``(n_nets, d_in, d_out)`` and biases ``(n_nets, 1, d_out)``; of the first layer for all members."""
    weight, bias = arrays[f"hidden.{i}.weight"], arrays[f"hidden.{i}.bias"][:, None, :]
    if i == 0 and architecture.is_ensemble:
        scaled = arrays["scale"][:, :, :, None] * weight[:, :, None, :]
        return scaled.reshape(len(weight), weight.shape[1], -1), np.tile(bias, architecture.n_members)
    return weight, bias
