"""What a reader of any format gives: an open file's columns, and its rows in chunks, some of which it may reject."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from nncli.errors import DataError
from nncli.settings import BadRows, Delimiter, InputFormat
from nncli.table.arrow import mask_array
from nncli.table.encoding import Foreign

Fields = TypeVar("Fields")


@dataclass(frozen=True)
class Wanted:
    """What is asked of the columns of a file."""

    needed: Sequence[str]
    """That the header is expected to name, which tells the delimiter; where values have types, only these must be
    cells; an object of JSON Lines may leave out some, which are empty cells then."""
    kept: Sequence[str] | None = None
    """That are wanted besides: others are left unread where they can be, and objects of JSON Lines may name these, or
    leave them out in the same way; ``None``: all that there are."""
    taken: Sequence[str] = ()
    """Keys that no object of JSON Lines may have: they are added to it."""

    @property
    def named(self) -> Sequence[str]:
        """The columns that are wanted besides by their names."""
        return self.kept or ()


@dataclass(frozen=True)
class Rejected:
    """A row that could not be read."""

    row: int
    """Position among the chunk's cells: of the row that stands for it (``null``) or that follows it (``skip``)."""
    line: int
    """Where it begins in the file, from 1."""
    message: str
    """What is wrong with it, with the file's name and the line."""
    text: str
    """The record as it stands."""


@dataclass(frozen=True)
class Rows:
    """Some rows, every cell as text; empty text is an empty cell. Where values have types, only what must be cells."""

    cells: pa.RecordBatch
    rejected: tuple[Rejected, ...] = ()
    keys: Sequence[str] | None = None
    """All that its objects name, in order of first appearance, where they are JSON Lines."""


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file; they are parsed when asked for, in whichever thread asks."""

    rows: Callable[[], Rows]
    """Raises DataError where they cannot be read."""
    lines: Callable[[], pa.Array] | None = None
    """Each row of cells as it stands in the file, where that is text."""
    values: Callable[[], pa.RecordBatch] | None = None
    """The columns that are wanted, with their own types, where they have some."""
    foreign: Foreign | None = None
    """Lines that are no UTF-8."""


@dataclass(frozen=True)
class Input:
    """An open file whose columns are known."""

    columns: list[str]
    """Names that tell them apart."""
    delimiter: Delimiter | None
    """Between its fields, where it is delimited text."""
    format: InputFormat
    """What it turned out to be."""
    dialect: str
    """What the reader decided, in words."""
    chunks: Iterator[Chunk]
    ways: tuple[str, ...] = ()
    """How its text is written, in words, where that is not as usual."""
    header: Sequence[str] | None = None
    """The names as they stand in the first line, where there is one that names columns."""
    unnamed: frozenset[str] = frozenset()
    """Columns that are only wanted (``Wanted.kept``): none of its first objects names them."""
    share_read: Callable[[], float | None] = lambda: None
    """How much of the file was read so far, where that can be known."""


class Record(NamedTuple, Generic[Fields]):
    """One record of a text file. Not a dataclass: there is one for each row."""

    line: int
    """Where it begins in the file, from 1."""
    text: str
    fields: Fields
    """Where it cannot be read, what may stand for it."""
    error: str | None = None
    """Why it cannot be read, with the file's name and the line."""


def sift(records: Iterable[Record[Fields]], bad_rows: BadRows) -> tuple[list[Fields], tuple[Rejected, ...]]:
    """The fields of the records that become rows, and those that cannot be read.

    Raises:
        DataError: a record cannot be read, and ``bad_rows`` is ``error``.
    """
    kept: list[Fields] = []
    rejected = []
    for line, text, fields, error in records:
        if error is not None:
            if bad_rows == "error":
                raise DataError(error)
            rejected.append(Rejected(len(kept), line, error, text))
        if error is None or bad_rows == "null":
            kept.append(fields)
    return kept, tuple(rejected)


def text_chunk(
    rows: Callable[[], Rows], records: Callable[[], pa.Array], bad_rows: BadRows, foreign: Foreign | None
) -> Chunk:
    """A chunk of a text file, from its rows and from the text of all its records, rejected ones too."""
    if bad_rows != "skip":
        return Chunk(rows, records, foreign=foreign)
    once = cache(rows)  # which lines are left out is known when the rows are parsed
    return Chunk(once, lambda: _left(records(), once().rejected), foreign=foreign)


def _left(records: pa.Array, rejected: Sequence[Rejected]) -> pa.Array:
    places = [bad.row + number for number, bad in enumerate(rejected)]
    left = np.ones(len(records), dtype=bool)
    left[places] = False
    return records.filter(mask_array(left)) if places else records
