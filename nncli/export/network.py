"""The network's forward pass in ONNX, as :class:`~nncli.bundle.forward.NumpyNetwork` runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture
from nncli.bundle.forward import folded_layer
from nncli.export.graph import Graph, Tensor
from nncli.export.scaling import ScaledColumns
from nncli.settings import Activation

Array = NDArray[np.float32]


@dataclass(frozen=True)
class _Part:
    """Some inputs of the first layer: ``(n_rows, width)``, or ``(n_nets, n_rows, width)`` where nets differ."""

    tensor: Tensor
    positions: NDArray[np.int64]
    """Of the first layer's weights that belong to it. Shape: ``(width,)``."""


def network_proba(
    graph: Graph, architecture: Architecture, arrays: Mapping[str, Array], columns: ScaledColumns
) -> Tensor:
    """Adds a network; gives the mean of its members' probabilities. Shape: ``(n_rows, n_classes)``, float32."""
    a = architecture
    weight, bias = folded_layer(a, arrays, 0)
    # A layer's product is the sum of its parts' products: what all nets share needs no copy for each.
    products = [_product(graph, parts, weight) for parts in _parts(graph, a, arrays, columns) if parts]
    x = ACTIVATIONS[a.activation](graph, graph.add("Sum", *products, bias))
    for i in range(1, len(a.layers)):
        weight, bias = folded_layer(a, arrays, i)
        x = graph.add("Reshape", x, np.array([a.n_nets, -1, weight.shape[1]]))
        x = ACTIVATIONS[a.activation](graph, graph.add("Add", graph.add("MatMul", x, weight), bias))
    # (n_nets, n_rows * n_members, d) to (n_nets, n_members, n_rows, d)
    x = graph.add("Reshape", x, np.array([a.n_nets, -1, a.n_members, a.layers[-1]]))
    x = graph.add("Transpose", x, perm=[0, 2, 1, 3])
    logits = graph.add("Add", graph.add("MatMul", x, arrays["head.weight"]), arrays["head.bias"][:, :, None, :])
    return graph.add("ReduceMean", graph.add("Softmax", logits, axis=3), axes=[0, 1], keepdims=0)


def _parts(
    graph: Graph, a: Architecture, arrays: Mapping[str, Array], columns: ScaledColumns
) -> tuple[list[_Part], list[_Part]]:
    """All inputs of the first layer: what the nets share, and what differs from net to net."""
    shared, of_nets = list[_Part](), list[_Part]()
    at = 0

    def take(parts: list[_Part], tensor: Tensor, width: int) -> None:
        nonlocal at
        parts.append(_Part(tensor, np.arange(at, at + width)))
        at += width

    if a.n_num and a.n_bins:
        take(of_nets, _embedded_numbers(graph, a, arrays, columns), a.n_num * a.d_embedding)
        of_nets += _value_vectors(graph, a, arrays, columns)
    elif a.n_num:
        take(shared, graph.side_by_side(list(columns.numbers)), a.n_num)
    if columns.missing:
        take(shared, graph.side_by_side(list(columns.missing)), a.n_dense)
    for j in a.one_hot:
        n_codes = a.cat_cardinalities[j]
        if n_codes > 1:  # code 0 is all zeros
            take(
                shared, graph.add("Gather", np.eye(n_codes, n_codes - 1, -1, np.float32), columns.codes[j]), n_codes - 1
            )
    for j in a.embedded:
        table = arrays[f"cat.{j}"]
        take(of_nets, graph.add("Gather", table, columns.codes[j], axis=1), table.shape[2])
    return shared, of_nets


def _embedded_numbers(graph: Graph, a: Architecture, arrays: Mapping[str, Array], columns: ScaledColumns) -> Tensor:
    """Shape: ``(n_nets, n_rows, n_num * d_embedding)``."""
    x_num = graph.add("Transpose", graph.side_by_side(list(columns.numbers)), perm=[1, 0])
    x_num = graph.add("Unsqueeze", x_num, np.array([2]))  # (n_num, n_rows, 1)
    shifted = graph.add("Sub", x_num, arrays["num.left"][:, None, :])
    widths = graph.add("Mul", shifted, arrays["num.inverse_width"][:, None, :])
    shares = graph.add("Clip", widths, np.float32(0), np.float32(1))
    linear = graph.add("Mul", x_num, arrays["num.linear"][:, :, None, :])
    binned = graph.add("MatMul", shares, arrays["num.bins"])
    vectors = graph.add("Sum", linear, binned, arrays["num.bias"][:, :, None, :])
    vectors = graph.add("Transpose", vectors, perm=[0, 2, 1, 3])
    return graph.add("Reshape", vectors, np.array([a.n_nets, -1, a.n_num * a.d_embedding]))


def _value_vectors(graph: Graph, a: Architecture, arrays: Mapping[str, Array], columns: ScaledColumns) -> list[_Part]:
    """Vectors that are added to those of numbers: as parts of their own, with the same weights."""
    if not a.n_value_nets:
        return []
    parts, first = list[_Part](), 0
    for codes, j in zip(columns.value_codes, a.valued, strict=True):
        n_codes = a.value_cardinalities[j]
        table = np.zeros((a.n_nets, n_codes, a.d_embedding), np.float32)
        table[-a.n_value_nets :] = arrays["values"][:, first : first + n_codes]
        positions = np.arange(j * a.d_embedding, (j + 1) * a.d_embedding)
        parts.append(_Part(graph.add("Gather", table, codes, axis=1), positions))
        first += n_codes
    return parts


def _product(graph: Graph, parts: list[_Part], weight: Array) -> Tensor:
    """Inputs times their rows of a weight of shape ``(n_nets, d_in, d_out)``."""
    inputs = graph.add("Concat", *(part.tensor for part in parts), axis=-1)
    return graph.add("MatMul", inputs, weight[:, np.concatenate([part.positions for part in parts])])


def _silu(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _gelu(graph: Graph, x: Tensor) -> Tensor:
    """With the hyperbolic tangent, as everywhere here; ONNX's own operator is younger than the version in use."""
    cube = graph.add("Mul", graph.add("Mul", graph.add("Mul", x, x), x), np.float32(0.044715))
    tanh = graph.add("Tanh", graph.add("Mul", graph.add("Add", x, cube), np.float32(np.sqrt(2 / np.pi))))
    return graph.add("Mul", graph.add("Mul", x, np.float32(0.5)), graph.add("Add", tanh, np.float32(1)))


ACTIVATIONS: dict[Activation, Callable[[Graph, Tensor], Tensor]] = {
    "relu": lambda graph, x: graph.add("Relu", x),
    "tanh": lambda graph, x: graph.add("Tanh", x),
    "gelu": _gelu,
    "selu": lambda graph, x: graph.add("Selu", x),
    "silu": _silu,
    "sigmoid": lambda graph, x: graph.add("Sigmoid", x),
}
