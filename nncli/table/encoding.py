"""What bytes of text say: UTF-8, or Windows-1252 line by line where they are none, or what is insisted on."""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from nncli.errors import DataError, show

_FEWEST_NULS, _NEARLY_ALL = 0.2, 0.9
"""Share of the bytes that are NUL in UTF-16, even where letters are not Latin, for delimiters are; and of those NULs
that are the first byte of two, or the second."""
_AROUND = 10
"""Characters that are shown before and after a byte that is no UTF-8."""
_MARK = "\ufeff"
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_REMEDY = "name another --encoding, or leave it out"


def _windows_1252() -> str:
    """The character of each byte: Latin-1's where Windows-1252 has none (as the WHATWG's standard has it)."""
    return "".join(bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(256))


_CHARACTERS = _windows_1252()


@dataclass(frozen=True)
class Foreign:
    """Lines that are no UTF-8, and are read as Windows-1252."""

    name: str
    """Of the file."""
    line: int
    """The first of them, from 1."""
    byte: int
    """The first byte of that line that is no UTF-8, from 1."""
    value: int
    """Of that byte."""
    read_as: str
    """What stands there, read so."""
    n_lines: int = 1

    @property
    def message(self) -> str:
        """One sentence for people."""
        n_others = self.n_lines - 1
        others = f", like {n_others:,} other{'s' if n_others > 1 else ''}," if n_others else ""
        return (
            f"{self.name}, line {self.line}: byte {self.byte} is 0x{self.value:02X}, which is not UTF-8; this line"
            f"{others} is read as Windows-1252: '{show(self.read_as)}'; if that is wrong, name another with --encoding"
        )


def joined(first: Foreign | None, then: Foreign | None) -> Foreign | None:
    """Both together; the first one is told."""
    if first is None or then is None:
        return first or then
    return replace(first, n_lines=first.n_lines + then.n_lines)


def as_text(line: bytes) -> str:
    """A line: of UTF-8, or where it is none of Windows-1252, for most often it is that then.

    Lines are read each for itself: it does not matter how a file is cut, and an odd line leaves the others as they are.

    >>> as_text("Grüße".encode()), as_text("Grüße".encode("latin-1"))
    ('Grüße', 'Grüße')
    """
    try:
        return line.decode()
    except UnicodeDecodeError:
        return codecs.charmap_decode(line, "strict", _CHARACTERS)[0]


def foreign_line(line: bytes, name: str, number: int) -> Foreign | None:
    """What is to be said of a line, if it is no UTF-8.

    Args:
        line: without its line end.
        name: of the file.
        number: of the line, from 1.
    """
    try:
        line.decode()
    except UnicodeDecodeError as error:
        at = error.start
        around = as_text(line)[max(0, at - _AROUND) : at + _AROUND].strip()
        return Foreign(name, number, at + 1, line[at], around)
    return None


def mark_of(begins_with: Callable[[bytes], bool]) -> str | None:
    """The encoding that the mark at the beginning of a file names; ``None``: there is no mark."""
    # The mark of UTF-16 begins that of UTF-32: the longer one comes first.
    return next((encoding for mark, encoding in _MARKS.items() if begins_with(mark)), None)


def refuse_wide(line: bytes, name: str) -> None:
    """Refuses the first line of a file that looks like UTF-16 or UTF-32, but for the mark that these begin with.

    Raises:
        DataError: about every second byte is NUL, or three of four.
    """
    n_nuls = [line[place::4].count(0) for place in range(4)]
    for encoding, places in (("utf-32-le", (2, 3)), ("utf-32-be", (0, 1))):
        if min(n_nuls[place] for place in places) > max(1, _NEARLY_ALL * len(line) / 4):
            raise DataError(f"{name}, line 1: {_without_mark(line, 'UTF-32')}; add --encoding {encoding}")
    n_first, n_second = line[::2].count(0), line[1::2].count(0)
    n_both = n_first + n_second
    if n_both > max(1, _FEWEST_NULS * len(line)) and max(n_first, n_second) > _NEARLY_ALL * n_both:
        encoding = "utf-16-le" if n_second > n_first else "utf-16-be"
        raise DataError(f"{name}, line 1: {_without_mark(line, 'UTF-16')}; add --encoding {encoding}")


def _without_mark(line: bytes, encoding: str) -> str:
    return f"looks like {encoding} without its mark (byte {line.index(0) + 1} is NUL)"


def recoded(blocks: Iterator[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """UTF-8 from another encoding, without the mark that it may begin with.

    Args:
        blocks: of the file, cut anywhere.
        encoding: of the text, one that Python knows.
        name: of the file, for messages.

    Raises:
        DataError: it is not of that encoding; the message says where.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    n_bytes, line, mark = 0, 1, _MARK
    for block in chain(blocks, [b""]):
        try:
            text = decoder.decode(block, final=not block)
            found = text.removeprefix(mark).encode()
        except UnicodeDecodeError as error:
            at = len(block) - len(error.object) + error.start  # negative where it began in the block before
            line += error.object[: error.start].decode(error.encoding, errors="replace").count("\n")
            what = f"byte {n_bytes + at + 1:,} of the file is 0x{error.object[error.start]:02X}"
            raise DataError(f"{name}, line {line}: {what}, which is not {encoding}; {_REMEDY}") from error
        except UnicodeError as error:
            raise DataError(f"{name}, line {line}: is no text in {encoding} ({error}); {_REMEDY}") from error
        n_bytes, line, mark = n_bytes + len(block), line + text.count("\n"), mark if not text else ""
        if found:
            yield found
