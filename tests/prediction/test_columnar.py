"""Where groups of rows end in Parquet."""

import io
from collections.abc import Sequence

import pyarrow as pa
import pytest
from pyarrow import parquet

from nncli.prediction import columnar
from nncli.prediction.columnar import ParquetSink


def groups(monkeypatch: pytest.MonkeyPatch, texts: Sequence[str], pieces: Sequence[int]) -> tuple[list[int], bytes]:
    """Rows of each group of at most 10 rows or 50 bytes, and the file."""
    monkeypatch.setattr(columnar, "_ROWS_OF_A_GROUP", 10)
    monkeypatch.setattr(columnar, "_BYTES_OF_A_GROUP", 50)
    out, rows, start = io.BytesIO(), pa.record_batch([pa.array(texts)], ["text"]), 0
    sink = ParquetSink(out)
    for size in pieces:
        sink.write(rows.slice(start, size))
        start += size
    sink.close()
    found = parquet.ParquetFile(io.BytesIO(out.getvalue()))
    assert found.read()["text"].to_pylist() == list(texts)
    return [found.metadata.row_group(number).num_rows for number in range(found.num_row_groups)], out.getvalue()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        (["a"] * 25, [10, 10, 5]),
        (["a"] * 20, [10, 10]),
        (["abcdefghij"] * 12, [5, 5, 2]),
        (["x" * 200] * 3, [1, 1, 1]),
        ([*["a"] * 9, "x" * 41, "a", "x" * 30, "x" * 30, "a"], [10, 3, 1]),
    ],
)
def test_a_group_ends_by_rows_or_by_bytes_whatever_the_pieces(
    monkeypatch: pytest.MonkeyPatch, texts: list[str], expected: list[int]
) -> None:
    whole = groups(monkeypatch, texts, [len(texts)])
    assert whole[0] == expected
    for size in (1, 3, 7):
        pieces = [0, *[size] * (len(texts) // size), len(texts) % size]
        assert groups(monkeypatch, texts, pieces) == whole


def test_long_texts_are_read_back_in_little_memory() -> None:
    out = io.BytesIO()
    sink = ParquetSink(out)
    sink.write(pa.record_batch([pa.array([f"{number:020000}" for number in range(400)])], ["text"]))
    sink.close()
    before = pa.total_allocated_bytes()
    batches = parquet.ParquetFile(out, pre_buffer=False, buffer_size=1 << 16).iter_batches(1, use_threads=False)
    next(batches)
    assert pa.total_allocated_bytes() - before < 4_000_000  # all of them take 8 MB
