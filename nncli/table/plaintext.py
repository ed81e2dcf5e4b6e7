"""Bytes of UTF-8 text: what damages them, and their lines."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.table.arrow import TEXT, text_scalar

NEWLINE = b"\n"
_LONGEST_LINE = 1 << 26
_STAND_IN = "\ufffd"
"""For bytes that are no text: U+FFFD."""


@dataclass(frozen=True)
class WholeLines:
    """Some lines of a file."""

    line: int
    """Number of the first one in the file."""
    text: bytes
    """UTF-8 without NUL; ends with a line end."""
    damage: Mapping[int, str]
    """What a line holds that is no text, by the line's number; U+FFFD stands for it."""


def refuse_endless(text: bytes, name: str, line: int) -> None:
    """Refuses to wait for a line end that does not come, for memory is finite.

    Raises:
        DataError: the last line is longer than any row.
    """
    if len(text) > _LONGEST_LINE and len(text) - text.rfind(NEWLINE) > _LONGEST_LINE:
        line += text.count(NEWLINE)
        raise DataError(f"{name}, line {line}: is longer than {_LONGEST_LINE:,} bytes; is this a table as text?")


def whole_lines(blocks: Iterable[bytes], name: str) -> Iterator[WholeLines]:
    """Cuts blocks of text at line ends.

    Args:
        blocks: of the file, cut anywhere.
        name: of the file, for messages.

    Raises:
        DataError: a line does not end.
    """
    rest, line = b"", 1
    for block in blocks:
        text, newline, rest = (rest + block).rpartition(NEWLINE)
        if newline:
            yield _mended(text + newline, name, line)
            line += text.count(NEWLINE) + 1
        refuse_endless(rest, name, line)
    if rest:
        yield _mended(rest + NEWLINE, name, line)


def _mended(text: bytes, name: str, line: int) -> WholeLines:
    if _damage(text) is None:
        return WholeLines(line, text, {})
    found = ((number, _damage(raw)) for number, raw in enumerate(text.split(NEWLINE), start=line))
    damage = {number: f"{name}, line {number}: {what}" for number, what in found if what}
    return WholeLines(line, text.replace(b"\0", _STAND_IN.encode()).decode(errors="replace").encode(), damage)


def _damage(text: bytes) -> str | None:
    if (at := text.find(b"\0")) >= 0:
        what = f"byte {at + 1} is NUL; the file is damaged or not text"
        return f"{what}; remove it (tr -d '\\000') or export the data anew"
    try:
        text.isascii() or text.decode()
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} is 0x{text[error.start]:02X}, which is not UTF-8"
        return f"{what}; if the file is Latin-1, convert it: iconv -f latin1 -t utf-8 FILE"
    return None


def line_ends(text: bytes) -> NDArray[np.int64]:
    """Where each line ends, its line end included. Shape: ``(n_lines,)``."""
    return np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord(NEWLINE)) + 1


def text_between(text: bytes, ends: NDArray[np.int64], around: str) -> pa.Array:
    """The pieces of ``text`` that end at ``ends``, without the characters ``around`` them; none that is empty then."""
    offsets = np.concatenate([[0], ends])
    pieces = pa.Array.from_buffers(TEXT, ends.size, [None, pa.py_buffer(offsets), pa.py_buffer(text)])
    trimmed = pc.ascii_trim(pieces, around)
    return trimmed.filter(pc.not_equal(trimmed, text_scalar("")))
