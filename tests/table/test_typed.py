"""What a value of each type becomes, alone and among others."""

import datetime
import json
import math
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import cells_of as text_cells

from nncli.errors import DataError
from nncli.table.typed import cells_of, json_of, json_strings

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INNER = pa.struct([("n", pa.float64()), ('"s"', pa.string()), ("list", pa.list_(pa.int64()))])
UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
STAMP = datetime.datetime(2024, 2, 29, 12, 30)
MAPS = [{"1": "ff"}, {"2": None}]
EXAMPLES: list[tuple[pa.DataType, list[Any], list[str], list[Any]]] = [
    (pa.float64(), [1.5, math.nan, math.inf], ["1.5", "nan", "inf"], [1.5, None, None]),
    (pa.bool_(), [True, False], ["true", "false"], [True, False]),
    (pa.decimal128(5, 2), [Decimal("1.50")], ["1.50"], [1.5]),
    (pa.timestamp("ns"), [STAMP], ["2024-02-29 12:30:00.000000000"], ["2024-02-29 12:30:00.000000000"]),
    (pa.null(), [None], [""], [None]),
    (pa.binary(), [b"abc", b"\xff\xfe", b"a\0", b""], ["abc", "fffe", "6100", ""], ["abc", "fffe", "6100", ""]),
    (pa.large_binary(), [b"\xc3\xa9", b"\xe9"], ["é", "e9"], ["é", "e9"]),
    (pa.binary(2), [b"ab", b"\xff\xff"], ["ab", "ffff"], ["ab", "ffff"]),
    (pa.binary_view(), [b"ab", b"\xff"], ["ab", "ff"], ["ab", "ff"]),
    (pa.string_view(), ["ab", '"'], ["ab", '"'], ["ab", '"']),
    (pa.dictionary(pa.int8(), pa.binary()), [b"ab", b"\xff", b"ab"], ["ab", "ff", "ab"], ["ab", "ff", "ab"]),
    (pa.uuid(), [UUID.bytes], [str(UUID)], [str(UUID)]),
    (pa.bool8(), [1, 0], ["1", "0"], [1, 0]),
    (pa.list_(pa.string()), [["a", None], [], ['"']], ['["a", null]', "[]", r'["\""]'], [["a", None], [], ['"']]),
    (pa.large_list(pa.date32()), [[STAMP.date()]], ['["2024-02-29"]'], [["2024-02-29"]]),
    (pa.list_(pa.int8(), 2), [[1, 2], [3, None]], ["[1, 2]", "[3, null]"], [[1, 2], [3, None]]),
    (pa.list_view(pa.int8()), [[1, 2], []], ["[1, 2]", "[]"], [[1, 2], []]),
    (pa.map_(pa.string(), pa.int8()), [[("k", 1)], []], ['{"k": 1}', "{}"], [{"k": 1}, {}]),
    (pa.map_(pa.int8(), pa.binary()), [[(1, b"\xff")], [(2, None)]], ['{"1": "ff"}', '{"2": null}'], MAPS),
    (
        pa.list_(INNER),
        [[{"n": math.nan, '"s"': "a\n", "list": [1]}, None], []],
        [r'[{"n": null, "\"s\"": "a\n", "list": [1]}, null]', "[]"],
        [[{"n": None, '"s"': "a\n", "list": [1]}, None], []],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "values", "cells", "json_values"), EXAMPLES, ids=[str(kind) for kind, *_ in EXAMPLES])
def test_a_value_becomes_the_same_whatever_stands_beside_it(
    kind: pa.DataType, values: list[Any], cells: list[str], json_values: list[Any]
) -> None:
    column = pa.array([None, *values, None], kind)
    assert cells_of(column).to_pylist() == ["", *cells, ""]
    found = [json.loads(text) for text in json_of(column).to_pylist()]
    assert found == [None, *json_values, None]
    for number, (cell, value) in enumerate(zip(cells, json_values, strict=True), start=1):
        assert cells_of(column.slice(number, 1)).to_pylist() == [cell]
        assert list(map(json.loads, json_of(column.slice(number, 1)).to_pylist())) == [value]
    assert not len(cells_of(column[:0]))


@given(rows=st.lists(st.none() | st.fixed_dictionaries({
    "n": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    '"s"': st.none() | TEXT,
    "list": st.none() | st.lists(st.none() | st.integers(-(1 << 63), (1 << 63) - 1), max_size=3),
}), max_size=4))  # fmt: skip
def test_nested_values_are_read_back_as_they_were(rows: list[Any]) -> None:
    assert [json.loads(text) for text in json_of(pa.array(rows, INNER)).to_pylist()] == rows


@given(cells=st.lists(TEXT, max_size=5))
def test_strings_are_escaped_as_the_json_module_does(cells: list[str]) -> None:
    expected = [json.dumps(cell, ensure_ascii=False) for cell in cells]
    assert json_strings(text_cells(cells)).to_pylist() == expected


def test_a_type_without_text_is_named() -> None:
    with pytest.raises(DataError, match=r"tz=Nowhere.* cannot be read as cells"):
        cells_of(pa.array([0], pa.timestamp("us", "Nowhere")))
