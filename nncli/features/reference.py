"""The typical row of a table: what a column is compared with when its part in an answer is measured."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.features.columns import encode_date, encode_numeric, level_counts, most_frequent
from nncli.features.encoder import FeatureEncoder
from nncli.table.cells import chosen, stripped


def typical_row(rows: pa.RecordBatch, encoder: FeatureEncoder) -> tuple[str, ...]:
    """A cell for each column, in the order of ``encoder.columns``.

    Of numbers and dates the lower median, which is a value that occurs; of truths and categories the most frequent
    one, missing cells counting as one; of texts none at all.

    Args:
        rows: training rows, text cells.
        encoder: fitted on them.
    """
    numbers = [_middle_cell(rows[name], encode_numeric(rows[name])[0][:, 0]) for name in encoder.numeric]
    dates = [_middle_cell(rows[name], encode_date(rows[name])[0][:, 0]) for name in encoder.dates]
    truths = [most_frequent(level_counts(rows[name]))[0] for name in encoder.booleans]
    levels = [column.levels[0] if column.levels else "" for column in encoder.categories]
    return (*numbers, *dates, *truths, *levels, *("" for _ in encoder.texts))


def _middle_cell(cells: pa.Array, values: NDArray[np.float64]) -> str:
    """The cell of the lower median; where it is written in several ways, the first of them as text."""
    known = np.sort(values[~np.isnan(values)])
    if not known.size:
        return ""
    middle = known[(known.size - 1) // 2]
    return str(min(stripped(chosen(cells, values == middle)).to_pylist()))
