"""The network's forward pass in numpy: what ``predict`` runs, equal to torch's within rounding.

Rows go through in blocks of one fixed size, the last one padded, because the order in which a matrix product
adds up depends on its shape: so a row's answer does not depend on how many rows came with it.

ReLU costs one pass over the activations where bias and maximum would be two: max(x + b, 0) = max(x, -b) + b, and what
the last b adds is the same for every row, so it goes into the next bias.
"""

from collections.abc import Callable, Iterator, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture
from nncli.bundle.curves import NumberCurves
from nncli.features.scaling import NetworkInputs
from nncli.settings import Activation

Array = NDArray[np.float32]
Layer = tuple[Array, Array]
"""Weight and bias."""
BLOCK_ROWS, _EDGE_ROWS = 304, 8
"""Rows of a block, and rows of padding before and after them. OpenBLAS's products for AVX2 add up in another order
at the edges of what they take at once, which is up to 320 rows; a row there would depend on its place."""
_MOST_VECTORS = 1 << 23
"""Numbers in the vectors of numbers that are made at once, the most."""

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


_SMOOTH: dict[Activation, Callable[[Array], Array]] = {
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
        self._layers = _transposed_layers(architecture, arrays)

    def predict_proba(self, inputs: NetworkInputs) -> NDArray[np.float64]:
        """Mean of the members' probabilities. Shape: ``(n_rows, n_classes)``."""
        a = self._architecture
        proba = np.empty((len(inputs), a.n_classes))
        # Written again and again: memory that the system has to give anew would cost more than the products.
        room = np.empty((2, a.n_nets, a.n_members * max(a.layers) * (BLOCK_ROWS + 2 * _EDGE_ROWS)), dtype=np.float32)
        start = 0
        for x, n_rows in self._blocks(inputs):
            proba[start : start + n_rows] = self._block_proba(x, room)[_EDGE_ROWS : _EDGE_ROWS + n_rows]
            start += n_rows
        return proba

    def _blocks(self, inputs: NetworkInputs) -> Iterator[tuple[Array, int]]:
        """Padded blocks of what the first layer sees, and how many rows are in each.

        Shape:
            ``(n_nets, BLOCK_ROWS + 2 * _EDGE_ROWS, d_in)``.
        """
        a = self._architecture
        x = np.zeros((a.n_nets, BLOCK_ROWS + 2 * _EDGE_ROWS, a.d_in), dtype=np.float32)
        portion = BLOCK_ROWS * max(1, _MOST_VECTORS // (BLOCK_ROWS * max(1, a.n_nets * a.n_num * a.d_embedding)))
        for start in range(0, len(inputs), portion):
            rows = inputs.take(slice(start, start + portion))
            numbers = self._numbers(rows)
            for first in range(0, len(rows), BLOCK_ROWS):
                some = slice(first, first + BLOCK_ROWS)
                block = rows.take(some)
                self._fill(x[:, _EDGE_ROWS : _EDGE_ROWS + len(block)], numbers(some), block)
                yield x, len(block)

    def _numbers(self, rows: NetworkInputs) -> Callable[[slice], Array]:
        """What becomes of the numbers in some of the rows. Shape: ``(nets, n_rows, ...)``, one net for all or each."""
        if self._curves is None:
            return lambda some: rows.x_num[None, some]
        vectors, places = self._curves(rows.x_num, rows.x_value)
        return lambda some: vectors.take(places[some], axis=1)

    def _fill(self, x: Array, numbers: Array, rows: NetworkInputs) -> None:
        """Puts all inputs of the first layer side by side."""
        architecture, n_rows = self._architecture, len(rows)
        n_plain = architecture.n_dense - architecture.n_text
        text = rows.x_dense[:, n_plain:] * np.float32(architecture.text_scale)
        one_hot = [table.take(rows.x_cat[:, j], axis=0) for j, table in self._hot.items()]
        vectors = [self._arrays[f"cat.{j}"].take(rows.x_cat[:, j], axis=1) for j in architecture.embedded]
        at = 0
        shared = [part[None] for part in (rows.x_dense[:, :n_plain], text, *one_hot)]
        for part in (numbers.reshape(len(numbers), n_rows, -1), *shared, *vectors):
            x[:, :, at : at + part.shape[2]] = part
            at += part.shape[2]

    def _block_proba(self, x: Array, room: Array) -> Array:
        """Shape: ``(n_nets, B, d_in)`` to ``(B, n_classes)``; between them ``(n_nets, n_members, units, B)``."""
        a, n_rows = self._architecture, x.shape[1]
        *hidden, (head, head_bias) = self._layers
        x = x.swapaxes(1, 2)[:, None]
        for i, (weight, bias) in enumerate(hidden):
            shape = a.n_nets, x.shape[1], weight.shape[2], n_rows
            product = room[i % 2, :, : prod(shape[1:])].reshape(shape)
            x = self._activated(np.matmul(weight, x, out=product), bias)
            x = x.reshape(a.n_nets, a.n_members, -1, n_rows)  # the first layer makes all members at once
        logits = head @ x
        logits += head_bias
        logits -= logits.max(axis=2, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=2, keepdims=True)
        proba: Array = logits.mean(axis=(0, 1))
        return proba.T

    def _activated(self, x: Array, bias: Array) -> Array:
        if self._architecture.activation == "relu":
            return np.maximum(x, bias, out=x)
        x += bias
        return _SMOOTH[self._architecture.activation](x)


def _one_hot_rows(codes: int) -> Array:
    """A row for each code; that of code 0 is all zeros. Shape: ``(codes, codes - 1)``."""
    return np.eye(codes, dtype=np.float32)[:, 1:]


def folded_layer(architecture: Architecture, arrays: Mapping[str, Array], i: int) -> Layer:
    """Weights ``(n_nets, d_in, d_out)`` and biases ``(n_nets, 1, d_out)``; of the first layer for all members."""
    weight, bias = arrays[f"hidden.{i}.weight"], arrays[f"hidden.{i}.bias"][:, None, :]
    if i == 0 and architecture.is_ensemble:
        scaled = arrays["scale"][:, :, :, None] * weight[:, :, None, :]
        return scaled.reshape(len(weight), weight.shape[1], -1), np.tile(bias, architecture.n_members)
    return weight, bias


def _transposed_layers(architecture: Architecture, arrays: Mapping[str, Array]) -> list[Layer]:
    """All layers, the head last, for inputs of shape ``(n_nets, n_members, d_in, B)``.

    With ReLU there is a floor in the place of each hidden layer's bias, as the module's first lines say.
    """
    folded = [folded_layer(architecture, arrays, i) for i in range(len(architecture.layers))]
    layers = [(weight.swapaxes(1, 2)[:, None], bias.swapaxes(1, 2)[:, None]) for weight, bias in folded]
    layers.append((arrays["head.weight"].swapaxes(2, 3), arrays["head.bias"][:, :, :, None]))
    if architecture.activation == "relu":
        for i, width in enumerate(architecture.layers):
            (weight, bias), (next_weight, next_bias) = layers[i : i + 2]
            # The members' biases are the same, those of the first layer too.
            layers[i : i + 2] = (weight, -bias), (next_weight, next_bias + next_weight @ bias[:, :, :width])
    return [(np.ascontiguousarray(weight), bias) for weight, bias in layers]
