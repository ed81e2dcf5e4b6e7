"""JSON Lines: one object a line becomes rows of cells."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import pyarrow as pa

from nncli.errors import DataError, show
from nncli.settings import BadRows
from nncli.table.arrow import text_array
from nncli.table.chunks import Input, Record, Rows, sift, text_chunk
from nncli.table.objects import SPACE, Nested, Object, cell_of, may_nest, parse_object
from nncli.table.plaintext import line_ends, text_between, whole_lines

_MOST_UNREADABLE = 200
"""Lines before the first object, which names the columns."""


@dataclass(frozen=True)
class Lines:
    """Some whole lines; parsed when asked for, in whichever thread asks."""

    name: str
    """Of the file, for messages."""
    line: int
    """Number of the first line in the file."""
    text: bytes
    """UTF-8; ends with a line end."""
    damage: Mapping[int, str]
    """What a line holds that is no text, by the line's number."""

    def rows(self, columns: Sequence[str] | None, needed: Collection[str] | None, bad_rows: BadRows) -> Rows:
        """The cells; blank lines are no rows.

        Args:
            columns: keys to take, in order; ``None``: all, in order of first appearance.
            needed: columns that may hold no list or object; ``None``: all.
            bad_rows: what becomes of a line that cannot be read.

        Raises:
            DataError: a line cannot be read, and that is an error.
        """
        objects, rejected = sift(self.records(needed), bad_rows)
        names = list(dict.fromkeys(chain.from_iterable(objects))) if columns is None else columns
        return Rows(pa.record_batch([_cells(objects, name) for name in names], list(names)), rejected)

    def records(self, needed: Collection[str] | None) -> Iterator[Record[Object]]:
        """Every line's object; an empty one where there is none."""
        for line, raw in enumerate(self.text.decode().split("\n"), start=self.line):
            if text := raw.strip(SPACE):
                record = self._record(line, text, needed)
                yield record._replace(error=self.damage[line]) if line in self.damage else record

    def as_it_stands(self) -> pa.Array:
        """Each object's text, without the space around it."""
        return text_between(self.text, line_ends(self.text), SPACE)

    def _record(self, line: int, text: str, needed: Collection[str] | None) -> Record[Object]:
        try:
            found = parse_object(text)
        except ValueError as error:
            what = f"no JSON object is in '{show(text, 40)}' ({error}); mend that line"
            return Record(line, text, {}, f"{self.name}, line {line}: {what}")
        nested = [name for name, value in found.items() if isinstance(value, Nested)] if may_nest(text) else []
        wrong = [name for name in nested if needed is None or name in needed]
        if wrong:
            what = f"column '{show(wrong[0])}' holds a list or an object, and a cell is one value; flatten it"
            return Record(line, text, found, f"{self.name}, line {line}: {what}, or leave it out")
        return Record(line, text, found)


def open_jsonl(blocks: Iterable[bytes], name: str, needed: Collection[str] | None, bad_rows: BadRows) -> Input:
    """A file of one JSON object a line. The first one names the columns.

    Args:
        blocks: of the file, cut anywhere.
        name: of the file, for messages.
        needed: columns that may hold no list or object; ``None``: rows have all keys that are among them, and none
            may.
        bad_rows: what becomes of a line that cannot be read.

    Raises:
        DataError: there is no object.
    """
    pieces = (Lines(name, part.line, part.text, part.damage) for part in whole_lines(blocks, name))
    columns, seen = _columns(pieces, name, bad_rows)
    wanted = None if needed is None else columns
    chunks = (
        text_chunk(partial(piece.rows, wanted, needed, bad_rows), piece.as_it_stands, bad_rows)
        for piece in chain(seen, pieces)
    )
    return Input(columns, None, "jsonl", "JSON Lines", chunks)


def _columns(pieces: Iterator[Lines], name: str, bad_rows: BadRows) -> tuple[list[str], list[Lines]]:
    """The keys of the first object, and the pieces up to it."""
    seen: list[Lines] = []

    def records() -> Iterator[Record[Object]]:
        for piece in pieces:
            seen.append(piece)
            yield from piece.records(needed=())

    for record in islice(records(), _MOST_UNREADABLE):
        if record.error is None:
            return list(record.fields), seen
        if bad_rows == "error":
            raise DataError(record.error)
    raise DataError(f"{name}: none of its first lines holds a JSON object; expected one in each line")


def _cells(objects: Sequence[Object], name: str) -> pa.Array:
    # A cell is text nearly always; a call for each of millions would take longer than all the rest.
    return text_array([value if isinstance(value := found.get(name), str) else cell_of(value) for found in objects])
