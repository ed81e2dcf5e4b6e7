"""Delimited text with a header becomes rows of cells."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

from nncli.errors import DataError, quoted_list
from nncli.settings import BadRows
from nncli.table.chunks import Chunk, Input, text_chunk
from nncli.table.dialect import DELIMITERS, NAMELESS, TAB, check_names, column_names
from nncli.table.records import Piece, cut_pieces


def open_delimited(blocks: Iterable[bytes], name: str, delimiter: str, bad_rows: BadRows) -> Input:
    """A file of delimited text.

    Args:
        blocks: of the file, cut anywhere.
        name: of the file, for messages.
        delimiter: between fields.
        bad_rows: what becomes of a row that is broken or has more or fewer fields than the header.

    Raises:
        DataError: there is no header, it is broken, or a name stands in it twice.
    """
    pieces = cut_pieces(blocks, name, delimiter)
    header, first = _header(pieces, name)
    columns = column_names(header)
    check_names(columns, name)

    def chunk(piece: Piece) -> Chunk:
        return text_chunk(partial(piece.rows, columns, bad_rows), piece.as_it_stands, bad_rows)

    dialect = f"{DELIMITERS[delimiter]}-separated{_nameless(columns, header)}"
    return Input(columns, delimiter, "tsv" if delimiter == TAB else "csv", dialect, map(chunk, chain([first], pieces)))


def _header(pieces: Iterator[Piece], name: str) -> tuple[list[str], Piece]:
    """The fields of the first record that is not blank, and what comes after it in its piece."""
    for piece in pieces:
        for number, record in enumerate(piece.records(), start=1):
            if record.error is not None:
                raise DataError(record.error)
            if record.fields:
                return record.fields, piece.after(number)
    raise DataError(f"{name}: its first record is cut off; expected a header line and rows")


def _nameless(columns: list[str], header: list[str]) -> str:
    """What to say of columns that the header does not name, such as the index that pandas writes."""
    given = [name for name in columns if name.startswith(NAMELESS) and name not in header]
    return f"; the header leaves a name out, here {quoted_list(given)}" if given else ""
