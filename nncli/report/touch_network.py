"""The network of the page: which one, and its arrays as far as its movable columns need them.

A column's part in the first layer is its vector times its rows of the weights. The vector is one-hot, looked up in a
table, or a curve of the number between a few knots; it is ``E`` numbers wide. What the columns that stay as they are
add up to is embedded for each row: as sums, or as inputs with their weights, whichever is shorter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture
from nncli.bundle.curves import NumberCurves
from nncli.bundle.forward import NumpyNetwork
from nncli.bundle.model import Model
from nncli.evaluation.calibration import UNCALIBRATED, Calibration
from nncli.evaluation.metrics import Floats
from nncli.features.scaling import NetworkInputs, Scaler
from nncli.report.touch_numbers import Bits, as_packed, packed
from nncli.settings import Side

Array = NDArray[np.float32]
Arrays = Mapping[str, Array]
Kind = Literal["ensemble", "student", "member"]

_TOLERATED = 4e-4
"""What rounding may change in a probability; less than half of what the page may be wrong by."""


@dataclass(frozen=True)
class ShownNetwork:
    """What the page computes with."""

    kind: Kind
    side: Side
    """Whose answers these are; of one member, whose it is a part of."""
    parts: Sequence[tuple[Architecture, Arrays]]
    """Their probabilities are averaged."""
    calibration: Calibration

    @property
    def n_members(self) -> int:
        """Of all nets together."""
        return sum(a.n_nets * a.n_members for a, _ in self.parts)

    def predict_proba(self, inputs: NetworkInputs) -> Floats:
        """Calibrated probabilities. Shape: ``(n_rows, n_classes)``."""
        parts = [NumpyNetwork(a, arrays).predict_proba(inputs) for a, arrays in self.parts]
        return self.calibration.apply(np.mean(parts, axis=0))

    def rounded(self, bits: Bits) -> "ShownNetwork":
        """The same network after its arrays were packed."""
        parts = [(a, {name: _rounded(name, array, bits) for name, array in arrays.items()}) for a, arrays in self.parts]
        return replace(self, parts=parts)


def _rounded(name: str, array: Array, bits: Bits) -> Array:
    return array if name in ("num.left", "num.inverse_width") else as_packed(array, bits)


def candidates(model: Model) -> list[ShownNetwork]:
    """What a page can show, the best first: the ensemble, the small network, one member."""
    description = model.description
    calibration, student = description.network_calibration, description.student
    ensemble = list(zip(description.networks, model.weights, strict=True))
    found = [ShownNetwork("ensemble", "network", ensemble, calibration)]
    if student and model.student:
        found.append(ShownNetwork("student", "fast", [(student, model.student)], UNCALIBRATED))
    if found[0].n_members > 1:
        found.append(ShownNetwork("member", "network", [_first_member(*ensemble[0])], calibration))
    return found


def _first_member(a: Architecture, arrays: Arrays) -> tuple[Architecture, Arrays]:
    """The first member of the first net, its scaling folded into the first layer's weights."""
    with_values = int(a.n_value_nets == a.n_nets)
    found = {}
    for name, array in arrays.items():
        if name.startswith("head."):
            found[name] = array[:1, :1]
        elif name in ("num.left", "num.inverse_width"):
            found[name] = array
        elif name != "scale" and (name != "values" or with_values):
            found[name] = array[:1]
    if a.is_ensemble:
        found["hidden.0.weight"] = found["hidden.0.weight"] * arrays["scale"][:1, :, 0, None]
    return replace(a, n_nets=1, n_members=1, n_value_nets=with_values), found


def enough_bits(network: ShownNetwork, inputs: NetworkInputs) -> Bits:
    """The fewest bits of a weight that change no probability of these rows to speak of."""
    exact = network.predict_proba(inputs)
    of_bits: tuple[Bits, ...] = (12, 16)
    for bits in of_bits:
        if np.abs(network.rounded(bits).predict_proba(inputs) - exact).max() <= _TOLERATED:
            return bits
    return 32


@dataclass(frozen=True)
class Input:
    """A movable column: where it stands in what the network sees."""

    number: int | None = None
    """Of ``x_num``."""
    category: int | None = None
    """Of ``x_cat``."""
    indicator: int | None = None
    """Of ``x_dense``: whether the number is missing."""

    def features(self, a: Architecture) -> list[int]:
        """Positions in ``a.feature_widths``."""
        if self.category is not None:
            of_kind = a.one_hot if self.category in a.one_hot else a.embedded
            first = a.n_num + a.n_dense + (0 if self.category in a.one_hot else len(a.one_hot))
            return [first + of_kind.index(self.category)]
        assert self.number is not None
        return [self.number, *([] if self.indicator is None else [a.n_num + self.indicator])]


def network_record(
    part: tuple[Architecture, Arrays], columns: Sequence[Input], scaler: Scaler, inputs: NetworkInputs, bits: Bits
) -> dict[str, Any]:
    """A network as JSON values.

    Args:
        part: its form and arrays.
        columns: that can be moved.
        scaler: of the numbers.
        inputs: the rows of the page.
        bits: of a weight.
    """
    a, arrays = part
    places = [_positions(a, column) for column in columns]
    moved = np.concatenate([np.zeros(0, dtype=np.int64), *places])
    fixed = np.setdiff1d(np.arange(a.d_in), moved)
    later = range(1, len(a.layers))
    return {
        "activation": a.activation,
        "layers": list(a.layers),
        "nets": a.n_nets,
        "members": a.n_members,
        "columns": [
            {**_vectors(a, arrays, column, scaler, bits), **_weights(arrays, at, bits)}
            for column, at in zip(columns, places, strict=True)
        ],
        "fixed": _fixed(a, arrays, fixed, inputs, bits) if fixed.size else None,
        "bias": packed(arrays["hidden.0.bias"], bits),
        "hidden": [[packed(arrays[f"hidden.{i}.{name}"], bits) for name in ("weight", "bias")] for i in later],
        "head": [packed(arrays[f"head.{name}"], bits) for name in ("weight", "bias")],
    }


