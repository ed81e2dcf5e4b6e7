"""Columns become lines of CSV: quotes only where they are needed, line ends of LF."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.table.arrow import TEXT, joined, number_array

DELIMITER = ","
_SPECIAL = r'[,"\r\n]'


def quoted(cells: pa.Array) -> pa.Array:
    """Text as fields."""
    special = pc.match_substring_regex(cells, _SPECIAL)
    if not pc.any(special).as_py():
        return cells
    in_quotes = joined('"', pc.replace_substring(cells, '"', '""'), '"')
    return pc.if_else(special, in_quotes, cells)


def numbers(values: NDArray[np.float64]) -> pa.Array:
    """Each number as the shortest text that names the same single-precision number."""
    return pc.cast(number_array(values.astype(np.float32)), TEXT)


def lines_of(columns: Sequence[pa.Array]) -> pa.Buffer:
    """Fields of one or more columns as the bytes of lines."""
    lines = joined(joined(*columns, between=DELIMITER), "\n")
    _, offsets, text = lines.buffers()
    return text.slice(0, int(np.frombuffer(offsets, dtype=np.int64)[len(lines)]))
