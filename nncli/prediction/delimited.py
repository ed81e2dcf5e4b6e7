"""Columns become lines of CSV or TSV: quotes only where they are needed, line ends of LF."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from nncli.prediction.layout import DELIMITERS, Layout, Scored
from nncli.table.arrow import TEXT, data_of, joined, mask_array, text_array, text_scalar
from nncli.table.cells import NUMBER, matches

_ACTS = r"^[=+\-@\t\r\n＝＋－＠]"
"""How text begins that spreadsheets take for more than text, in some languages also by the wide signs (OWASP, "CSV
Injection")."""


def header(layout: Layout) -> pa.Buffer:
    """The line of names."""
    return _lines([_fields(text_array([name]), layout) for name in layout.names], layout)


def lines(layout: Layout, scored: Scored) -> pa.Buffer:
    """A line for each row."""
    return _lines([*_kept(layout, scored), *(_answer(values, layout) for values in scored.answers)], layout)


def _kept(layout: Layout, scored: Scored) -> list[pa.Array]:
    def fields() -> list[pa.Array]:
        return [_fields(scored.kept_cells(name), layout) for name in layout.kept]

    if layout.kept_from != "records":
        return fields()
    return [scored.where_sound(scored.records(), lambda: joined(*fields(), between=DELIMITERS[layout.format]))]


def _answer(values: pa.Array, layout: Layout) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        fields = _fields(values.dictionary, layout).take(values.indices)
    else:
        fields = pc.cast(values, TEXT)
    return pc.fill_null(fields, text_scalar("")) if fields.null_count else fields


def _fields(cells: pa.Array, layout: Layout) -> pa.Array:
    """Text as fields."""
    safe = _disarmed(cells) if layout.excel_safe else cells
    special = pc.match_substring_regex(safe, rf'[{DELIMITERS[layout.format]}"\r\n]')
    if not pc.any(special).as_py():
        return safe
    return pc.if_else(special, joined('"', pc.replace_substring(safe, '"', '""'), '"'), safe)


def _disarmed(cells: pa.Array) -> pa.Array:
    """With an apostrophe before text that a spreadsheet would act on; numbers are left as they are."""
    acts = pc.and_not(pc.match_substring_regex(cells, _ACTS), mask_array(matches(cells, NUMBER)))
    return pc.if_else(acts, joined("'", cells), cells)


def _lines(columns: Sequence[pa.Array], layout: Layout) -> pa.Buffer:
    """Fields of one or more columns as the bytes of lines."""
    *others, last = columns
    if not others:  # a blank line would be no row
        last = pc.if_else(pc.equal(last, text_scalar("")), text_scalar('""'), last)
    return data_of(joined(*others, joined(last, "\n"), between=DELIMITERS[layout.format]))
