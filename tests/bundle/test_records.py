from dataclasses import dataclass
from typing import Literal

import pytest

from nncli.bundle.records import dump_json, from_json, parse_json, to_json
from nncli.errors import ModelError


@dataclass(frozen=True)
class Inner:
    kind: Literal["a", "b"]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Outer:
    name: str
    count: int
    flag: bool
    inner: tuple[Inner, ...]
    maybe: int | None


VALUE = Outer("x", 3, True, (Inner("a", (1.5, 2.0)), Inner("b", ())), None)
RECORD = {
    "name": "x",
    "count": 3,
    "flag": True,
    "inner": [{"kind": "a", "values": [1.5, 2.0]}, {"kind": "b", "values": []}],
    "maybe": None,
}


def test_there_and_back() -> None:
    assert to_json(VALUE) == RECORD
    assert from_json(Outer, parse_json(dump_json(RECORD), "here"), "here") == VALUE


@pytest.mark.parametrize(
    "change",
    [
        {"count": 3.0},
        {"count": True},
        {"flag": 1},
        {"name": None},
        {"maybe": "x"},
        {"inner": {}},
        {"inner": [{"kind": "c", "values": []}]},
        {"inner": [{"kind": "a", "values": ["1"]}]},
        {"extra": 1},
    ],
)
def test_another_type_or_key_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="here"):
        from_json(Outer, {**RECORD, **change}, "here")


def test_a_missing_key_is_refused() -> None:
    with pytest.raises(ModelError, match="maybe"):
        from_json(Outer, {key: value for key, value in RECORD.items() if key != "maybe"}, "here")


@pytest.mark.parametrize("data", [b'{"a":1,"a":2}', b"NaN", b"[1e999]", b"-Infinity", b"{", b"\xff", b"[" * 100_000])
def test_json_that_is_not_strict_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="not strict JSON"):
        parse_json(data, "here")
