"""Numbers become the network's inputs in ONNX, as :class:`~nncli.features.scaling.Scaler` makes them."""

from dataclasses import dataclass

import numpy as np

from nncli.export.columns import EncodedColumns
from nncli.export.graph import Graph, Tensor
from nncli.features.scaling import NumericScale, Scaler

_FIRST_AXIS, _SECOND_AXIS = np.array([0]), np.array([1])


@dataclass(frozen=True)
class ScaledColumns:
    """What the network sees, as :class:`~nncli.features.scaling.NetworkInputs`; tensors of shape ``(n_rows,)``."""

    numbers: tuple[Tensor, ...]
    """float32, complete."""
    missing: tuple[Tensor, ...]
    """float32: 1 where a number is missing, for the columns that say so."""
    codes: tuple[Tensor, ...]
    """int64, of the categories."""
    value_codes: tuple[Tensor, ...]
    """int64, of the numbers whose values have codes."""


def scale_columns(graph: Graph, columns: EncodedColumns, scaler: Scaler) -> ScaledColumns:
    """Adds the maps of all numbers, each in double precision."""
    pairs = list(zip(columns.numbers, scaler.numeric, strict=True))
    is_missing = [graph.add("IsNaN", numbers) for numbers in columns.numbers]
    scores = [_scores(graph, *pair, missing) for pair, missing in zip(pairs, is_missing, strict=True)]
    indicated = [missing for missing, scale in zip(is_missing, scaler.numeric, strict=True) if scale.has_missing]
    return ScaledColumns(
        numbers=tuple(graph.cast(score, np.float32) for score in scores),
        missing=tuple(graph.cast(missing, np.float32) for missing in indicated),
        codes=columns.codes,
        value_codes=tuple(_value_codes(graph, numbers, scale) for numbers, scale in pairs if scale.coded),
    )


def _scores(graph: Graph, numbers: Tensor, scale: NumericScale, is_missing: Tensor) -> Tensor:
    """The same sum as ``numpy.interp``: where a segment begins, and its slope."""
    values, scores = np.array(scale.values), np.array(scale.scores)
    slopes = np.append(np.diff(scores) / np.diff(values), 0.0)
    inside = graph.add("Clip", graph.add("Where", is_missing, values[0], numbers), values[0], values[-1])
    reached = graph.add("GreaterOrEqual", graph.add("Unsqueeze", inside, _SECOND_AXIS), values[1:])
    segment = graph.add("ReduceSum", graph.cast(reached, np.int32), _SECOND_AXIS, keepdims=0)
    run = graph.add("Sub", inside, graph.add("Gather", values, segment))
    rise = graph.add("Mul", graph.add("Gather", slopes, segment), run)
    found = graph.add("Add", graph.add("Gather", scores, segment), rise)
    return graph.add("Where", is_missing, np.float64(0), found)


def _value_codes(graph: Graph, numbers: Tensor, scale: NumericScale) -> Tensor:
    """At most one coded value equals a number; its code is the sum over all of them."""
    equal = graph.add("Equal", graph.add("Unsqueeze", numbers, _SECOND_AXIS), np.array(scale.coded))
    codes = graph.add("Mul", graph.cast(equal, np.int64), np.arange(1, scale.cardinality))
    return graph.add("ReduceSum", codes, _SECOND_AXIS, keepdims=0)
