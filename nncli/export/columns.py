"""Columns become numbers and codes in ONNX, as :class:`~nncli.features.encoder.FeatureEncoder` makes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from nncli.export.graph import ML_DOMAIN, Graph, Tensor
from nncli.features.columns import LARGEST_NUMBER, SMALLEST_NUMBER, CategoryLevels
from nncli.features.encoder import FeatureEncoder
from nncli.table.cells import FALSE_WORDS, MISSING_WORDS, TRUE_WORDS


@dataclass(frozen=True)
class EncodedColumns:
    """Tensors of shape ``(n_rows,)``."""

    numbers: tuple[Tensor, ...]
    """float64, NaN where missing."""
    codes: tuple[Tensor, ...]
    """int64, from 0."""


def encode_columns(graph: Graph, encoder: FeatureEncoder) -> EncodedColumns:
    """Adds what reads the graph's inputs: numeric columns, then booleans, then categories."""
    codes = [_codes(graph, name, _codes_of_booleans()) for name in encoder.booleans]
    codes += [_codes(graph, column.name, _codes_of_levels(column)) for column in encoder.categories]
    return EncodedColumns(tuple(_number(graph, name) for name in encoder.numeric), tuple(codes))


def _number(graph: Graph, name: Tensor) -> Tensor:
    """What is not finite counts as missing; the rest is bounded as :func:`~nncli.features.columns.bounded` does."""
    is_none = graph.add("Or", graph.add("IsInf", name), graph.add("IsNaN", name))
    number = graph.add("Where", is_none, np.float64(0), name)
    clipped = graph.add("Clip", number, np.float64(-LARGEST_NUMBER), np.float64(LARGEST_NUMBER))
    is_tiny = graph.add("Less", graph.add("Abs", clipped), np.float64(SMALLEST_NUMBER))
    return graph.add("Where", is_none, np.float64(np.nan), graph.add("Where", is_tiny, np.float64(0), clipped))


def _codes(graph: Graph, name: Tensor, codes: Mapping[str, int]) -> Tensor:
    """Cells that have no code get 0."""
    return graph.add(
        "LabelEncoder",
        name,
        domain=ML_DOMAIN,
        keys_strings=list(codes),
        values_int64s=list(codes.values()),
        default_int64=0,
    )


def _codes_of_levels(column: CategoryLevels) -> dict[str, int]:
    codes = {level: code for code, level in enumerate(column.levels, start=1)}
    return codes | dict.fromkeys(MISSING_WORDS, codes.get("", 0))


def _codes_of_booleans() -> dict[str, int]:
    return dict.fromkeys(_spellings(FALSE_WORDS), 1) | dict.fromkeys(_spellings(TRUE_WORDS), 2)


def _spellings(words: Iterable[str]) -> list[str]:
    """Every mix of capital and small letters: ONNX's operator that lowers them depends on the locale."""
    letters = [[sorted({letter, letter.upper()}) for letter in word] for word in words]
    return ["".join(spelling) for word in letters for spelling in product(*word)]
