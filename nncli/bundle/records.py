"""Frozen dataclasses to JSON and back, strictly: exact keys, exact types, numbers and text that are some.

The type annotations of the dataclasses are the schema, so there is no second place to keep in step.
"""

import json
import math
from dataclasses import Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nncli.errors import DAMAGED, ModelError, UsageError, quoted_list, show

_LARGEST_INTEGER = 2**63 - 1

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A dataclass as JSON values; tuples become lists.

    >>> from nncli.table.schema import Column
    >>> to_json(Column("a", "numeric"))
    {'name': 'a', 'kind': 'numeric', 'numbers': None}
    """
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in _json_fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return value


def from_json(cls: type[T], data: Any, where: str) -> T:
    """A dataclass from JSON values.

    Args:
        cls: the dataclass.
        data: parsed JSON.
        where: what the data is, for messages.

    Raises:
        ModelError: a key is missing or unknown, or a value has another type than the field.
    """
    value: T = _build(cls, data, where)
    return value


def parse_json(data: bytes, where: str) -> Any:
    """Parses strict JSON.

    Raises:
        ModelError: no JSON, a key twice, a number that is not finite, or nesting without end.
    """
    try:
        return json.loads(
            data.decode(),  # bytes may be UTF-16, too
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: is not strict JSON ({show(error)}); {DAMAGED}") from error


def dump_json(value: Any) -> bytes:
    """JSON bytes that depend on the value alone."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _json_fields(cls: Any) -> list[Field[Any]]:
    """The fields of a dataclass but those that are stored as arrays, in a file of their own."""
    return [field for field in fields(cls) if field.metadata.get("stored") != "arrays"]


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice")
    return record


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _build(annotation: Any, data: Any, where: str) -> Any:
    origin, args = get_origin(annotation), get_args(annotation)
    if is_dataclass(annotation):
        return _build_record(annotation, data, where)
    if origin is tuple and isinstance(data, list):
        return tuple(_build(args[0], item, where) for item in data)
    if origin in (Union, UnionType):
        if data is None and NoneType in args:
            return None
        return _build(next(arg for arg in args if arg is not NoneType), data, where)
    if origin is Literal and data in args:
        return data
    if annotation is float and type(data) in (int, float) and _can_be(data):
        return float(data)
    if isinstance(annotation, type) and type(data) is annotation and _can_be(data):
        return data
    raise ModelError(f"{where}: {type(data).__name__} where {annotation} is expected; {DAMAGED}")


def _can_be(data: Any) -> bool:
    """Whether a whole number has a size that arrays have, and text no halves of characters, which nothing can write."""
    if type(data) is int:
        return abs(data) <= _LARGEST_INTEGER
    if type(data) is str and not data.isascii():
        return not any("\ud800" <= character <= "\udfff" for character in data)
    return True


def _build_record(cls: Any, data: Any, where: str) -> Any:
    names = {field.name for field in _json_fields(cls)}
    if not isinstance(data, dict) or set(data) != names:
        wrong = quoted_list(sorted(names ^ set(data if isinstance(data, dict) else ())))
        raise ModelError(f"{where}: {cls.__name__} with wrong or missing keys {wrong}; {DAMAGED}")
    hints = get_type_hints(cls)
    values = {name: _build(hints[name], data[name], f"{where}.{name}") for name in names}
    try:
        return cls(**values)
    except UsageError as error:  # settings check their ranges themselves
        raise ModelError(f"{where}: {error}; {DAMAGED}") from error
