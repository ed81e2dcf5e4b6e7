"""Numbers become vectors: piecewise-linear curves, looked up once for each number that occurs.

Of the bins of a number, those below it are full, those above it empty, and one is partly filled. So the sum over all
bins is what the full ones add up to, computed once when a model is loaded, and a share of one more.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.architecture import Architecture
from nncli.table.arrow import distinct_numbers

Array = NDArray[np.float32]
Codes = NDArray[np.int32]


class NumberCurves:
    """The embeddings of all numbers in all nets."""

    def __init__(self, architecture: Architecture, arrays: Mapping[str, Array]) -> None:
        """Adds up the bins."""
        bins, bias = arrays["num.bins"], arrays["num.bias"][:, :, None, :]
        full = np.cumsum(bins, axis=2, dtype=np.float64) - bins
        self._base = (full + bias).astype(np.float32)
        self._rise, self._linear = bins, arrays["num.linear"]
        self._left, self._inverse_width = arrays["num.left"], arrays["num.inverse_width"]
        self._edges = [left[width > 0] for left, width in zip(self._left, self._inverse_width, strict=True)]
        self._n_value_nets = architecture.n_value_nets
        ends = np.cumsum(architecture.value_cardinalities).tolist()
        codes = zip(ends, architecture.value_cardinalities, strict=True)
        self._values = [arrays["values"][:, end - n : end] for end, n in codes] if self._n_value_nets else []
        self._valued = architecture.valued

    def __call__(self, x_num: Array, x_value: Codes) -> tuple[Array, NDArray[np.intp]]:
        """The vectors of all numbers that occur, and which of them each cell has.

        Shape:
            ``(n_rows, n_num)`` to ``(n_nets, n_vectors, d_embedding)`` and ``(n_rows, n_num)``.
        """
        places = np.empty(x_num.shape, dtype=np.intp)
        codes = np.zeros(x_num.shape, dtype=np.int32)
        codes[:, self._valued] = x_value
        vectors, n_vectors = list[Array](), 0
        for j in range(x_num.shape[1]):
            numbers, their_codes, place = _distinct(x_num[:, j], codes[:, j])
            np.add(place, n_vectors, out=places[:, j])
            vectors.append(self._embedded(j, numbers, their_codes))
            n_vectors += numbers.size
        return np.concatenate(vectors, axis=1), places

    def _embedded(self, j: int, numbers: Array, codes: Codes) -> Array:
        """Of one column. Shape: ``(n_numbers,)`` to ``(n_nets, n_numbers, d_embedding)``."""
        bins = np.maximum(np.searchsorted(self._edges[j], numbers, side="right") - 1, 0)
        shares = np.clip((numbers - self._left[j, bins]) * self._inverse_width[j, bins], 0, 1)
        vectors: Array = self._rise[:, j].take(bins, axis=1)  # ten times as fast as an index
        vectors *= shares[:, None]
        vectors += self._base[:, j].take(bins, axis=1)
        vectors += numbers[:, None] * self._linear[:, j, None]
        if self._n_value_nets and j in self._valued:
            vectors[-self._n_value_nets :] += self._values[j].take(codes, axis=1)
        return vectors


def _distinct(numbers: Array, codes: Codes) -> tuple[Array, Codes, Codes]:
    """The pairs of number and code that occur, as two arrays; and which of them each row has."""
    pairs = np.column_stack([numbers.view(np.int32), codes]).view(np.int64)[:, 0]
    distinct, places = distinct_numbers(pairs)
    bits, their_codes = distinct.view(np.int32).reshape(-1, 2).T
    return bits.copy().view(np.float32), their_codes, places
