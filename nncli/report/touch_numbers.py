"""Arrays as text that a page carries: rounded to few bits, in base 85, which is a sixteenth shorter than base 64.

Blocks of 64 numbers share a scale, so that each is a small whole number times it. That is finer than half precision at
the same size: weights of one input or unit are about as large as each other, and no bit is spent on exponents.
"""

import base64
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Bits = Literal[12, 16, 32]
"""Of a number; 32: single precision, as it is."""
Packed = list[Any]
"""Bits, how many numbers, and the bytes as text: first the scales in single precision, then the numbers."""

_BLOCK = 64
_NEGLIGIBLE = 1e-30
"""Numbers of a block that are all below it are zero: their scale would be none."""
_SAFE = bytes.maketrans(b"&<>", b".,:")


def packed(array: NDArray[np.floating], bits: Bits) -> Packed:
    """An array for the page, flat, in C order.

    >>> packed(np.array([1.0, -1.0]), 12)
    [12, 2, '0uTT?{}+G.']
    """
    flat = array.astype(np.float32).ravel()
    if bits == 32:
        return [bits, flat.size, _text(flat.astype("<f4").tobytes())]
    scales, numbers = _rounded(flat, bits)
    data = scales.astype("<f4").tobytes() + (_pairs(numbers) if bits == 12 else numbers.astype("<i2").tobytes())
    return [bits, flat.size, _text(data)]


def as_packed(array: NDArray[np.float32], bits: Bits) -> NDArray[np.float32]:
    """What an array is after it was packed and unpacked."""
    if bits == 32:
        return array
    scales, numbers = _rounded(array.astype(np.float32).ravel(), bits)
    restored = np.repeat(scales, _BLOCK)[: array.size] * numbers
    return restored.astype(np.float32).reshape(array.shape)


def _rounded(flat: NDArray[np.float32], bits: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scales of the blocks, and each number in units of its block's."""
    padded = np.zeros(-(-flat.size // _BLOCK) * _BLOCK, dtype=np.float32)
    padded[: flat.size] = flat
    blocks = padded.reshape(-1, _BLOCK)
    largest = np.abs(blocks).max(axis=1, initial=0)
    scales = np.where(largest > _NEGLIGIBLE, largest, 1).astype(np.float32) / np.float32(2 ** (bits - 1) - 1)
    return scales, np.rint(blocks / scales[:, None]).astype(np.int64).ravel()[: flat.size]


def _pairs(numbers: NDArray[np.int64]) -> bytes:
    """Two numbers of 12 bits in three bytes, the low bits first."""
    even = np.append(numbers, np.zeros(numbers.size % 2, dtype=np.int64)) & 0xFFF
    first, second = even[::2], even[1::2]
    three = np.column_stack([first & 0xFF, first >> 8 | (second & 0xF) << 4, second >> 4])
    return three.astype(np.uint8).tobytes()


def _text(data: bytes) -> str:
    """Four bytes in five letters; none of them is one that HTML or JSON would have escaped."""
    whole = data + bytes(-len(data) % 4)
    return base64.b85encode(whole).translate(_SAFE).decode()
