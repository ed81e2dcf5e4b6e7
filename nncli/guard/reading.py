"""Findings on how a file was read: its encoding, its header, the format of its numbers."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

import pyarrow as pa

from nncli.errors import inert, quoted_list, show
from nncli.guard.findings import Finding
from nncli.table.cells import stripped, to_codes
from nncli.table.chunks import Rejected
from nncli.table.dialect import NAMELESS, repeated_names
from nncli.table.numbers import PLAIN_NUMBERS, NumberFormats
from nncli.table.reading import Table

_NUMBER = re.compile(r"[-+]?[\d.,' ]*\d")
_TOTAL = re.compile(r"(grand |sub-?)?totals?:?|sum:?|summe:?|gesamt:?|average:?|mean:?", re.IGNORECASE)


def examine_reading(table: Table, formats: NumberFormats = PLAIN_NUMBERS) -> list[Finding]:
    """What may have been read in a wrong way."""
    columns = table.rows.schema.names
    return [
        *_rejected(table.rejected),
        *([Finding("encoding", "warn", (), table.foreign.message)] if table.foreign else []),
        *(_header(table.header, table.rows) if table.header is not None else []),
        *_odd_names(columns),
        *_total(table.rows),
        *_formats(formats),
    ]


def _rejected(rows: Sequence[Rejected]) -> Iterator[Finding]:
    if rows:
        message = f"{len(rows):,} rows could not be read and are left out, the first of them: {rows[0].message}"
        yield Finding("bad-rows", "warn", (), message)


def _formats(formats: NumberFormats) -> Iterator[Finding]:
    """Numbers whose format other columns tell."""
    if not formats.by_others:
        return
    names = list(formats.by_others)
    message = (
        f"numbers of {quoted_list(names)} could be read in two ways, such as 1,234 as 1.234 or 1234; they are read "
        "with the decimal mark that other columns have"
    )
    yield Finding("number-format", "info", formats.by_others, message)


def describe_formats(formats: NumberFormats) -> str:
    """What to add to the words on a file: which columns' numbers are not written as 1234.5."""
    named = defaultdict[str, list[str]](list)
    for name, form in formats.of_columns.items():
        named[form.words].append(name)
    return "".join(f", {words} in {quoted_list(names)}" for words, names in named.items())


def _header(header: Sequence[str], rows: pa.RecordBatch) -> Iterator[Finding]:
    names, columns = [name.strip() for name in header], rows.schema.names
    repeated = repeated_names(header)
    if repeated:
        later = set(chain.from_iterable(repeated.values()))
        made = [column for column in columns if column in later]
        message = f"the header names {quoted_list(list(repeated))} more than once; the later columns are called"
        yield Finding("repeated-names", "warn", tuple(made), f"{message} {quoted_list(made)}; rename them")
    n_empty = names.count("")
    if n_empty < len(names) and all(map(_may_be_a_cell, names, rows.columns)):
        remedy = f"if it is one, add --no-header, which names the columns '{NAMELESS}1', '{NAMELESS}2' and so on"
        message = f"the header names {quoted_list(names)}, which looks like a row; {remedy}"
        yield Finding("header-like-row", "warn", (), message)
    if 2 * n_empty > len(names):
        message = (
            f"the header names {len(names) - n_empty} of {len(names)} columns; if it is a title, add --skip-rows 1"
        )
        yield Finding("unnamed-columns", "warn", (), message)


def _may_be_a_cell(name: str, cells: pa.Array) -> bool:
    """Whether a name is empty, a number however written, or a value of its column."""
    return not name or bool(_NUMBER.fullmatch(name)) or bool((to_codes(stripped(cells), [name]) == 0).any())


def _odd_names(columns: Sequence[str]) -> Iterator[Finding]:
    odd = tuple(name for name in columns if inert(name) != name)
    if odd:
        message = f"names hold control or invisible characters, such as '{show(odd[0])}': they are part of the name"
        yield Finding("odd-names", "warn", odd, message)
    by_case = defaultdict[str, list[str]](list)
    for name in columns:
        by_case[name.casefold()].append(name)
    similar = [name for names in by_case.values() if len(names) > 1 for name in names]
    if similar:
        message = f"names differ only by case: {quoted_list(similar)}; they are different columns"
        yield Finding("similar-names", "warn", tuple(similar), message)


def _total(rows: pa.RecordBatch) -> Iterator[Finding]:
    """Whether the last row is none, but a total of those above."""
    last = [(name, cells[-1].as_py().strip()) for name, cells in zip(rows.schema.names, rows.columns, strict=True)]
    name, word = next(((name, cell) for name, cell in last if cell), ("", ""))
    if _TOTAL.fullmatch(word) and (to_codes(stripped(rows[name]), [word]) == 0).sum() == 1:
        message = f"the last row begins with '{show(word)}' in column '{show(name)}', as no other does"
        yield Finding("total-row", "warn", (name,), f"{message}; if it is a total, take it out of the data")
