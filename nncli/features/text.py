"""Free text becomes numbers: which n-grams of characters a text holds, and how that differs from the other texts.

Counts of n-grams, weighted by how rare they are (tf-idf), are projected onto the directions in which the training texts
differ most: latent semantic analysis (Deerwester et al. 1990, "Indexing by Latent Semantic Analysis"). Characters stand
any language and any misspelling.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_SIZES = (3, 4)
_HASH_BITS = 18
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MOST_BYTES = 10_000
"""Longer texts are cut: what they are about stands in their beginning."""
_BYTES_AT_ONCE = 1 << 20
_FEWEST_TEXTS = 2
"""That an n-gram must be found in."""
_MOST_N_GRAMS, _MOST_COMPONENTS = 1 << 14, 128
_ROWS_PER_COMPONENT = 20
_MOST_FITTED = 5_000
"""Training texts that decide the projection, evenly spread over the rows; more would not change it much."""
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class TextShape:
    """A text column, and the size of what was learned of it."""

    name: str
    n_grams: int
    n_components: int

    @property
    def width(self) -> int:
        """Columns of ``x_text`` that it becomes: the components, and the text's length."""
        return self.n_components + 1

    def array_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the arrays of :class:`TextProjection`."""
        n_grams = self.n_grams
        return {"buckets": (n_grams,), "idf": (n_grams,), "components": (n_grams, self.n_components)}

    def array_dtypes(self) -> dict[str, type]:
        """Of the same arrays."""
        return {"buckets": np.uint32, "idf": np.float32, "components": np.float32}


@dataclass(frozen=True)
class TextProjection:
    """What was learned of a text column."""

    buckets: NDArray[np.uint32]
    """Hashes of the n-grams that count, increasing. Shape: ``(n_grams,)``."""
    idf: NDArray[np.float32]
    """Their weights: the rarer the higher. Shape: ``(n_grams,)``."""
    components: NDArray[np.float32]
    """Shape: ``(n_grams, n_components)``."""

    def is_sound(self) -> bool:
        """Whether the hashes are such as n-grams have, each once."""
        return bool((self.buckets < 1 << _HASH_BITS).all() and (self.buckets[1:] > self.buckets[:-1]).all())


def fit_text(cells: pa.Array) -> TextProjection:
    """Learns from training texts, shape ``(n_rows,)``."""
    from scipy.sparse import vstack

    rows = np.unique(np.linspace(0, len(cells) - 1, min(len(cells), _MOST_FITTED)).round().astype(np.int64))
    everything = np.arange(1 << _HASH_BITS, dtype=np.uint32)
    counts = vstack([_counts(texts, everything) for texts in _blocks(cells.take(rows))], format="csr")
    n_texts = np.bincount(counts.indices, minlength=everything.size)
    # The n-grams of the most texts; ties are broken by the hash, not by the order of rows.
    common = np.argsort(-n_texts, kind="stable")[:_MOST_N_GRAMS]
    buckets = np.sort(common[n_texts[common] >= _FEWEST_TEXTS])
    idf = np.log((1 + rows.size) / (1 + n_texts[buckets])) + 1
    n_components = min(_MOST_COMPONENTS, rows.size // _ROWS_PER_COMPONENT, buckets.size - 1)
    components = _directions(_weighted(counts[:, buckets], idf), n_components)
    return TextProjection(buckets.astype(np.uint32), idf.astype(np.float32), components)


def _directions(weighted: "csr_matrix", n_components: int) -> NDArray[np.float32]:
    """The right singular vectors of the largest singular values. Shape: ``(n_grams, n_components or fewer)``."""
    from scipy.sparse.linalg import svds

    if n_components < 1:
        return np.zeros((weighted.shape[1], 0), dtype=np.float32)
    start = np.ones(min(weighted.shape))  # a random one would give other signs and digits each time
    _, sizes, vectors = svds(weighted.astype(np.float64), n_components, v0=start)
    kept = np.flatnonzero(sizes > _NEGLIGIBLE * sizes.max(initial=0))[::-1]
    components: NDArray[np.float32] = vectors[kept].T.astype(np.float32)
    return components


def encode_text(cells: pa.Array, projection: TextProjection) -> NDArray[np.float32]:
    """The components of each text and the log of its length, shape ``(n_rows, n_components + 1)``.

    Case is ignored; an empty cell becomes zeros; no row depends on another.
    """
    out = np.zeros((len(cells), projection.components.shape[1] + 1), dtype=np.float32)
    start = 0
    for texts in _blocks(cells):
        block = out[start : start + len(texts)]
        block[:, :-1] = _weighted(_counts(texts, projection.buckets), projection.idf) @ projection.components
        block[:, -1] = np.log1p([len(text) for text in texts])
        start += len(texts)
    return out


def _blocks(cells: pa.Array) -> Iterator[list[bytes]]:
    """Texts as bytes, a space before and after each, in blocks of bounded size."""
    block, size = list[bytes](), 0
    for cell in pc.utf8_lower(cells).to_pylist():
        text = f" {cell} ".encode()[:_MOST_BYTES] if cell else b""
        if size + len(text) > _BYTES_AT_ONCE and block:
            yield block
            block, size = [], 0
        block.append(text)
        size += len(text)
    if block:
        yield block


def _counts(texts: list[bytes], buckets: NDArray[np.uint32]) -> "csr_matrix":
    """How often each text holds each n-gram. Shape: ``(n_texts, n_buckets)``."""
    from scipy.sparse import csr_matrix

    lengths = np.array([len(text) for text in texts])
    data = np.frombuffer(b"".join(texts), dtype=np.uint8).astype(np.uint64)
    row = np.repeat(np.arange(len(texts)), lengths)
    column = np.full(1 << _HASH_BITS, -1)
    column[buckets] = np.arange(buckets.size)
    rows, columns = [row[:0]], [column[:0]]
    for size in _SIZES:
        n_grams = max(0, data.size - size + 1)
        inside = row[:n_grams] == row[data.size - n_grams :]  # an n-gram does not reach into the next text
        found = column[_bucket(data, size, n_grams)]
        inside &= found >= 0
        rows.append(row[:n_grams][inside])
        columns.append(found[inside])
    at = np.concatenate(rows), np.concatenate(columns)
    return csr_matrix((np.ones(at[0].size, dtype=np.float32), at), shape=(len(texts), buckets.size))


def _bucket(data: NDArray[np.uint64], size: int, n_grams: int) -> NDArray[np.int64]:
    """The hash of the n-gram that starts at each byte: a multiplicative hash of its bytes."""
    code = np.full(n_grams, size, dtype=np.uint64)
    for offset in range(size):
        code = code * np.uint64(257) + data[offset : offset + n_grams]
    return ((code * _MULTIPLIER) >> np.uint64(64 - _HASH_BITS)).astype(np.int64)


def _weighted(counts: "csr_matrix", idf: NDArray[np.floating]) -> "csr_matrix":
    """Log counts times weights, each text scaled to length one."""
    weighted = counts.copy()
    weighted.data = ((1 + np.log(weighted.data)) * idf[weighted.indices]).astype(np.float32)
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted.data /= np.repeat(np.maximum(norms, _NEGLIGIBLE), np.diff(weighted.indptr)).astype(np.float32)
    return weighted
