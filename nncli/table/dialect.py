"""What kind of text a file is and which character separates its fields: found from the first records, never per row."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import NamedTuple

from nncli.errors import DataError, quoted_list, show
from nncli.settings import Delimiter, InputFormat
from nncli.table.encoding import as_text
from nncli.table.filetype import file_type
from nncli.table.objects import parse_object

NAMELESS = "column "
MOST_COLUMNS = 100_000
COMMENT = "#"
COMMA: Delimiter = ","
TAB: Delimiter = "\t"
DELIMITERS: dict[Delimiter, str] = {COMMA: "comma", TAB: "tab", ";": "semicolon", "|": "bar"}
_DECIMAL_COMMA = re.compile(r"[-+]?[\d.]*,\d+")
_MOST_STRAYS = 3
"""Records of another size among the first of a table, such as a footer's, that are no evidence against it."""


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


def first_lines(text: bytes, n_lines: int) -> list[str]:
    """The first lines with their line ends: of LF, for a cell may hold what else ends lines in Unicode."""
    return [as_text(line) for line in islice(io.BytesIO(text), n_lines)]


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
    """The names in a header, without spaces around them and told apart: one that is left out becomes its number, one
    that stands there again gets a number.

    >>> column_names(["id", " b", "", "id", "id (2)", "b"])
    ['id', 'b', 'column 3', 'id (3)', 'id (2)', 'b (2)']
    """
    names = [name.strip() for name in header]
    taken, seen, numbers = set(names), set[str](), dict[str, Iterator[int]]()
    for place, name in enumerate(names):
        wanted = name or f"{NAMELESS}{place + 1}"
        if wanted in (seen if name else taken):
            numbered = (f"{wanted} ({number})" for number in numbers.setdefault(wanted, count(2)))
            wanted = next(other for other in numbered if other not in taken)
        names[place] = wanted
        taken.add(wanted)
        seen.add(wanted)
    return names


def repeated_names(header: Sequence[str]) -> dict[str, list[str]]:
    """The names that stand more than once in a header, and what :func:`column_names` calls the later ones of each.

    >>> repeated_names(["id", " b", "", "", "id ", "b", "id"])
    {'id': ['id (2)', 'id (3)'], 'b': ['b (2)']}
    """
    later: dict[str, list[str]] = {}
    for name, column in zip(map(str.strip, header), column_names(header), strict=True):
        if name and name != column:
            later.setdefault(name, []).append(column)
    return later


def numbered_names(n_columns: int) -> list[str]:
    """Names of columns that no header names.

    >>> numbered_names(2)
    ['column 1', 'column 2']
    """
    return [f"{NAMELESS}{number}" for number in range(1, n_columns + 1)]


def find_delimiter(lines: Sequence[str], name: str, first_line: int = 1) -> Delimiter:
    """The delimiter that gives every one of the first records the same number of fields, and the most.

    Args:
        lines: the first lines of the file, or those after the lines that are skipped; quoted line breaks are fine.
        name: of the source, for messages.
        first_line: number of the first of them in the file.

    Raises:
        DataError: lines before the header, one that does not end, or no delimiter gives more than one column.

    >>> find_delimiter(["a;b", "1,5;2", "2,5;3"], "file")
    ';'
    >>> find_delimiter(["1,5;2,5", "2,0;3,5"], "file")
    ';'
    """
    _refuse_named_delimiter(lines, name, first_line)
    records = {delimiter: _records(lines, delimiter) for delimiter in DELIMITERS}
    n_fields = {delimiter: [len(record.fields) for record in found] for delimiter, found in records.items()}
    steady = [d for d, sizes in n_fields.items() if sizes and len(set(sizes)) == 1 and sizes[0] > 1]
    if steady:
        return max(_likely({d: records[d] for d in steady}), key=lambda d: n_fields[d][0])
    _refuse_open_quote(lines, name, first_line)
    refuse_preamble(lines, name, first_line)
    best = max(DELIMITERS, key=lambda d: n_fields[d][0] if n_fields[d] else 0)
    if not n_fields[best] or n_fields[best][0] < 2:
        raise DataError(f"{name}, line {first_line}: {_one_column(lines)}")
    return best


def _one_column(lines: Sequence[str]) -> str:
    """What is wrong with lines that no delimiter cuts, and what to do."""
    found = f"only one column was found, '{show(lines[0].strip(), 40)}'; comma, tab, semicolon and | were tried"
    other = _other_delimiter([line.strip() for line in lines if line.strip()])
    if other is None:
        what = "a table needs the target and at least one more column; separate its fields by one of these"
        return f"{found}; {what}, or name another file if this is no table"
    character = other if other.isprintable() else f"\\{ord(other):03o}"
    mended = "awk -v OFS='\\t' '{$1=$1} 1'" if other == " " else f"tr '{character}' '\\t' <"
    return f"{found}; '{show(other)}' seems to separate its fields; write tabs instead: {mended} FILE > TABLE.tsv"


def _other_delimiter(lines: Sequence[str]) -> str | None:
    """What cuts every line into as many fields though nncli does not take it for a delimiter; a space may be several.

    >>> _other_delimiter(["a^b^c", "1^2^3"]), _other_delimiter(["a  b", "1 2"]), _other_delimiter(["a.b", "3"])
    ('^', ' ', None)
    """
    marks = sorted({mark for mark in lines[0] if mark.isascii() and not mark.isalnum()} - set("\"'\\._-"))
    n_fields = {mark: {len(line.split(None if mark == " " else mark)) for line in lines} for mark in marks}
    steady = [mark for mark in marks if len(n_fields[mark]) == 1 and n_fields[mark] != {1}]
    return max(steady, key=lambda mark: max(n_fields[mark]), default=None) if len(lines) > 1 else None


