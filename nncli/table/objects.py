"""One line of JSON Lines: an object whose numbers are their literal text, so that nothing is rounded."""

import json
from collections import Counter
from typing import Any

SPACE = " \t\r\n"
"""What JSON takes for space."""
Object = dict[str, str | bool | None]
"""Numbers are text too."""


class Nested(str):
    """A list or an object in an object, as JSON."""

    __slots__ = ()


class _Number(str):
    """As it is written."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        repeated = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"the key {json.dumps(repeated)} stands there twice")
    return found


_DECODER = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_Number, object_pairs_hook=_unique)


def parse_object(line: str) -> Object:
    """The object in a line, without space around it.

    Raises:
        ValueError: there is none; the message says why.

    >>> parse_object('{"a": 1.50, "b": null, "c": [2.0, "x"]}')
    {'a': '1.50', 'b': None, 'c': '[2.0, "x"]'}
    """
    try:
        found, end = _DECODER.raw_decode(line)
        if end < len(line):
            raise json.JSONDecodeError("Extra data", line, end)
        if not isinstance(found, dict):
            raise ValueError("another value stands there")
        if "\\u" in line:
            _json(found).encode()
        return _flat(found) if may_nest(line) else found
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.colno}") from None
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair is no character") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def may_nest(line: str) -> bool:
    """Whether an object's line may hold a list or another object: seen at a glance, and rarely so."""
    return "[" in line or "{" in line[1:]


def cell_of(value: str | bool | None) -> str:
    """A value of an object as a cell; what is missing is empty."""
    return "" if value is None else str(value) if isinstance(value, str) else _json(value)


def _flat(found: dict[str, Any]) -> Object:
    return {name: Nested(_json(value)) if isinstance(value, (list, dict)) else value for name, value in found.items()}


def _json(value: Any) -> str:
    """JSON with the numbers as they were."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(name)}: {_json(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
