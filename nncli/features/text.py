"""Free text becomes counts of hashed character n-grams, and a length. Nothing is learned, so nothing is stored."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

N_BUCKETS = 256
TEXT_WIDTH = N_BUCKETS + 1
"""Columns of ``x_text`` that one text column becomes: the buckets, then the length."""

_SIZES = (3, 4, 5)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MOST_BYTES = 10_000
"""Longer texts are cut: what they are about stands in their beginning."""
_ROWS_AT_ONCE = 4096


def hash_text(cells: pd.Series) -> NDArray[np.float32]:
    """Log counts of hashed byte 3- to 5-grams scaled to length one, and the log of the length.

    Args:
        cells: text, shape ``(n_rows,)``; case is ignored, an empty cell becomes zeros.

    Returns:
        Shape ``(n_rows, TEXT_WIDTH)``.

    >>> a, b, c = hash_text(pd.Series(["Good value", "good value", "broken"]))
    >>> bool((a == b).all()), bool((a == c).all())
    (True, False)
    """
    texts = [f" {text} ".encode()[:_MOST_BYTES] if text else b"" for text in cells.str.lower()]
    out = np.zeros((len(texts), TEXT_WIDTH), dtype=np.float32)
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        out[start : start + _ROWS_AT_ONCE] = _hash_rows(texts[start : start + _ROWS_AT_ONCE])
    return out


def _hash_rows(texts: list[bytes]) -> NDArray[np.float32]:
    lengths = np.array([len(text) for text in texts])
    data = np.frombuffer(b"".join(texts), dtype=np.uint8).astype(np.uint64)
    row = np.repeat(np.arange(len(texts)), lengths)
    counts = np.zeros(len(texts) * N_BUCKETS, dtype=np.int64)
    for size in _SIZES:
        if data.size < size:
            continue
        inside = row[: data.size - size + 1] == row[size - 1 :]  # an n-gram does not reach into the next row
        bucket = _bucket(data, size)[inside]
        counts += np.bincount(row[: inside.size][inside] * N_BUCKETS + bucket, minlength=counts.size)
    logs = np.log1p(counts.reshape(len(texts), N_BUCKETS)).astype(np.float32)
    norms = np.linalg.norm(logs, axis=1, keepdims=True)
    return np.hstack([logs / np.maximum(norms, 1e-6), np.log1p(lengths, dtype=np.float32)[:, None]])


def _bucket(data: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """The bucket of the n-gram that starts at each byte: a multiplicative hash of its bytes."""
    n_grams = data.size - size + 1
    code = np.full(n_grams, size, dtype=np.uint64)
    for offset in range(size):
        code = code * np.uint64(257) + data[offset : offset + n_grams]
    return ((code * _MULTIPLIER) >> np.uint64(56)).astype(np.int64)  # the top eight bits: 256 buckets