def _positions(a: Architecture, column: Input) -> NDArray[np.int64]:
    """Of a column's inputs of the first layer."""
    ends = np.cumsum(a.feature_widths)
    features = column.features(a)
    return np.concatenate([np.arange(ends[i] - a.feature_widths[i], ends[i]) for i in features])


def _weights(arrays: Arrays, at: NDArray[np.int64], bits: Bits) -> dict[str, Any]:
    """Of some inputs: ``(nets, inputs, units)`` and, of an ensemble, ``(nets, inputs, members)``."""
    found = {"weight": packed(arrays["hidden.0.weight"][:, at], bits)}
    return found | ({"scale": packed(arrays["scale"][:, at], bits)} if "scale" in arrays else {})


def _vectors(a: Architecture, arrays: Arrays, column: Input, scaler: Scaler, bits: Bits) -> dict[str, Any]:
    """What a column's vector comes from; nothing where it is one-hot."""
    if column.category is not None:
        name = f"cat.{column.category}"
        return {"table": packed(arrays[name], bits)} if name in arrays else {}
    assert column.number is not None
    scores = scaler.numeric[column.number].scores
    knots = _knots(arrays, column.number, (min(scores), max(scores)))
    found = {"knots": packed(knots, 32), "table": packed(_curve(a, arrays, column.number, knots), bits)}
    codes = a.value_cardinalities[column.number] if a.n_value_nets else 0
    if codes:
        end = sum(a.value_cardinalities[: column.number + 1])
        vectors = arrays["values"][:, end - codes : end]
        found["values"] = packed(vectors[:, 1:] - vectors[:, :1], bits)  # the curve has that of code 0 already
    return found


def _knots(arrays: Arrays, number: int, scores: tuple[float, float]) -> Array:
    """Between these the vector of a number is linear: the edges of its bins, and the ends of its scores."""
    ends = np.array([*scores, 0.0], dtype=np.float32)
    if "num.left" not in arrays:
        return np.unique(ends)
    left, inverse_width = (arrays[f"num.{name}"][number] for name in ("left", "inverse_width"))
    is_bin = inverse_width > 0
    return np.unique(np.concatenate([ends, left[is_bin], left[is_bin] + 1 / inverse_width[is_bin]]))


def _curve(a: Architecture, arrays: Arrays, number: int, knots: Array) -> Array:
    """The vectors of a number's scores. Shape: ``(n_knots,)`` to ``(nets, n_knots, E)``."""
    if not a.n_bins:
        return np.broadcast_to(knots[None, :, None], (a.n_nets, knots.size, 1))
    x_num = np.zeros((knots.size, a.n_num), dtype=np.float32)
    x_num[:, number] = knots
    vectors, places = NumberCurves(a, arrays)(x_num, np.zeros((knots.size, len(a.valued)), dtype=np.int32))
    return vectors.take(places[:, number], axis=1)


def _fixed(a: Architecture, arrays: Arrays, at: NDArray[np.int64], inputs: NetworkInputs, bits: Bits) -> dict[str, Any]:
    """What the columns that stay as they are add to the first layer, for each row."""
    x = first_inputs(a, arrays, inputs)[:, :, at]
    used = np.abs(x).max(axis=(0, 1)) > 0
    x, at = x[:, :, used], at[used]
    weight = arrays["hidden.0.weight"][:, at]
    if x.shape[1] * a.n_members * a.layers[0] > at.size * (x.shape[1] + a.n_members + a.layers[0]):
        return {"inputs": packed(x, bits), "width": at.size, **_weights(arrays, at, bits)}
    scale = arrays["scale"][:, at] if a.is_ensemble else np.ones((*weight.shape[:2], 1), dtype=np.float32)
    return {"sums": packed(np.einsum("nrd,ndk,ndu->nrku", x, scale, weight, optimize=True), bits)}


def first_inputs(a: Architecture, arrays: Arrays, inputs: NetworkInputs) -> Array:
    """What the first layer sees, before any scaling. Shape: ``(nets, n_rows, d_in)``."""
    numbers = inputs.x_num[None, :, :, None]
    if a.n_bins and a.n_num:
        vectors, places = NumberCurves(a, arrays)(inputs.x_num, inputs.x_value)
        numbers = vectors[:, places]
    dense = inputs.x_dense.copy()
    dense[:, a.n_dense - a.n_text :] *= np.float32(a.text_scale)
    hot = [np.eye(a.cat_cardinalities[j], dtype=np.float32)[inputs.x_cat[:, j], 1:] for j in a.one_hot]
    embedded = [arrays[f"cat.{j}"][:, inputs.x_cat[:, j]] for j in a.embedded]
    parts = [numbers.reshape(len(numbers), len(inputs), -1), dense[None], *(rows[None] for rows in hot), *embedded]
    whole = [np.broadcast_to(part, (a.n_nets, *part.shape[1:])) for part in parts]
    return np.concatenate(whole, axis=2)
