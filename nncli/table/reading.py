"""Delimited text or Parquet becomes data frames whose cells are all text.

Text first, types later: a type is decided over the whole column, never per chunk. The ``csv`` module
counts the fields of every record, because pandas fills short rows and shifts long ones in silence;
pandas then parses what was found sound.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import pandas as pd

from nncli.errors import DataError, quoted_list, show
from nncli.table.dialect import DELIMITERS, NAMELESS, column_names, find_delimiter, header_delimiter, parse_line
from nncli.table.source import Source, open_source, text_lines

if TYPE_CHECKING:
    import pyarrow

_SNIFFED_LINES = 200
_LARGEST_FIELD = 1 << 24
ROWS_PER_CHUNK = 16_384


@dataclass(frozen=True)
class Table:
    """A whole table in memory, every cell as text; empty text is an empty cell."""

    frame: pd.DataFrame
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
    with open_source(path) as source:
        if source.is_parquet:
            dialect, frames = "Parquet", _parquet_chunks(source, ROWS_PER_CHUNK)
        else:
            lines = text_lines(source)
            head = list(islice(lines, _SNIFFED_LINES))
            _refuse_blank(head, source.name)
            delimiter = find_delimiter(head, source.name)
            dialect = f"{DELIMITERS[delimiter]}-separated{_nameless(head[0], delimiter)}"
            frames = _text_chunks(chain(head, lines), source.name, delimiter, ROWS_PER_CHUNK)
        frame = pd.concat(frames, ignore_index=True)
    if len(frame) == 0:
        raise DataError(f"{source.name}: has a header but no rows; there is nothing to learn from")
    return Table(frame, path, source.hashing.hexdigest(), dialect)


def read_chunks(path: str, columns: list[str], rows: int = ROWS_PER_CHUNK) -> Iterator[pd.DataFrame]:
    """Reads a file or standard input in chunks; the first chunk comes even if there are no rows.

    Args:
        path: file name, or ``-``.
        columns: names that the header is expected to hold; they tell the delimiter.
        rows: the most rows of one chunk.

    Raises:
        DataError: as :func:`read_table`, when the reader gets to the line.
    """
    with open_source(path) as source:
        if source.is_parquet:
            yield from _parquet_chunks(source, rows, needed=columns)
        else:
            lines = text_lines(source)
            header = next((line for line in lines if line.strip()), "")
            _refuse_blank([header], source.name)
            delimiter = header_delimiter(header, columns)
            yield from _text_chunks(chain([header], lines), source.name, delimiter, rows)


def _text_chunks(lines: Iterator[str], name: str, delimiter: str, rows: int = ROWS_PER_CHUNK) -> Iterator[pd.DataFrame]:
    blocks = _checked_blocks(lines, name, delimiter, rows)
    header = next(blocks)
    columns = column_names(header, delimiter)
    _check_names(columns, name)
    empty = True
    for block in blocks:
        empty = False
        yield _parse_block(block, columns, delimiter)
    if empty:
        yield pd.DataFrame({column: pd.Series(dtype="str") for column in columns})


def _nameless(header: str, delimiter: str) -> str:
    """What to say of columns that the header does not name, such as the index that pandas writes."""
    named = [name for name in column_names(header, delimiter) if name not in parse_line(header, delimiter)]
    given = [name for name in named if name.startswith(NAMELESS)]
    return f"; the header leaves a name out, here {quoted_list(given)}" if given else ""


def _refuse_blank(lines: list[str], name: str) -> None:
    if not any(line.strip() for line in lines):
        raise DataError(f"{name}: begins with blank lines only; expected a header line and rows")


def _checked_blocks(lines: Iterator[str], name: str, delimiter: str, rows: int) -> Iterator[str]:
    """The header's text, then blocks of complete records, each record with as many fields as the header."""
    csv.field_size_limit(_LARGEST_FIELD)
    taken: list[str] = []
    reader = csv.reader(_recorded(lines, taken), delimiter=delimiter, strict=True)
    n_fields, n_rows, start, first = 0, 0, 1, 0
    try:
        for record in reader:
            if not record:
                del taken[first:]  # a blank line is no row
            elif n_fields and len(record) != n_fields:
                raise _ragged(name, start, len(record), n_fields)
            else:
                n_rows += 1
                taken[-1] = taken[-1].rstrip("\r\n") + "\n"  # pandas takes \r\r\n for two ends
            if record and (not n_fields or n_rows == rows):
                yield "".join(taken)
                taken.clear()
                n_fields, n_rows = n_fields or len(record), 0
            start, first = reader.line_num + 1, len(taken)
    except csv.Error as error:
        raise DataError(f"{name}, line {start}: {_explain(error, taken[first:])}") from error
    if n_rows:
        yield "".join(taken)


def _recorded(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _ragged(name: str, line: int, found: int, expected: int) -> DataError:
    hint = "an unquoted delimiter or a trailing one?" if found > expected else "cut off, or a line break?"
    return DataError(
        f"{name}, line {line}: the row has {found} fields, the header has {expected} ({hint}); mend that line"
    )


def _explain(error: csv.Error, taken: list[str]) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return f"a quote that opens here never closes: '{show(taken[0].strip() if taken else '', 40)}'; mend it"
    if "field limit" in text:
        return f"a field is longer than {_LARGEST_FIELD:,} characters; is a quote left open?"
    return f"{text}; mend that line"


def _check_names(columns: list[str], name: str) -> None:
    repeated = sorted({column for column in columns if columns.count(column) > 1})
    if repeated:
        raise DataError(f"{name}, line 1: the header names {quoted_list(repeated)} twice; rename one of them")


def _parse_block(block: str, columns: list[str], delimiter: str) -> pd.DataFrame:
    return pd.read_csv(
        io.StringIO(block),
        sep=delimiter,
        header=None,
        names=columns,
        index_col=False,
        dtype=str,
        na_filter=False,
        skip_blank_lines=False,
        low_memory=False,
    )


def _parquet_chunks(source: Source, rows: int, needed: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(io.BytesIO(source.stream.read()))
    except pyarrow.ArrowException as error:
        raise DataError(f"{source.name}: is not a sound Parquet file ({error}); write it anew") from error
    _check_names(file.schema_arrow.names, source.name)
    yield _as_text(file.schema_arrow.empty_table(), source.name, needed)
    try:
        for batch in file.iter_batches(rows):
            yield _as_text(pyarrow.Table.from_batches([batch]), source.name, needed)
    except pyarrow.ArrowException as error:
        raise DataError(f"{source.name}: is not a sound Parquet file ({error}); write it anew") from error


def _as_text(table: "pyarrow.Table", name: str, needed: Sequence[str] | None) -> pd.DataFrame:
    import pyarrow
    from pyarrow import compute

    columns: dict[str, Any] = {}
    for column, values in zip(table.column_names, table.columns, strict=True):
        try:
            columns[column] = compute.fill_null(compute.cast(values, pyarrow.string()), "").to_pandas()
        except pyarrow.ArrowException as error:
            if needed is not None and column not in needed:
                columns[column] = [str(value) for value in values.to_pylist()]  # kept, not learned from
                continue
            raise DataError(
                f"{name}, column '{show(column)}': {values.type} cannot be read as cells of a table; leave it out"
            ) from error
    return pd.DataFrame(columns, dtype="str")
