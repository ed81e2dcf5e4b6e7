"""A file of any format becomes rows whose cells are all text.

Text first, types later: a type is decided over the whole column, never per chunk.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import NoReturn

import pyarrow as pa

from nncli.errors import DataError, UsageError, quoted_list, show
from nncli.settings import USUAL_READING, BadRows, Delimiter, InputFormat, LearnedBadRows, ReadingSettings
from nncli.table.arrow import text_array
from nncli.table.cells import with_missing
from nncli.table.chunks import Input, Rejected, Wanted
from nncli.table.delimited import open_delimited
from nncli.table.dialect import (
    DELIMITERS,
    TAB,
    find_delimiter,
    first_lines,
    first_record,
    format_by_name,
    header_delimiter,
    is_json_lines,
    parse_line,
    refuse_preamble,
)
from nncli.table.encoding import Foreign, joined, refuse_wide
from nncli.table.jsonl import open_jsonl
from nncli.table.plaintext import NEWLINE, refuse_endless, without_lines
from nncli.table.signatures import refuse_other_text
from nncli.table.source import PATIENCE, Source, open_source, open_text

_SNIFFED_LINES = 200
_MOST_FOOTER_LINES = 10
BLOCK_BYTES = 1 << 19
"""Of text that is parsed at once."""


@dataclass(frozen=True)
class Table:
    """A whole table in memory, every cell as text; empty text is an empty cell."""

    rows: pa.RecordBatch
    path: str
    sha256: str
    """Of the decompressed bytes."""
    dialect: str
    """What the reader decided, in words."""
    format: InputFormat = "csv"
    reading: ReadingSettings = USUAL_READING
    """How it was read, for other data to be read in the same way."""
    header: Sequence[str] | None = None
    """The names as they stand in the first line, where there is one that names columns."""
    foreign: Foreign | None = None
    """Lines that are no UTF-8."""
    rejected: tuple[Rejected, ...] = ()
    """Rows that could not be read, and are none of the others."""


def read_table(path: str, reading: ReadingSettings = USUAL_READING, bad_rows: LearnedBadRows = "error") -> Table:
    """Reads a whole file, or standard input where ``path`` is ``-``.

    Args:
        path: file name, or ``-``.
        reading: how text is read; words for missing cells become empty cells.
        bad_rows: what becomes of a row that cannot be read.

    Raises:
        DataError: the file is empty, has no rows, is ragged or not text; the message names the line.
        OSError: it cannot be read.
        UsageError: options are for delimited text, and it is none.
    """
    with open_source(path, hashed=True) as source:
        kind = _kind(source, path, None)
        # Bad rows are skipped, and refused all the same: of a footer, more has to be known than the first line of it.
        with _opened(source, kind, None, BLOCK_BYTES, PATIENCE, "skip", reading) as given:
            _refuse_unused(given, reading, source.name)
            batches, rejected, foreign = _read_all(given, source, bad_rows)
    rows = _united(batches)
    if not rows.num_rows:
        what = f"no row can be read; {rejected[0].message}" if rejected else "has a header but no rows"
        raise DataError(f"{source.name}: {what}; there is nothing to learn from")
    return Table(
        rows=with_missing(rows, reading.missing_words),
        path=path,
        sha256=source.sha256,
        dialect=_words(given, foreign, reading),
        format=given.format,
        reading=replace(reading, delimiter=given.delimiter),
        header=given.header,
        foreign=foreign,
        rejected=tuple(rejected),
    )


def _read_all(
    given: Input, source: Source, bad_rows: LearnedBadRows
) -> tuple[list[pa.RecordBatch], list[Rejected], Foreign | None]:
    """All rows, those that cannot be read, and what is to be said of lines that are no UTF-8.

    Raises:
        DataError: a row cannot be read, and that is an error.
    """
    batches, bad, foreign = list[pa.RecordBatch](), list[Rejected](), None
    for chunk in given.chunks:
        rows = chunk.rows()
        n_rows, is_new = rows.cells.num_rows, not bad
        bad += rows.rejected
        if bad and bad_rows == "error" and (n_rows > (bad[0].row if is_new else 0) or len(bad) > _MOST_FOOTER_LINES):
            raise DataError(bad[0].message)
        batches.append(rows.cells)
        foreign = joined(foreign, chunk.foreign)
    if bad and bad_rows == "error":
        _refuse_footer(bad, given, source)
    return batches, bad, foreign


def _refuse_footer(last: Sequence[Rejected], given: Input, source: Source) -> NoReturn:
    """Says what the last lines look like, which cannot be read."""
    first, width = last[0], len(given.columns)
    sizes = [len(parse_line(bad.text, given.delimiter)) for bad in last] if given.delimiter else []
    if not sizes or first.row == 0 or not all(0 < size < width for size in sizes):
        raise DataError(first.message)
    lines = f"{len(last)} lines have" if len(last) > 1 else "line has"
    command = "" if given.ways else f": head -n {first.line - 1} FILE > SHORTER"
    raise DataError(
        f"{source.name}, line {first.line}: '{show(first.text, 40)}' looks like a footer, or was cut off: the last "
        f"{lines} fewer fields than the {width} of the table; leave out all from here on{command}"
    )


def _refuse_unused(given: Input, reading: ReadingSettings, name: str) -> None:
    """Refuses options that say nothing of such a file, unless a model remembers them from another."""
    is_asked = reading.delimiter is None and (reading.skip_rows or not reading.has_header)
    if is_asked and given.delimiter is None:
        what = f"are for delimited text, and {name} is {given.dialect}; leave them out"
        raise UsageError(f"--skip-rows, --no-header: {what}")


def _words(given: Input, foreign: Foreign | None, reading: ReadingSettings) -> str:
    """What was decided: more than the ordinary only where something is not."""
    words = [given.dialect, *given.ways]
    if foreign is not None:
        words.append("partly windows-1252")
    if reading.missing_words:
        words.append(f"missing also {quoted_list(list(reading.missing_words))}")
    unnamed = [name for name, given in zip(given.columns, given.header or (), strict=False) if not given.strip()]
    return ", ".join(words) + (f"; the header leaves a name out, here {quoted_list(unnamed)}" if unnamed else "")


@contextmanager
def open_rows(
    path: str,
    needed: Sequence[str],
    block_bytes: int = BLOCK_BYTES,
    *,
    kept: Sequence[str] | None = None,
    input_format: InputFormat | None = None,
    bad_rows: BadRows = "error",
    taken: Sequence[str] = (),
    patience: float = PATIENCE,
    reading: ReadingSettings = USUAL_READING,
) -> Iterator[Input]:
    """Opens a file or standard input to read its rows as they come.

    Args:
        path: file name, or ``-``.
        needed: columns that the header is expected to name, which tells the delimiter; where values have types, only
            these must be cells; objects of JSON Lines may leave out some.
        block_bytes: of text, the most of one chunk; longer where a single record is.
        kept: columns that are wanted besides: others are left unread where they can be, and objects of JSON Lines may
            name these, too; ``None``: all that there are.
        input_format: of the file; ``None``: as its content and its name say.
        bad_rows: what becomes of a row that cannot be read: an error, nothing, or a row of the cells that it has.
        taken: keys that no object may have, for they are added to it.
        patience: seconds that a chunk waits for more from a pipe before it is passed on.
        reading: how text is read; words for missing cells are left to the caller.

    Raises:
        DataError: as :func:`read_table`, when the reader gets to the line.
    """
    wanted = Wanted(needed, kept, taken)
    with open_source(path) as source:
        kind = _kind(source, path, input_format)
        with _opened(source, kind, wanted, block_bytes, patience, bad_rows, reading) as given:
            yield given


def _kind(source: Source, path: str, wanted: InputFormat | None) -> InputFormat | None:
    """The format as far as it is known before the text is looked at."""
    if wanted == "parquet" and not source.is_parquet:
        raise DataError(f"{source.name}: does not begin as Parquet does; choose another --input-format, or none")
    if wanted is None and source.is_parquet:
        return "parquet"
    return wanted or format_by_name(path)


@contextmanager
def _opened(
    source: Source,
    kind: InputFormat | None,
    wanted: Wanted | None,
    block_bytes: int,
    patience: float,
    bad_rows: BadRows,
    reading: ReadingSettings,
) -> Iterator[Input]:
    if kind == "parquet":
        from nncli.table.parquet import open_parquet

        with source.whole() as file:
            yield open_parquet(file, source.name, wanted, block_bytes)
    else:
        text = open_text(source, block_bytes, patience, reading.encoding)
        given = _of_text(text.blocks, source.name, kind, wanted, bad_rows, reading)
        yield replace(given, ways=text.ways, share_read=source.share_read)


def _of_text(
    blocks: Iterator[bytes],
    name: str,
    kind: InputFormat | None,
    wanted: Wanted | None,
    bad_rows: BadRows,
    reading: ReadingSettings,
) -> Input:
    head = _beginning(blocks, name, _has_lines(1))
    text = head.decode("utf-8", errors="replace")
    if not text.strip():
        raise DataError(f"{name}: begins with blank lines only; expected a header line and rows")
    refuse_other_text(text, name)
    refuse_wide(head.lstrip().split(NEWLINE, 1)[0], name)
    blocks = chain([head], blocks)
    if kind == "jsonl" or (kind is None and is_json_lines(text.lstrip().split("\n", 1)[0])):
        return open_jsonl(blocks, name, wanted, bad_rows)
    if reading.skip_rows:
        blocks = without_lines(blocks, reading.skip_rows, name)
    delimiter, blocks = _delimiter(blocks, name, kind, wanted, reading)
    return open_delimited(blocks, name, delimiter, bad_rows, reading)


def _delimiter(
    blocks: Iterator[bytes], name: str, kind: InputFormat | None, wanted: Wanted | None, reading: ReadingSettings
) -> tuple[Delimiter, Iterator[bytes]]:
    """Between the fields of delimited text, and that text."""
    head = _beginning(blocks, name, _has_lines(_SNIFFED_LINES) if wanted is None else _has_header)
    lines, blocks = first_lines(head, _SNIFFED_LINES), chain([head], blocks)
    if not head.strip():
        raise DataError(f"{name}: only blank lines are left after --skip-rows {reading.skip_rows}; skip fewer")
    if kind == "tsv" and len(first_record(lines, TAB) or []) > 1:
        if wanted is None:
            refuse_preamble(lines, name, 1 + reading.skip_rows, [TAB])
        return TAB, blocks
    if wanted is not None:
        usual = TAB if kind == "tsv" else reading.delimiter
        return header_delimiter(lines, wanted.needed, reading.has_header, usual), blocks
    return find_delimiter(lines, name, 1 + reading.skip_rows), blocks


def _beginning(blocks: Iterator[bytes], name: str, is_enough: Callable[[bytes], bool]) -> bytes:
    """As much as is enough; less where there is no more."""
    head = b""
    for block in blocks:
        head += block
        if is_enough(head):
            break
        refuse_endless(head, name, 1)
    return head


def _has_lines(n_lines: int) -> Callable[[bytes], bool]:
    """Whether there are so many, not counting blank ones at the beginning."""
    return lambda head: head.lstrip().count(NEWLINE) >= n_lines


def _has_header(head: bytes) -> bool:
    """Whether a first record is whole whatever the delimiter, or there are more lines than a header has."""
    lines = first_lines(head[: head.rfind(NEWLINE) + 1], _SNIFFED_LINES)
    return len(lines) == _SNIFFED_LINES or all(first_record(lines, d) is not None for d in DELIMITERS)


def _united(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """All rows, with the columns that any of them has; cells are empty where a row has none."""
    names = list(dict.fromkeys(chain.from_iterable(batch.schema.names for batch in batches)))
    return pa.concat_batches([_widened(batch, names) for batch in batches])


def _widened(batch: pa.RecordBatch, names: list[str]) -> pa.RecordBatch:
    if batch.schema.names == names:
        return batch
    empty = text_array([""] * batch.num_rows)
    given = dict(zip(batch.schema.names, batch.columns, strict=True))
    return pa.record_batch([given.get(name, empty) for name in names], names)
