"""JSON Lines: one object a line becomes rows of cells."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import pyarrow as pa

from nncli.errors import DataError, show
from nncli.settings import BadRows
from nncli.table.arrow import text_array
from nncli.table.chunks import Input, Record, Rows, Wanted, sift, text_chunk
from nncli.table.encoding import Foreign
from nncli.table.objects import SPACE, Nested, Object, cell_of, may_nest, parse_object
from nncli.table.plaintext import line_ends, text_between, whole_lines

_FIRST_LINES = 200
"""Where the columns are looked for, at the most."""


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
    foreign: Foreign | None
    """Lines that were no UTF-8."""

    def rows(self, columns: Sequence[str] | None, wanted: Wanted | None, bad_rows: BadRows) -> Rows:
        """The cells, empty where an object has no such key; blank lines are no rows.

        Args:
            columns: keys to take, in order; ``None``: all, in order of first appearance.
            wanted: of the columns; ``None``: that none holds a list or object.
            bad_rows: what becomes of a line that cannot be read.

        Raises:
            DataError: a line cannot be read, and that is an error.
        """
        objects, rejected = sift(self.records(wanted), bad_rows)
        keys = list(dict.fromkeys(chain.from_iterable(objects)))
        names = keys if columns is None else columns
        return Rows(pa.record_batch([_cells(objects, name) for name in names], list(names)), rejected, keys)

    def records(self, wanted: Wanted | None) -> Iterator[Record[Object]]:
        """Every line's object; an empty one where there is none."""
        for line, raw in enumerate(self.text.decode().split("\n"), start=self.line):
            if text := raw.strip(SPACE):
                record = self._record(line, text, wanted)
                yield record._replace(error=self.damage[line]) if line in self.damage else record

    def as_it_stands(self) -> pa.Array:
        """Each object's text, without the space around it."""
        return text_between(self.text, line_ends(self.text), SPACE)

    def _record(self, line: int, text: str, wanted: Wanted | None) -> Record[Object]:
        try:
            found = parse_object(text)
        except ValueError as error:
            what = f"no JSON object is in '{show(text, 40)}' ({error}); mend that line"
            return Record(line, text, {}, f"{self.name}, line {line}: {what}")
        unfit = _unfit(found, text, wanted)
        return Record(line, text, found, unfit and f"{self.name}, line {line}: {unfit}")


def _unfit(found: Object, text: str, wanted: Wanted | None) -> str | None:
    """Why an object cannot be a row, if so."""
    nested = [name for name, value in found.items() if isinstance(value, Nested)] if may_nest(text) else []
    wrong = [name for name in nested if wanted is None or name in wanted.needed]
    if wrong:
        what = f"column '{show(wrong[0])}' holds a list or an object, and a cell is one value"
        return f"{what}; flatten it, or leave it out"
    if wanted is not None and not found.keys().isdisjoint(wanted.taken):
        taken = next(name for name in wanted.taken if name in found)
        return f"the key '{show(taken)}' is that of an answer; rename it, or leave out --keep"
    return None


def open_jsonl(blocks: Iterable[bytes], name: str, wanted: Wanted | None, bad_rows: BadRows) -> Input:
    """A file of one JSON object a line.

    Its columns are what the first object names, and all that is wanted. Where that one names no column that is needed,
    or not all that are to be kept, the next ones are asked too.

    Args:
        blocks: of the file, cut anywhere.
        name: of the file, for messages.
        wanted: of the columns; ``None``: rows have all keys that are among them, and none may hold a list or object.
        bad_rows: what becomes of a line that cannot be read.

    Raises:
        DataError: there is no object.
    """
    pieces = (Lines(name, part.line, part.text, part.damage, part.foreign) for part in whole_lines(blocks, name))
    keys, seen = _first_keys(pieces, name, wanted, bad_rows)
    columns = None if wanted is None else _columns(keys, wanted)
    chunks = (
        text_chunk(partial(piece.rows, columns, wanted, bad_rows), piece.as_it_stands, bad_rows, piece.foreign)
        for piece in chain(seen, pieces)
    )
    unnamed = frozenset() if wanted is None else frozenset(wanted.named).difference(keys, wanted.needed)
    return Input(columns or keys, None, "jsonl", "JSON Lines", chunks, unnamed=unnamed)


def _first_keys(
    pieces: Iterator[Lines], name: str, wanted: Wanted | None, bad_rows: BadRows
) -> tuple[list[str], list[Lines]]:
    """What the first objects name, and the pieces up to them."""
    seen: list[Lines] = []
    keys: dict[str, None] = {}

    def records() -> Iterator[Record[Object]]:
        for piece in pieces:
            seen.append(piece)
            yield from piece.records(Wanted(needed=()))

    for record in islice(records(), _FIRST_LINES):
        if record.error is None:
            keys.update(dict.fromkeys(record.fields))
            if wanted is None or _are_enough(keys, wanted):
                break
        elif bad_rows == "error":
            raise DataError(record.error)
    if not keys:
        raise DataError(f"{name}: none of its first lines holds a JSON object with keys; expected one in each line")
    return list(keys), seen


def _are_enough(keys: Mapping[str, None], wanted: Wanted) -> bool:
    sought = set(wanted.named).difference(wanted.needed)
    return keys.keys() >= sought and not keys.keys().isdisjoint(wanted.needed)


def _columns(keys: Sequence[str], wanted: Wanted) -> list[str]:
    """Without what is needed if objects name none of it: then this is another table, not one with cells missing."""
    needed = [] if set(keys).isdisjoint(wanted.needed) else wanted.needed
    return list(dict.fromkeys([*keys, *needed, *wanted.named]))


def _cells(objects: Sequence[Object], name: str) -> pa.Array:
    # A cell is text nearly always; a call for each of millions would take longer than all the rest.
    return text_array([value if isinstance(value := found.get(name), str) else cell_of(value) for found in objects])
