"""Delimited text, cut where a record ends; records become rows of cells.

Nearly every piece of a file is *regular*: fields are quoted as RFC 4180 says, and line ends are of one kind. numpy
finds where its records end, and Arrow parses them. Whatever else comes is left to the ``csv`` module, whose word is
final: it reads what Arrow would misread, and says which line cannot be read.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError, show
from nncli.settings import BadRows
from nncli.table.arrow import TEXT, text_array
from nncli.table.chunks import Record, Rows, sift
from nncli.table.plaintext import NEWLINE, line_ends, refuse_damage, refuse_endless, text_between

_LARGEST_FIELD = 1 << 24
_LINE_END = "\r\n"
_QUOTE, _RETURN, _NEWLINE = b'"\r\n'


@dataclass(frozen=True)
class Piece:
    """Some whole records; parsed when asked for, in whichever thread asks."""

    name: str
    """Of the file, for messages."""
    delimiter: str
    line: int
    """Number of the first line in the file."""
    text: bytes
    """UTF-8; ends with a line end."""
    ends: NDArray[np.int64]
    """Where each record ends in ``text``, its line end included; a blank line counts as one here."""
    is_regular: bool

    def rows(self, columns: list[str], bad_rows: BadRows) -> Rows:
        """The cells; blank lines are no rows.

        Raises:
            DataError: a record has more or fewer fields than there are columns, and that is an error.
        """
        # Arrow takes U+FEFF for the mark of an encoding and drops it; only the file's own is one, and that is gone.
        if self.is_regular and not self.text.startswith(codecs.BOM_UTF8):
            try:
                return Rows(_parse_regular(self, columns))
            except pa.ArrowInvalid:
                pass  # the csv module will say which line it is
        records = (_fitted(record, self.name, len(columns)) for record in self.records() if record.fields)
        kept, rejected = sift(records, bad_rows)
        cells = zip(*kept, strict=True) if kept else [()] * len(columns)
        return Rows(pa.record_batch(list(map(text_array, cells)), columns), rejected)

    def records(self) -> Iterator[Record[list[str]]]:
        """Every record, read by the ``csv`` module; a blank line is one without fields.

        Raises:
            DataError: a field is too long.
        """
        reader = _reader(io.BytesIO(self.text), self.delimiter)
        start, line = 0, self.line
        for end in self.ends.tolist():
            text = self.text[start:end].decode().rstrip(_LINE_END)
            try:
                fields = next(reader)
            except csv.Error as error:
                raise DataError(f"{self.name}, line {line}: {_explain(str(error), text)}") from error
            yield Record(line, text, fields)
            start, line = end, line + self.text.count(NEWLINE, start, end)

    def as_it_stands(self) -> pa.Array:
        """Each row's text, quotes and all, without its line end."""
        return text_between(self.text, self.ends, _LINE_END)

    def after(self, n_records: int) -> "Piece":
        """The same without its first records."""
        start = int(self.ends[n_records - 1])
        line = self.line + self.text.count(NEWLINE, 0, start)
        ends = self.ends[n_records:] - start
        return Piece(self.name, self.delimiter, line, self.text[start:], ends, self.is_regular)


def cut_pieces(blocks: Iterable[bytes], name: str, delimiter: str) -> Iterator[Piece]:
    """Cuts blocks of UTF-8 text where records end; every record is in one piece.

    Raises:
        DataError: text that is not UTF-8, a NUL byte, a quote that never closes or closes in the middle of a field.
    """
    rest, line = b"", 1
    for block in blocks:
        rest += block
        refuse_endless(rest, name, line)
        piece = _cut(rest[: rest.rfind(NEWLINE) + 1], name, delimiter, line, is_last=False)
        if piece.text:
            yield piece
            rest, line = rest[len(piece.text) :], line + piece.text.count(NEWLINE)
    if rest:
        yield _cut(rest if rest.endswith(NEWLINE) else rest + NEWLINE, name, delimiter, line, is_last=True)