def header_delimiter(
    lines: Sequence[str], columns: Iterable[str], has_header: bool = True, usual: Delimiter | None = None
) -> Delimiter:
    """The delimiter under which the first record of some lines has the most of ``columns``.

    Args:
        lines: the first record and whatever comes next.
        columns: that the data should have.
        has_header: whether that record names them; their numbers are their names if not.
        usual: is taken where others are as good.
    """
    wanted = set(columns)

    def n_found(delimiter: Delimiter) -> int:
        fields = first_record(lines, delimiter) or []
        return len(wanted.intersection(column_names(fields) if has_header else numbered_names(len(fields))))

    return max(dict.fromkeys([usual or COMMA, *DELIMITERS]), key=n_found)


def check_names(columns: Sequence[str], name: str) -> None:
    """Refuses more columns than a table may have, and names that do not tell them apart.

    Raises:
        DataError: there are too many, or a name stands twice.
    """
    if len(columns) > MOST_COLUMNS:
        what = f"{len(columns):,} columns were found, and {MOST_COLUMNS:,} is the most that is read"
        raise DataError(f"{name}: {what}; is this a table with a row on each line? leave some out")
    repeated = sorted(column for column, number in Counter(columns).items() if number > 1)
    if repeated:
        raise DataError(f"{name}: has two columns named {quoted_list(repeated)}; rename one of them")


def refuse_preamble(
    lines: Sequence[str], name: str, first_line: int, delimiters: Iterable[Delimiter] = DELIMITERS
) -> None:
    """Refuses lines that come before the table: titles, comments, anything with far fewer fields than what follows.

    Args:
        lines: the first lines, as they are.
        name: of the source, for messages.
        first_line: number of the first of them in the file.
        delimiters: that may be between the table's fields.

    Raises:
        DataError: there are such lines; the message says how to skip them.
    """
    records = {d: _records(lines, d) for d in delimiters}
    tables = {d: found[n_before:] for d, found in records.items() if (n_before := _table_beginning(found))}
    if tables:
        header = max((tables[d][0] for d in _likely(tables)), key=lambda record: (len(record.fields), -record.line))
        skipped = first_line + header.line - 2
        shown = next(line for line in lines if line.strip())
        raise DataError(
            f"{name}, line {first_line}: '{show(shown.strip(), 40)}' is not a header: the lines from line "
            f"{skipped + 1} on have {len(header.fields)} fields; add --skip-rows {skipped}"
        )


def _refuse_named_delimiter(lines: Sequence[str], name: str, first_line: int) -> None:
    """Refuses the line ``sep=;``, which looks like a record of two fields."""
    number, line = next(((number, line.strip()) for number, line in enumerate(lines) if line.strip()), (0, ""))
    if re.fullmatch('"?sep=."?', line):
        what = f"'{show(line)}' is not a header, but names the delimiter, as spreadsheets do"
        raise DataError(f"{name}, line {first_line + number}: {what}; add --skip-rows {first_line + number}")


def _refuse_open_quote(lines: Sequence[str], name: str, first_line: int) -> None:
    """Refuses a header that does not end, whatever the delimiter."""
    if all(first_record(lines, delimiter) is None for delimiter in DELIMITERS):
        raise open_quote(name, first_line, next((line for line in lines if line.strip()), ""))


def open_quote(name: str, line: int, text: str) -> DataError:
    """The error for a record that does not end; ``text`` is its first line."""
    what = f"a quote that opens here never closes: '{show(text.strip(), 40)}'; close it, or remove it"
    return DataError(f"{name}, line {line}: {what}")


class _Found(NamedTuple):
    line: int
    """Among the lines, from 1."""
    fields: list[str]


def _records(lines: Sequence[str], delimiter: str) -> list[_Found]:
    """The records in some lines up to one that is broken, without blank ones."""
    reader, found, line = csv.reader(lines, delimiter=delimiter, strict=True), list[_Found](), 1
    try:
        for fields in reader:
            if fields:
                found.append(_Found(line, fields))
            line = reader.line_num + 1
    except csv.Error:
        pass  # the sample may end inside a quoted field; the reader will say more if it is the file's fault
    return found


def _table_beginning(records: Sequence[_Found]) -> int:
    """How many of some records come before a table; 0 where nothing tells of any."""
    sizes = [len(record.fields) for record in records]
    width, n_records = Counter(sizes).most_common(1)[0] if sizes else (0, 0)
    if width < 2 or n_records < 2:
        return 0
    begin = sizes.index(width)
    before = [size < 2 or 2 * size <= width for size in sizes[:begin]]
    comments = [record.fields[0].lstrip().startswith(COMMENT) for record in records[:begin]]
    n_strays = sum(size != width for size in sizes[begin:])
    is_preamble = all(map(any, zip(before, comments, strict=True))) and n_strays <= _MOST_STRAYS
    return begin if is_preamble else 0


def _likely(tables: Mapping[Delimiter, Sequence[_Found]]) -> list[Delimiter]:
    """The delimiters of some tables, less the comma where another one leaves it to numbers alone."""
    others = [d for d, records in tables.items() if d != COMMA and _holds_decimal_commas(records)]
    return others if others and COMMA in tables else list(tables)


def _holds_decimal_commas(records: Sequence[_Found]) -> bool:
    """Whether commas stand in numbers alone."""
    with_commas = [field for record in records for field in record.fields if COMMA in field]
    return all(_DECIMAL_COMMA.fullmatch(field.strip()) for field in with_commas)
