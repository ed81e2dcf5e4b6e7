"""Rows with types, cut by their bytes."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.table.portions import _PER_CELL, portions, row_bytes

TEXTS = ["abc", None, "", "é" * 50, "a"]
EXAMPLES: list[tuple[pa.Array, list[int]]] = [
    (pa.array([1, None, 3], pa.int32()), [4, 4, 4]),
    (pa.array([True, None, False]), [1, 1, 1]),
    (pa.nulls(3), [0, 0, 0]),
    (pa.array(TEXTS), [3, 0, 0, 100, 1]),
    (pa.array(TEXTS, pa.large_string()), [3, 0, 0, 100, 1]),
    (pa.array(TEXTS, pa.string_view()), [3, 0, 0, 100, 1]),
    (pa.array(TEXTS).dictionary_encode(), [3, 0, 0, 100, 1]),
    (pa.array([7, None, 7]).dictionary_encode(), [8, 0, 8]),
    (pa.array([b"1" * 16, None], pa.uuid()), [16, 16]),
    (pa.array([["ab", None], None, [], ["c"]]), [2, 0, 0, 1]),
    (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [2, 0]),
    (pa.array([[("k", 1), ("lm", None)], None, []], pa.map_(pa.string(), pa.int8())), [5, 0, 0]),
    (pa.array([{"n": 1, "s": "ab"}, None]), [10, 8]),
]


@pytest.mark.parametrize(("column", "expected"), EXAMPLES, ids=[str(column.type) for column, _ in EXAMPLES])
def test_the_bytes_of_a_row_are_its_own(column: pa.Array, expected: list[int]) -> None:
    batch = pa.record_batch([column, column], ["a", "b"])
    assert row_bytes(batch).tolist() == [2 * size for size in expected]
    for row in range(batch.num_rows):
        assert row_bytes(batch.slice(row, 1)).tolist() == [2 * expected[row]]


@given(sizes=st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=5), most_bytes=st.integers(1, 60))
def test_portions_are_as_full_as_may_be(sizes: list[list[int]], most_bytes: int) -> None:
    batches = [pa.record_batch([pa.array(["x" * size for size in part], pa.string())], ["a"]) for part in sizes]
    found = list(portions(batches, 1, most_bytes))
    assert [text for batch in found for text in batch["a"].to_pylist()] == [
        "x" * size for size in itertools.chain.from_iterable(sizes)
    ]
    widths = [(row_bytes(batch) + _PER_CELL).tolist() for batch in found]
    assert all(len(width) == 1 or sum(width) <= most_bytes for width in widths)
    assert all(sum(first) + second[0] > most_bytes for first, second in itertools.pairwise(widths))


def test_batches_whose_dictionaries_differ_stay_apart() -> None:
    parts = [["a", "b"], ["b", "a"], ["c"], ["c"]]
    dictionaries = [["a", "b"], ["a", "b"], ["c"], ["c"]]
    batches = [
        pa.record_batch(
            [pa.DictionaryArray.from_arrays(np.array([names.index(x) for x in part], np.int8), names)], ["a"]
        )
        for part, names in zip(parts, dictionaries, strict=True)
    ]
    found = list(portions(batches, 1, 1000))
    assert [batch["a"].to_pylist() for batch in found] == [["a", "b", "b", "a"], ["c", "c"]]
    assert [batch["a"].dictionary.to_pylist() for batch in found] == [["a", "b"], ["c"]]
