"""Cells and rows as nncli holds them, from what a test writes down."""

from collections.abc import Iterable, Mapping

import pandas as pd
import pyarrow as pa

from nncli.table.arrow import text_array


def cells_of(values: Iterable[str]) -> pa.Array:
    return text_array(list(values))


def rows_of(columns: Mapping[str, Iterable[object]] | pd.DataFrame) -> pa.RecordBatch:
    """Each value as ``str`` writes it."""
    return pa.record_batch({name: cells_of(map(str, columns[name])) for name in columns})


def frame_of(rows: pa.RecordBatch) -> pd.DataFrame:
    return pd.DataFrame(rows.to_pydict(), dtype="str")
