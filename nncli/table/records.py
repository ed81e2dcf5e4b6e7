"""Delimited text, cut where a record ends; records become rows of cells.

Nearly every piece of a file is *regular*: fields are quoted as RFC 4180 says, and line ends are of one kind. numpy
finds where its records end, and Arrow parses them. Whatever else comes is left to the ``csv`` module, whose word is
final: it reads what Arrow would misread, and says which record cannot be read. Such a one ends with the line on which
that shows: whatever comes next in the file, and however it is cut, the next record begins below.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.errors import DataError, show
from nncli.settings import BadRows
from nncli.table.arrow import TEXT, text_array
from nncli.table.chunks import Record, Rows, sift
from nncli.table.dialect import open_quote
from nncli.table.encoding import Foreign, joined
from nncli.table.plaintext import NEWLINE, line_ends, text_between, whole_lines

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
    damage: Mapping[int, str]
    """What a line holds that is no text, by the line's number; of lines beyond the piece, too."""
    foreign: Foreign | None = None
    """Lines that were no UTF-8; of lines just before or after the piece, too."""

    def rows(self, columns: list[str], bad_rows: BadRows) -> Rows:
        """The cells; blank lines are no rows.

        Raises:
            DataError: a record is broken, or has more or fewer fields than there are columns, and that is an error.
        """
        # Arrow takes U+FEFF for the mark of an encoding and drops it; only the file's own is one, and that is gone.
        if self.is_regular and not self.text.startswith(codecs.BOM_UTF8):
            try:
                return Rows(_parse_regular(self, columns))
            except pa.ArrowInvalid:
                pass  # the csv module will say which line it is
        records = (_fitted(record, self.name, len(columns)) for record in self.records() if not _is_blank(record))
        kept, rejected = sift(records, bad_rows)
        cells = zip(*kept, strict=True) if kept else [()] * len(columns)
        return Rows(pa.record_batch(list(map(text_array, cells)), columns), rejected)

    def records(self) -> Iterator[Record[list[str]]]:
        """Every record, read by the ``csv`` module; without fields where it is a blank line or broken."""
        start, line = 0, self.line
        for end in self.ends.tolist():
            text = self.text[start:end].decode()
            lines = range(line, line + text.count("\n"))
            try:
                fields, error = next(_reader([text], self.delimiter), []), None
            except csv.Error as found:
                fields, error = [], f"{self.name}, line {line}: {_explain(str(found), text, lines)}"
            error = next((self.damage[number] for number in lines if number in self.damage), error)
            yield Record(line, text.rstrip(_LINE_END), fields, error)
            start, line = end, lines.stop

    def as_it_stands(self) -> pa.Array:
        """Each row's text, quotes and all, without its line end."""
        return text_between(self.text, self.ends, _LINE_END)

    def after(self, n_records: int) -> "Piece":
        """The same without its first records."""
        start = int(self.ends[n_records - 1])
        line = self.line + self.text.count(NEWLINE, 0, start)
        ends = self.ends[n_records:] - start
        return replace(self, line=line, text=self.text[start:], ends=ends)


def cut_pieces(blocks: Iterable[bytes], name: str, delimiter: str, line: int = 1) -> Iterator[Piece]:
    """Cuts blocks of text where records end; every record is in one piece, which comes as soon as the record ends.

    Args:
        blocks: of the file, cut anywhere.
        name: of the file, for messages.
        delimiter: between fields.
        line: number of the first line in the file.

    Raises:
        DataError: a quote never closes, or a line does not end.
    """
    rest, damage, foreign = b"", dict[int, str](), None
    for lines in whole_lines(blocks, name, line):
        rest += lines.text
        damage.update(lines.damage)
        foreign = joined(foreign, lines.foreign)
        while rest and (piece := _cut(rest, name, delimiter, line, damage)).text:
            yield replace(piece, foreign=foreign)
            foreign = None
            rest, line = rest[len(piece.text) :], line + piece.text.count(NEWLINE)
        damage = {number: what for number, what in damage.items() if number >= line}
    if rest:
        raise open_quote(name, line, rest.split(NEWLINE, 1)[0].decode())


def _cut(text: bytes, name: str, delimiter: str, line: int, damage: Mapping[int, str]) -> Piece:
    """Whole records at the beginning of some lines: none where the first one goes on after them."""
    ends = None if damage else _regular_ends(text, delimiter)
    is_regular = ends is not None and ends.size > 0
    if ends is None or not is_regular:
        ends = _ends(text, name, delimiter, line)
    return Piece(name, delimiter, line, text[: ends[-1] if ends.size else 0], ends, is_regular, damage)


def _regular_ends(text: bytes, delimiter: str) -> NDArray[np.int64] | None:
    """Where records end; ``None`` where RFC 4180 has no such quotes or line ends, or where a field may be too long."""
    if len(text) > _LARGEST_FIELD:
        return None
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


def _ends(text: bytes, name: str, delimiter: str, line: int) -> NDArray[np.int64]:
    """Where records end, by the ``csv`` module; those that are whole."""
    lines = io.BytesIO(text)
    reader = _reader((line.decode() for line in lines), delimiter)
    ends: list[int] = []
    while lines.tell() < len(text):
        try:
            next(reader)
        except csv.Error as error:
            is_endless = "field limit" in str(error)
            if is_endless and not ends:
                what = f"a field is longer than {_LARGEST_FIELD:,} characters; is a quote left open?"
                raise DataError(f"{name}, line {line}: {what}") from error
            if is_endless or "unexpected end" in str(error):
                break
        ends.append(lines.tell())
    return np.array(ends, dtype=np.int64)


def _reader(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(_LARGEST_FIELD)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _is_blank(record: Record[list[str]]) -> bool:
    return not record.fields and record.error is None


def _explain(error: str, text: str, lines: range) -> str:
    """What is wrong with a record over some lines of the file; it shows on the last of them."""
    on = f" on line {lines[-1]}" if len(lines) > 1 else ""
    found = show(text.rstrip(_LINE_END).rpartition("\n")[2], 40)
    if "new-line" in error:
        return f"a carriage return (CR) stands{on} where no line ends: '{found}'; quote its field, or take it out"
    return f"text goes on after a closing quote{on}: '{found}'; write a quote inside of a field twice"


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
    line, text, fields, error = record
    n_fields = len(fields)
    if n_fields == n_columns:
        return record
    longer = "an unquoted delimiter?" if fields and fields[-1] else "a trailing delimiter?"
    hint = longer if n_fields > n_columns else "cut off, or a line break?"
    what = f"the row has {n_fields} field{'s' * (n_fields != 1)}, the header has {n_columns} ({hint}); mend that line"
    return Record(line, text, (fields + [""] * n_columns)[:n_columns], error or f"{name}, line {line}: {what}")
