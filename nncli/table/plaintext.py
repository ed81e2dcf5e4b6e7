"""Bytes of text: their lines, and what damages them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.table.arrow import TEXT, text_scalar
from nncli.table.encoding import Foreign, as_text, foreign_line, joined

NEWLINE = b"\n"
_LONGEST_LINE = 1 << 26
_STAND_IN = "\ufffd"
"""For NUL: U+FFFD."""


@dataclass(frozen=True)
class WholeLines:
    """Some lines of a file."""

    line: int
    """Number of the first one in the file."""
    text: bytes
    """UTF-8 without NUL; ends with a line end."""
    damage: Mapping[int, str]
    """What a line holds that is no text, by the line's number; U+FFFD stands for it."""
    foreign: Foreign | None = None
    """Lines that were no UTF-8."""


def refuse_endless(text: bytes, name: str, line: int) -> None:
    """Refuses to wait for a line end that does not come, for memory is finite.

    Raises:
        DataError: the last line is longer than any row.
    """
    if len(text) > _LONGEST_LINE and len(text) - text.rfind(NEWLINE) > _LONGEST_LINE:
        line += text.count(NEWLINE)
        raise DataError(f"{name}, line {line}: is longer than {_LONGEST_LINE:,} bytes; is this a table as text?")


def whole_lines(blocks: Iterable[bytes], name: str, line: int = 1) -> Iterator[WholeLines]:
    """Cuts blocks of text at line ends.

    Args:
        blocks: of the file, cut anywhere.
        name: of the file, for messages.
        line: number of the first one in the file.

    Raises:
        DataError: a line does not end.
    """
    rest = b""
    for block in blocks:
        text, newline, rest = (rest + block).rpartition(NEWLINE)
        if newline:
            yield _mended(text + newline, name, line)
            line += text.count(NEWLINE) + 1
        refuse_endless(rest, name, line)
    if rest:
        yield _mended(rest + NEWLINE, name, line)


def without_lines(blocks: Iterable[bytes], n_lines: int, name: str) -> Iterator[bytes]:
    """The same text without its first lines.

    Raises:
        DataError: it has no others.
    """
    left = n_lines
    for block in blocks:
        start = 0
        while left and (end := block.find(NEWLINE, start)) >= 0:
            start, left = end + 1, left - 1
        if not left and start < len(block):
            yield block[start:]
            yield from blocks
            return
    raise DataError(f"{name}: has no more than {n_lines} lines; --skip-rows {n_lines} leaves nothing; skip fewer")


def _mended(text: bytes, name: str, line: int) -> WholeLines:
    damage = _nul_lines(text, name, line) if b"\0" in text else {}
    text = text.replace(b"\0", _STAND_IN.encode()) if damage else text
    try:
        text.isascii() or text.decode()
    except UnicodeDecodeError:
        lines = text.split(NEWLINE)
        foreign = reduce(joined, (foreign_line(raw, name, number) for number, raw in enumerate(lines, start=line)))
        return WholeLines(line, "\n".join(map(as_text, lines)).encode(), damage, foreign)
    return WholeLines(line, text, damage)


def _nul_lines(text: bytes, name: str, line: int) -> dict[int, str]:
    found = ((number, raw.find(b"\0") + 1) for number, raw in enumerate(text.split(NEWLINE), start=line))
    what = "is NUL; the file is damaged or not text; remove it (tr -d '\\000') or export the data anew"
    return {number: f"{name}, line {number}: byte {at} {what}" for number, at in found if at}


def line_ends(text: bytes) -> NDArray[np.int64]:
    """Where each line ends, its line end included. Shape: ``(n_lines,)``."""
    return np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord(NEWLINE)) + 1


def text_between(text: bytes, ends: NDArray[np.int64], around: str) -> pa.Array:
    """The pieces of ``text`` that end at ``ends``, without the characters ``around`` them; none that is empty then."""
    offsets = np.concatenate([[0], ends])
    pieces = pa.Array.from_buffers(TEXT, ends.size, [None, pa.py_buffer(offsets), pa.py_buffer(text)])
    trimmed = pc.ascii_trim(pieces, around)
    return trimmed.filter(pc.not_equal(trimmed, text_scalar("")))
