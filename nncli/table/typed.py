"""Values that have types become cells, or JSON: one rule for each type, whatever stands beside a value."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.errors import DataError, show
from nncli.table.arrow import TEXT, joined, number_array, numpy_array, plain, text_array, text_scalar

_CONTROL = {chr(code): json.dumps(chr(code))[1:-1] for code in range(0x20)}
_UUID = "arrow.uuid"
_EMPTY, _NULL = text_scalar(""), text_scalar("null")


def cells_of(values: pa.Array) -> pa.Array:
    """Values as cells: nested ones are JSON, bytes that are no text hexadecimal digits, missing ones empty.

    Raises:
        DataError: their type has no text.
    """
    return _filled(_texts(values), _EMPTY)


def json_of(values: pa.Array) -> pa.Array:
    """Values as JSON: numbers, truths and nested ones as such, the rest as strings of their cells.

    Raises:
        DataError: their type has no text.
    """
    values = plain(values)
    bare = stored(values)
    kind = bare.type
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_finite(bare), bare, pa.nulls(1, kind)[0])
    texts = _texts(values)
    stands_as_it_is = (pa.types.is_primitive(kind) and not pa.types.is_temporal(kind)) or pa.types.is_decimal(kind)
    if not (stands_as_it_is or pa.types.is_nested(kind)):
        texts = json_strings(texts)
    return _filled(texts, _NULL)


def json_strings(cells: pa.Array) -> pa.Array:
    """Text as JSON strings, escaped as :func:`json.dumps` does but for letters outside ASCII."""
    escaped = pc.replace_substring(pc.replace_substring(cells, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(escaped, "[\x00-\x1f]")).as_py():
        for character, escape in _CONTROL.items():
            escaped = pc.replace_substring(escaped, character, escape)
    return joined('"', escaped, '"')


def json_members(names: Sequence[str], columns: Sequence[pa.Array]) -> pa.Array:
    """The inside of JSON objects whose members' values are columns of JSON."""
    parts: list[pa.Array | str] = []
    for name, column in zip(names, columns, strict=True):
        parts += [f"{', ' if parts else ''}{json.dumps(name, ensure_ascii=False)}: ", column]
    return joined(*parts)


def stored(values: pa.Array) -> pa.Array:
    """Values of an extension's type, or of views that few functions know, in the type that they have at bottom."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return stored(values.storage)
    if pa.types.is_string_view(kind):
        return pc.cast(values, TEXT)
    return pc.cast(values, pa.large_binary()) if pa.types.is_binary_view(kind) else values


def items_of(values: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """The items of all lists or maps, one after another, and where those of each one end, after a 0."""
    kind = values.type
    if pa.types.is_map(kind):
        values = values.cast(pa.list_(pa.struct([kind.key_field, kind.item_field])))
    lengths = numpy_array(pc.list_value_length(values))
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), pc.list_flatten(values)


def _filled(texts: pa.Array, missing: pa.Scalar) -> pa.Array:
    return pc.fill_null(texts, missing) if texts.null_count else texts


def _texts(values: pa.Array) -> pa.Array:
    """Null where a value is missing."""
    if pa.types.is_dictionary(values.type):
        return _texts(values.dictionary).take(values.indices)
    if isinstance(values.type, pa.BaseExtensionType) and values.type.extension_name == _UUID:
        return _written(values.storage, _text_of_uuid)
    values = stored(values)
    kind = values.type
    if pa.types.is_nested(kind):
        return _where_valid(values, _nested(values))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _texts_of_bytes(values)
    try:
        return pc.cast(values, TEXT)
    except pa.ArrowException as error:
        raise DataError(f"{show(kind)} cannot be read as cells of a table; leave it out") from error


def _texts_of_bytes(values: pa.Array) -> pa.Array:
    try:
        texts = pc.cast(values, TEXT)
        if not pc.any(pc.match_substring(texts, "\0")).as_py():
            return texts
    except pa.ArrowInvalid:
        pass  # some are not UTF-8
    return _written(values, _text_of_bytes)


def _text_of_bytes(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return value.hex() if "\0" in text else text


def _text_of_uuid(value: bytes) -> str:
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _written(values: pa.Array, write: Callable[[Any], str]) -> pa.Array:
    return _where_valid(values, text_array(["" if value is None else write(value) for value in values.to_pylist()]))


def _where_valid(values: pa.Array, texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(values), texts, pa.nulls(1, TEXT)[0])


def _nested(values: pa.Array) -> pa.Array:
    """JSON of structs, maps and lists."""
    kind = values.type
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        members = [json_of(pc.struct_field(values, number)) for number in range(len(names))]
        return joined("{", json_members(names, members), "}")
    ends, items = items_of(values)
    if not pa.types.is_map(kind):
        return joined("[", _lists(ends, json_of(items)), "]")
    keys, held = (pc.struct_field(items, number) for number in (0, 1))
    return joined("{", _lists(ends, joined(json_strings(cells_of(keys)), ": ", json_of(held))), "}")


def _lists(ends: NDArray[np.int64], texts: pa.Array) -> pa.Array:
    """The texts of each list's items, with commas between them."""
    return pc.binary_join(pa.LargeListArray.from_arrays(number_array(ends), texts), text_scalar(", "))
