"""Bytes of UTF-8 text: what damages them, and their lines."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.errors import DataError
from nncli.table.arrow import TEXT, text_scalar

NEWLINE = b"\n"
_LONGEST_LINE = 1 << 26


def refuse_damage(text: bytes, name: str, line: int) -> None:
    """Refuses what is no text, wherever it stands.

    Args:
        text: some of the file.
        name: of the file, for messages.
        line: number of its first line in the file.

    Raises:
        DataError: a NUL byte, or text that is not UTF-8.
    """
    if (at := text.find(b"\0")) >= 0:
        raise DataError(
            f"{name}, {_place(text, at, line)} is NUL; the file is damaged or not text; "
            "remove it (tr -d '\\000') or export the data anew"
        )
    try:
        text.isascii() or text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}, {_place(text, error.start, line)} is 0x{text[error.start]:02X}, which is not UTF-8; "
            "if the file is Latin-1, convert it: iconv -f latin1 -t utf-8 FILE"
        ) from error


def _place(text: bytes, at: int, line: int) -> str:
    return f"line {line + text.count(NEWLINE, 0, at)}: byte {at - text.rfind(NEWLINE, 0, at)}"


def refuse_endless(text: bytes, name: str, line: int) -> None:
    """Refuses to wait for a line end that does not come, for memory is finite.

    Raises:
        DataError: the last line is longer than any row.
    """
    if len(text) > _LONGEST_LINE and len(text) - text.rfind(NEWLINE) > _LONGEST_LINE:
        line += text.count(NEWLINE)
        raise DataError(f"{name}, line {line}: is longer than {_LONGEST_LINE:,} bytes; is this a table as text?")


def whole_lines(blocks: Iterable[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Cuts blocks of text at line ends: the number of the first line, and some lines with their ends.

    Raises:
        DataError: the text is damaged, or a line does not end.
    """
    rest, line = b"", 1
    for block in blocks:
        text, newline, rest = (rest + block).rpartition(NEWLINE)
        if newline:
            refuse_damage(text, name, line)
            yield line, text + newline
            line += text.count(NEWLINE) + 1
        refuse_endless(rest, name, line)
    if rest:
        refuse_damage(rest, name, line)
        yield line, rest + NEWLINE


def line_ends(text: bytes) -> NDArray[np.int64]:
    """Where each line ends, its line end included. Shape: ``(n_lines,)``."""
    return np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord(NEWLINE)) + 1


def text_between(text: bytes, ends: NDArray[np.int64], around: str) -> pa.Array:
    """The pieces of ``text`` that end at ``ends``, without the characters ``around`` them; none that is empty then."""
    offsets = np.concatenate([[0], ends])
    pieces = pa.Array.from_buffers(TEXT, ends.size, [None, pa.py_buffer(offsets), pa.py_buffer(text)])
    trimmed = pc.ascii_trim(pieces, around)
    return trimmed.filter(pc.not_equal(trimmed, text_scalar("")))
