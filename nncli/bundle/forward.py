"""The network's forward pass in numpy: what ``predict`` runs, equal to torch's within rounding.

Rows go through in blocks of one fixed size, the last one padded, because the order in which a matrix product
adds up depends on its shape: so a row's answer does not depend on how many rows came with it, nor on its place, where
BLAS has one thread, as ``predict`` gives it.

ReLU costs one pass over the activations where bias and maximum would be two: max(x + b, 0) = max(x, -b) + b, and what
the last b adds is the same for every row, so it goes into the next bias.
"""

from collections.abc import Callable, Mapping
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
TILE_ROWS, _EDGE_ROWS = 304, 8
"""Rows that go through a matrix product together, and rows of padding before and after them: OpenBLAS for AVX2 takes
up to 320 rows at once and adds up in another order at their edges, so a row there would depend on its place."""
_PADDED_ROWS = _EDGE_ROWS + TILE_ROWS + _EDGE_ROWS
_MOST_ACTIVATIONS = 80_000
"""Of a layer in a block of tiles, about: they stay in a core's cache."""
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
        self._widest = architecture.n_nets * architecture.n_members * max(architecture.layers)
        self._n_tiles = max(1, _MOST_ACTIVATIONS // (self._widest * TILE_ROWS))
        vectors = self._n_tiles * TILE_ROWS * architecture.n_nets * architecture.n_num * architecture.d_embedding
        self._blocks_at_once = max(1, _MOST_VECTORS // max(1, vectors))

    def predict_proba(self, inputs: NetworkInputs) -> NDArray[np.float64]:
        """Mean of the members' probabilities. Shape: ``(n_rows, n_classes)``."""
        a, size = self._architecture, self._n_tiles * TILE_ROWS
        proba = np.empty((len(inputs), a.n_classes))
        x = np.zeros((a.n_nets, self._n_tiles, _PADDED_ROWS, a.d_in), dtype=np.float32)
        # Written again and again: memory that the system has to give anew would cost more than the products.
        room = np.empty((2, self._n_tiles * _PADDED_ROWS * self._widest), dtype=np.float32)
        for start in range(0, len(inputs), size * self._blocks_at_once):
            rows = inputs.take(slice(start, start + size * self._blocks_at_once))
            numbers = self._numbers(rows)
            for first in range(0, len(rows), size):
                block = np.minimum(np.arange(first, first + size), len(rows) - 1)  # padded with its last row
                self._fill(x, numbers(block), rows.take(block))
                some = proba[start + first : min(start + first + size, start + len(rows))]
                some[:] = self._block_proba(x, room)[: len(some)]
        return proba

    def _numbers(self, rows: NetworkInputs) -> Callable[[NDArray[np.int64]], Array]:
        """What becomes of the numbers in some of the rows. Shape: ``(nets, n_rows, ...)``, one net for all or each."""
        if self._curves is None:
            return lambda some: rows.x_num[None, some]
        vectors, places = self._curves(rows.x_num, rows.x_value)
        return lambda some: vectors.take(places[some], axis=1)

    def _fill(self, x: Array, numbers: Array, rows: NetworkInputs) -> None:
        """Puts all inputs of the first layer side by side."""
        architecture = self._architecture
        inner = x[:, :, _EDGE_ROWS:-_EDGE_ROWS]
        n_plain = architecture.n_dense - architecture.n_text
        text = rows.x_dense[:, n_plain:] * np.float32(architecture.text_scale)
        one_hot = [table.take(rows.x_cat[:, j], axis=0) for j, table in self._hot.items()]
        vectors = [self._arrays[f"cat.{j}"].take(rows.x_cat[:, j], axis=1) for j in architecture.embedded]
        at = 0
        shared = [part[None] for part in (rows.x_dense[:, :n_plain], text, *one_hot)]
        for part in (numbers.reshape(len(numbers), len(rows), -1), *shared, *vectors):
            width = part.shape[2]
            inner[..., at : at + width] = part.reshape(len(part), *inner.shape[1:3], width)
            at += width

    def _block_proba(self, x: Array, room: Array) -> Array:
        """Shape: ``(n_nets, n_tiles, B, d_in)`` to ``(n_tiles * TILE_ROWS, n_classes)``.

        Between them activations are ``(n_nets, n_tiles, n_members, units, B)``.
        """
        a = self._architecture
        *hidden, (head, head_bias) = self._layers
        x = x.swapaxes(2, 3)[:, :, None]
        for i, (weight, bias) in enumerate(hidden):
            shape = *x.shape[:3], weight.shape[3], _PADDED_ROWS
            product = room[i % 2, : prod(shape)].reshape(shape)
            x = self._activated(np.matmul(weight, x, out=product), bias)
            x = x.reshape(*x.shape[:2], a.n_members, -1, _PADDED_ROWS)  # the first layer makes all members at once
        logits = head @ x
        logits += head_bias
        logits -= logits.max(axis=3, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=3, keepdims=True)
        proba: Array = logits.mean(axis=(0, 2))[:, :, _EDGE_ROWS:-_EDGE_ROWS]
        return proba.swapaxes(1, 2).reshape(-1, a.n_classes)

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
    """All layers, the head last, for inputs of shape ``(n_nets, n_tiles, n_members, d_in, B)``.

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
    return [(np.ascontiguousarray(weight)[:, None], bias[:, None]) for weight, bias in layers]
