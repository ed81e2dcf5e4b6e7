"""What kind of text a file is and which character separates its fields: found from the first records, never per row."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from nncli.errors import DataError, quoted_list, show
from nncli.settings import InputFormat
from nncli.table.filetype import file_type
from nncli.table.objects import parse_object

NAMELESS = "column "
TAB = "\t"
DELIMITERS = {",": "comma", TAB: "tab", ";": "semicolon", "|": "bar"}


def format_by_name(path: str) -> InputFormat | None:
    """What a file's name says of its text; nothing where that is best seen from the text.

    >>> format_by_name("rows.JSONL.gz")
    'jsonl'
    """
    stated = file_type(path).format
    return stated if stated in ("tsv", "jsonl") else None


def is_json_lines(line: str) -> bool:
    """Whether the first line of a file is a JSON object.

    >>> is_json_lines('{"a": 1}'), is_json_lines("{a},b")
    (True, False)
    """
    try:
        parse_object(line.strip())
    except ValueError:
        return False
    return True


def refuse_json_document(beginning: str, name: str) -> None:
    """Refuses JSON that is not one object a line.

    Raises:
        DataError: the file begins as an array of objects does, or as an object over several lines.
    """
    if re.match(r"\s*\[[ \t\r]*[{\n]", beginning):
        raise DataError(f"{name}: is one JSON array; one object a line is needed: jq -c '.[]' FILE")
    if re.match(r"\s*\{[ \t\r]*\n", beginning):
        raise DataError(f"{name}: is JSON over several lines; one object a line is needed: jq -c . FILE")


def first_lines(text: bytes, n_lines: int) -> list[str]:
    """The first lines with their line ends: of LF, for a cell may hold what else ends lines in Unicode."""
    return [line.decode(errors="replace") for line in islice(io.BytesIO(text), n_lines)]


def first_record(lines: Iterable[str], delimiter: str) -> list[str] | None:
    """The fields of the first record that is not blank; none if it is broken, ``None`` if the lines end before it."""
    try:
        return next(filter(None, csv.reader(lines, delimiter=delimiter, strict=True)), [])
    except csv.Error as error:
        return None if "unexpected end" in str(error) else []


def parse_line(line: str, delimiter: str) -> list[str]:
    """The fields of one complete record; none if its quotes do not close."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def column_names(header: Iterable[str]) -> list[str]:
    """The names in a header, without spaces around them; one that is left out becomes its number.

    >>> column_names(["id", " b", "", "c"])
    ['id', 'b', 'column 3', 'c']
    """
    names = [name.strip() for name in header]
    return [name or f"{NAMELESS}{number}" for number, name in enumerate(names, start=1)]


def find_delimiter(lines: Sequence[str], name: str) -> str:
    """The delimiter that gives every one of the first records the same number of fields, and the most.

    Args:
        lines: the first lines of the file, header first; quoted line breaks are fine.
        name: of the source, for messages.

    Raises:
        DataError: lines before the header, or no delimiter gives more than one column.

    >>> find_delimiter(["a;b", "1,5;2", "2,5;3"], "file")
    ';'
    """
    counts = {delimiter: _field_counts(lines, delimiter) for delimiter in DELIMITERS}
    steady = {d: c[0] for d, c in counts.items() if c and len(set(c)) == 1 and c[0] > 1}
    if steady:
        return max(steady, key=lambda d: steady[d])
    for found in counts.values():
        _refuse_preamble(found, lines, name)
    best = max(counts, key=lambda d: counts[d][0] if counts[d] else 0)
    if not counts[best] or counts[best][0] < 2:
        raise DataError(
            f"{name}, line 1: only one column was found, '{show(lines[0].strip(), 40)}'; comma, tab, "
            "semicolon and | were tried; a table needs the target and at least one more column"
        )
    return best


def header_delimiter(lines: Sequence[str], columns: Iterable[str]) -> str:
    """The delimiter under which the first record of some lines names the most of ``columns``."""
    wanted = set(columns)
    return max(DELIMITERS, key=lambda d: len(wanted.intersection(column_names(first_record(lines, d) or []))))


def check_names(columns: list[str], name: str) -> None:
    """Refuses names that do not tell columns apart.

    Raises:
        DataError: a name stands twice.
    """
    repeated = sorted(column for column, count in Counter(columns).items() if count > 1)
    if repeated:
        raise DataError(f"{name}, line 1: the header names {quoted_list(repeated)} twice; rename one of them")


def _field_counts(lines: Sequence[str], delimiter: str) -> list[int]:
    counts = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, strict=True):
            if row:
                counts.append(len(row))
    except csv.Error:
        pass  # the sample may end inside a quoted field; the reader will say more if it is the file's fault
    return counts


def _refuse_preamble(counts: list[int], lines: Sequence[str], name: str) -> None:
    rest = counts[1:]
    if len(rest) >= 2 and len(set(rest)) == 1 and rest[0] > 2 and counts[0] == 1:
        raise DataError(
            f"{name}, line 1: '{show(lines[0].strip(), 40)}' is not a header: the lines below it have "
            f"{rest[0]} fields; take such lines off first: tail -n +2 FILE | nncli train -"
        )