def _cut(text: bytes, name: str, delimiter: str, line: int, *, is_last: bool) -> Piece:
    """The whole records at the beginning of some lines: none where the first one goes on after them."""
    refuse_damage(text, name, line)
    ends = _regular_ends(text, delimiter)
    is_regular = ends is not None and ends.size > 0 and bool(ends[-1] == len(text) or not is_last)
    if ends is None or not is_regular:
        ends = _ends(text, name, delimiter, line, is_last=is_last)
    return Piece(name, delimiter, line, text[: ends[-1] if ends.size else 0], ends, is_regular)


def _regular_ends(text: bytes, delimiter: str) -> NDArray[np.int64] | None:
    """Where records end; ``None`` where quotes or line ends stand where RFC 4180 has none."""
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        return None
    data = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(data == _QUOTE)
    if not quotes.size:
        return line_ends(text)
    newlines = line_ends(text) - 1
    ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0] + 1
    quotes = quotes[: np.searchsorted(quotes, ends[-1])] if ends.size else quotes[:0]
    opening, closing = quotes[::2], quotes[1::2]
    # A quote in a quoted field is doubled: it closes, and opens again.
    before = np.where(opening > 0, data[opening - 1], _NEWLINE)
    opens_well = np.isin(before, [ord(delimiter), _NEWLINE, _QUOTE]).all()
    closes_well = np.isin(data[closing + 1], [ord(delimiter), _RETURN, _NEWLINE, _QUOTE]).all()
    return ends if opens_well and closes_well else None


def _ends(text: bytes, name: str, delimiter: str, line: int, *, is_last: bool) -> NDArray[np.int64]:
    """Where records end, by the ``csv`` module; those that are whole, unless nothing comes after them."""
    lines = io.BytesIO(text)
    ends: list[int] = []
    try:
        ends.extend(lines.tell() for _ in _reader(lines, delimiter))
    except csv.Error as error:
        if is_last or "unexpected end" not in str(error):
            start = ends[-1] if ends else 0
            beginning = text[start:].split(b"\n", 1)[0].decode()
            where = f"{name}, line {line + text.count(NEWLINE, 0, start)}"
            raise DataError(f"{where}: {_explain(str(error), beginning)}") from error
    return np.array(ends, dtype=np.int64)


def _reader(lines: Iterable[bytes], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LARGEST_FIELD)
    return csv.reader((line.decode("utf-8") for line in lines), delimiter=delimiter, strict=True)


def _explain(error: str, beginning: str) -> str:
    if "unexpected end" in error:
        return f"a quote that opens here never closes: '{show(beginning.strip(), 40)}'; mend it"
    if "field limit" in error or "larger than field" in error:
        return f"a field is longer than {_LARGEST_FIELD:,} characters; is a quote left open?"
    return f"{error}; mend that line"


def _parse_regular(piece: Piece, columns: list[str]) -> pa.RecordBatch:
    from pyarrow import csv as arrow_csv

    table = arrow_csv.read_csv(
        pa.BufferReader(piece.text),
        arrow_csv.ReadOptions(use_threads=False, block_size=len(piece.text), column_names=columns),
        arrow_csv.ParseOptions(delimiter=piece.delimiter, newlines_in_values=True),
        arrow_csv.ConvertOptions(check_utf8=False, column_types=dict.fromkeys(columns, TEXT)),
    )
    (batch,) = table.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]  # none: all lines are blank
    return batch


def _fitted(record: Record[list[str]], name: str, n_columns: int) -> Record[list[str]]:
    """A record with a field for each column: itself, or a bad one, cut or padded."""
    line, text, fields, _ = record
    n_fields = len(fields)
    if n_fields == n_columns:
        return record
    hint = "an unquoted delimiter or a trailing one?" if n_fields > n_columns else "cut off, or a line break?"
    what = f"the row has {n_fields} fields, the header has {n_columns} ({hint}); mend that line"
    return Record(line, text, (fields + [""] * n_columns)[:n_columns], f"{name}, line {line}: {what}")
