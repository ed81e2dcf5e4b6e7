"""Delimited text becomes rows of cells."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

from nncli.errors import DataError
from nncli.settings import BadRows, Delimiter, ReadingSettings
from nncli.table.chunks import Chunk, Input, text_chunk
from nncli.table.dialect import DELIMITERS, TAB, check_names, column_names, numbered_names
from nncli.table.records import Piece, cut_pieces


def open_delimited(
    blocks: Iterable[bytes], name: str, delimiter: Delimiter, bad_rows: BadRows, reading: ReadingSettings
) -> Input:
    """A file of delimited text.

    Args:
        blocks: of the file, cut anywhere, without the lines that are skipped.
        name: of the file, for messages.
        delimiter: between fields.
        bad_rows: what becomes of a row that is broken or has more or fewer fields than the first line.
        reading: how many lines were skipped, and whether a header comes first.

    Raises:
        DataError: there is no first record, or it is broken, or has more fields than a table may have.
    """
    pieces = cut_pieces(blocks, name, delimiter, 1 + reading.skip_rows)
    fields, first, rest = _first_record(pieces, name)
    columns = column_names(fields) if reading.has_header else numbered_names(len(fields))
    check_names(columns, name)

    def chunk(piece: Piece) -> Chunk:
        return text_chunk(partial(piece.rows, columns, bad_rows), piece.as_it_stands, bad_rows, piece.foreign)

    return Input(
        columns=columns,
        delimiter=delimiter,
        format="tsv" if delimiter == TAB else "csv",
        dialect=_words(delimiter, reading),
        chunks=map(chunk, chain([rest if reading.has_header else first], pieces)),
        header=fields if reading.has_header else None,
    )


def _first_record(pieces: Iterator[Piece], name: str) -> tuple[list[str], Piece, Piece]:
    """The fields of the first record that is not blank, the piece that it is in, and what comes after it there."""
    for piece in pieces:
        for number, record in enumerate(piece.records(), start=1):
            if record.error is not None:
                raise DataError(record.error)
            if record.fields:
                return record.fields, piece, piece.after(number)
    raise DataError(f"{name}: its first record is cut off; expected a header line and rows")


def _words(delimiter: Delimiter, reading: ReadingSettings) -> str:
    lines = "line" if reading.skip_rows == 1 else "lines"
    skipped = f", {reading.skip_rows:,} {lines} skipped" if reading.skip_rows else ""
    return f"{DELIMITERS[delimiter]}-separated{skipped}{'' if reading.has_header else ', no header'}"
