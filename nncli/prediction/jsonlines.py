"""Columns become JSON Lines: one object a line, with the very text of the input where that is JSON itself."""

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from nncli.prediction.layout import Layout, Scored
from nncli.table.arrow import TEXT, data_of, joined, mask_array, text_array, text_scalar
from nncli.table.cells import matches
from nncli.table.objects import SPACE
from nncli.table.typed import json_members, json_of, json_strings

_NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?"
"""What RFC 8259 takes for one."""
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)  # numbers are not looked at, so none is too long


def lines(layout: Layout, scored: Scored) -> pa.Buffer:
    """A line for each row."""
    opened = _kept(layout, scored)
    answers = json_members(layout.added, [_json_answers(values) for values in scored.answers])
    between = pc.if_else(pc.equal(opened, text_scalar("{")), text_scalar(""), text_scalar(", "))
    return data_of(joined(opened, between, answers, "}\n"))


def _kept(layout: Layout, scored: Scored) -> pa.Array:
    """The beginning of each row's object, up to the members that are added."""
    if layout.kept_from == "values":
        return _opened(layout.kept, list(map(json_of, scored.values(layout.kept))), scored)

    def from_cells() -> pa.Array:
        columns = [_json_cells(scored.cells[name], name in layout.numeric) for name in layout.kept]
        return _opened(layout.kept, columns, scored)

    if layout.kept_from == "records":
        return scored.where_sound(_unclosed(scored.records()), from_cells)
    if layout.kept_from == "members" and layout.kept:
        return scored.where_sound(_chosen(scored, layout.kept), from_cells)
    return from_cells()


def _opened(names: Sequence[str], columns: Sequence[pa.Array], scored: Scored) -> pa.Array:
    if not names:
        return text_array(["{"] * scored.cells.num_rows)
    return joined("{", json_members(names, columns))


def _json_answers(values: pa.Array) -> pa.Array:
    """Numbers, or names by a dictionary."""
    if pa.types.is_dictionary(values.type):
        return _or_null(json_strings(values.dictionary).take(values.indices))
    return _or_null(pc.cast(values, TEXT))


def _json_cells(cells: pa.Array, numeric: bool) -> pa.Array:
    """Cells as strings; of numeric columns, numbers as such, and an empty cell as ``null``."""
    strings = json_strings(cells)
    if not numeric:
        return strings
    strings = pc.if_else(pc.equal(cells, text_scalar("")), text_scalar("null"), strings)
    return pc.if_else(mask_array(matches(cells, _NUMBER)), cells, strings)


def _or_null(texts: pa.Array) -> pa.Array:
    return pc.fill_null(texts, text_scalar("null"))


def _unclosed(objects: pa.Array) -> pa.Array:
    """Objects as they stand, without their last brace and the space before it."""
    return pc.ascii_rtrim(pc.utf8_slice_codeunits(objects, 0, -1), SPACE)


def _chosen(scored: Scored, names: Sequence[str]) -> pa.Array:
    """The beginning of objects that hold only some members of the records, each as it stands there."""
    keys = [json.dumps(name, ensure_ascii=False) for name in names]
    texts = []
    for record, is_sound in zip(scored.records().to_pylist(), scored.is_sound.tolist(), strict=True):
        found = dict(members(record)) if is_sound else {}
        pairs = (f"{key}: {found.get(name, 'null')}" for key, name in zip(keys, names, strict=True))
        texts.append("{" + ", ".join(pairs))
    return text_array(texts)


def members(record: str) -> Iterator[tuple[str, str]]:
    r"""The key and the text of the value of each member of an object.

    >>> list(members('{"a": 1.10, "b\\"": {"c": [ ]}}'))
    [('a', '1.10'), ('b"', '{"c": [ ]}')]
    """
    at = _after_space(record, record.index("{") + 1)
    while record[at] != "}":
        key, at = _DECODER.raw_decode(record, at)
        start = _after_space(record, record.index(":", at) + 1)
        _, at = _DECODER.raw_decode(record, start)
        yield key, record[start:at]
        at = _after_space(record, at)
        at = _after_space(record, at + 1) if record[at] == "," else at


def _after_space(record: str, at: int) -> int:
    while record[at] in SPACE:
        at += 1
    return at
