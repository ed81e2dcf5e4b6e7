"""A file of any format becomes rows whose cells are all text.

Text first, types later: a type is decided over the whole column, never per chunk.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain

import pyarrow as pa

from nncli.errors import DataError
from nncli.settings import BadRows, InputFormat
from nncli.table.arrow import text_array
from nncli.table.chunks import Input, Wanted
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
    refuse_json_document,
)
from nncli.table.jsonl import open_jsonl
from nncli.table.plaintext import NEWLINE, refuse_endless
from nncli.table.source import PATIENCE, Source, open_source, text_blocks

_SNIFFED_LINES = 200
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


def read_table(path: str) -> Table:
    """Reads a whole file, or standard input where ``path`` is ``-``.

    Raises:
        DataError: the file is empty, has no rows, is ragged or not text; the message names the line.
        OSError: it cannot be read.
    """
    with open_source(path, hashed=True) as source:
        blocks = text_blocks(source, BLOCK_BYTES)
        with _opened(source, blocks, _kind(source, path, None)) as given:
            batches = [chunk.rows().cells for chunk in given.chunks]
    if not sum(batch.num_rows for batch in batches):
        raise DataError(f"{source.name}: has a header but no rows; there is nothing to learn from")
    return Table(_united(batches), path, source.sha256, given.dialect)


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

    Raises:
        DataError: as :func:`read_table`, when the reader gets to the line.
    """
    wanted = Wanted(needed, kept, taken)
    with open_source(path) as source:
        blocks = text_blocks(source, block_bytes, patience)
        kind = _kind(source, path, input_format)
        with _opened(source, blocks, kind, wanted, block_bytes, bad_rows) as given:
            yield given if given.format == "parquet" else replace(given, share_read=source.share_read)


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
    blocks: Iterator[bytes],
    kind: InputFormat | None,
    wanted: Wanted | None = None,
    block_bytes: int = BLOCK_BYTES,
    bad_rows: BadRows = "error",
) -> Iterator[Input]:
    if kind == "parquet":
        from nncli.table.parquet import open_parquet

        with source.whole() as file:
            yield open_parquet(file, source.name, wanted, block_bytes)
    else:
        yield _text(blocks, source.name, kind, wanted, bad_rows)


def _text(
    blocks: Iterator[bytes],
    name: str,
    kind: InputFormat | None,
    wanted: Wanted | None,
    bad_rows: BadRows,
) -> Input:
    head = _beginning(blocks, name, _has_lines(_SNIFFED_LINES if wanted is None else 1))
    text = head.decode("utf-8", errors="replace")
    if not text.strip():
        raise DataError(f"{name}: begins with blank lines only; expected a header line and rows")
    first = text.lstrip().split("\n", 1)[0]
    blocks = chain([head], blocks)
    if kind in ("jsonl", None):
        refuse_json_document(text, name)
    if kind == "jsonl" or (kind is None and is_json_lines(first)):
        return open_jsonl(blocks, name, wanted, bad_rows)
    if kind == "tsv":
        delimiter = TAB
    elif wanted is None:
        delimiter = find_delimiter(first_lines(head, _SNIFFED_LINES), name)
    else:
        head = _beginning(blocks, name, _has_header)
        blocks = chain([head], blocks)
        delimiter = header_delimiter(first_lines(head, _SNIFFED_LINES), wanted.needed)
    return open_delimited(blocks, name, delimiter, bad_rows)


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
