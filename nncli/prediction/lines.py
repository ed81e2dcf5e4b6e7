"""Columns become lines of CSV: quotes only where they are needed, line ends of LF."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.table.cells import TEXT

DELIMITER = ","
_SPECIAL = r'[,"\r\n]'


def quoted(cells: pa.Array) -> pa.Array:
    """Text as fields."""
    special = pc.match_substring_regex(cells, _SPECIAL)
    if not pc.any(special).as_py():
        return cells
    in_quotes = _join('"', pc.replace_substring(cells, '"', '""'), '"', between="")
    return pc.if_else(special, in_quotes, cells)


def numbers(values: NDArray[np.float64]) -> pa.Array:
    """Each number as the shortest text that names the same single-precision number."""
    return pc.cast(pa.array(values.astype(np.float32)), TEXT)


def joined(columns: Sequence[pa.Array]) -> pa.Buffer:
    """Fields of one or more columns as the bytes of lines."""
    lines = _join(_join(*columns, between=DELIMITER), "", between="\n")
    _, offsets, text = lines.buffers()
    return text.slice(0, int(np.frombuffer(offsets, dtype=np.int64)[len(lines)]))


def _join(*parts: pa.Array | str, between: str) -> pa.Array:
    typed = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in (*parts, between)]
    return pc.binary_join_element_wise(*typed)
