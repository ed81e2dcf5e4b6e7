"""A path or ``-`` becomes an open, decompressed stream of bytes, and that becomes blocks of text."""

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import os
import re
import select
import shutil
import stat
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from nncli.errors import DataError, UsageError
from nncli.table.encoding import mark_of, recoded
from nncli.table.signatures import is_parquet, refuse_binary

_READ_BYTES, _HEADER_BYTES, _MOST_HEADER_BYTES = 1 << 16, 64, 1 << 16
"""Of a usual read; of the headers of compressed files, which are waited for; and of a table's."""
_QUOTED, _LINE_END = re.compile(rb'"[^"]*("|$)'), re.compile(rb"\r\n?|\n")
PATIENCE = 0.02
"""Seconds that a block waits for more from a pipe before it is passed on."""


class ByteStream(io.RawIOBase):
    """Bytes as they come, whose beginning can be seen before it is read; hashed (SHA-256) where that is wanted.

    A read answers with what is there instead of waiting for all that was asked for; only few bytes are waited for,
    because those are headers. No lock is held meanwhile, as Python's buffers hold one: a thread that waits for more of
    a pipe must not keep the program from ending.
    """

    def __init__(self, read: Callable[[int], bytes | None], *, hashed: bool = False) -> None:
        self._read = read
        self._head = b""
        self._hash = hashlib.sha256() if hashed else None

    @property
    def sha256(self) -> str:
        """Of what was read so far; empty where it is not wanted."""
        return self._hash.hexdigest() if self._hash else ""

    @property
    def is_hashed(self) -> bool:
        """Whether that is wanted."""
        return self._hash is not None

    def readable(self) -> bool:
        """It is."""
        return True

    def peek(self, size: int) -> bytes:
        """The next bytes: so many or more, fewer only at the end."""
        while len(self._head) < size and (data := self._read(_READ_BYTES)):
            self._head += data
        return self._head

    def begins_with(self, magic: bytes) -> bool:
        """Whether the next bytes are these. No more of them are waited for than it takes to tell."""
        return all(self.peek(n).startswith(magic[:n]) for n in range(1, len(magic) + 1))

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fills the buffer, or a part of it: at the end nothing."""
        size = len(buffer)
        head = self.peek(size if size <= _HEADER_BYTES else 0)
        data = head[:size] if head else self._read(size) or b""
        self._head = head[size:]
        buffer[: len(data)] = data
        if self._hash:
            self._hash.update(data)
        return len(data)


def display_name(path: str) -> str:
    """The name of a source in messages."""
    return "standard input" if path == "-" else path


@dataclass(frozen=True)
class Source:
    """An open file or pipe, decompressed."""

    name: str
    """For messages."""
    stream: ByteStream
    file: io.FileIO
    """What was opened, compressed or not."""
    compression: str | None
    """Of what was opened."""

    @property
    def is_parquet(self) -> bool:
        """Whether it begins as Parquet files do."""
        return is_parquet(self.stream)

    @property
    def sha256(self) -> str:
        """Of what was read so far, decompressed; empty where it was not asked for."""
        return self.stream.sha256

    @contextmanager
    def whole(self) -> Iterator[BinaryIO]:
        """All of it, to be read in any order: the file where it stands, or a copy of what a pipe or archive gives."""
        if self.compression is None and self.file.seekable():
            if self.stream.is_hashed:
                deque(self.blocks(_READ_BYTES), maxlen=0)  # what is read elsewhere is not hashed
            yield self.file
        else:
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(self.stream, copy)
                yield copy

    def share_read(self) -> float | None:
        """How much of the file was read so far; ``None`` where it has no size, as a pipe."""
        status = os.fstat(self.file.fileno())
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return None
        return os.lseek(self.file.fileno(), 0, os.SEEK_CUR) / status.st_size

    def blocks(self, size: int, patience: float = PATIENCE) -> Iterator[bytes]:
        """Bytes as they come, ``size`` at the most; fewer where a pipe has no more within ``patience`` seconds."""
        while data := self.stream.read(size):
            parts, n_bytes = [data], len(data)
            while n_bytes < size and self._has_more(patience) and (data := self.stream.read(size - n_bytes)):
                parts.append(data)
                n_bytes += len(data)
            yield b"".join(parts)

    def _has_more(self, patience: float) -> bool:
        """Whether reading on would not wait for longer; always for a file, or its end."""
        return bool(select.select([self.file], [], [], patience)[0])


@contextmanager
def open_source(path: str, *, hashed: bool = False) -> Iterator[Source]:
    """Opens a file or standard input, decompressing by content (gzip, zstd, bzip2, xz).

    Raises:
        UsageError: it is a folder, or standard input is a terminal.
        DataError: nothing is in it, or no table, or the compressed data is damaged.
    """
    name = display_name(path)
    if path == "-" and sys.stdin is None:
        raise UsageError(f"{name}: is closed; name a file, or pipe rows in (see --help)")
    if path == "-" and sys.stdin.isatty():
        raise UsageError(f"{name}: is a terminal, no data; name a file, or pipe rows in (see --help)")
    with _opened(path, name) as file:
        plain = ByteStream(file.read)
        compression = next((known for known in _COMPRESSIONS if any(map(plain.begins_with, known.magics))), None)
        read = plain.read if compression is None else _reading(compression, plain, name)
        stream = ByteStream(read, hashed=hashed)
        if not stream.peek(1):
            raise DataError(f"{name}: is empty; expected a header line and rows")
        refuse_binary(stream, name)
        yield Source(name, stream, file, compression and compression.name)


def _opened(path: str, name: str) -> io.FileIO:
    try:
        return io.FileIO(os.dup(sys.stdin.fileno()) if path == "-" else path)
    except IsADirectoryError:
        raise UsageError(f"{name}: is a folder; name a file in it") from None


def _open_zstd(stream: Any) -> Any:
    import pyarrow

    return pyarrow.CompressedInputStream(pyarrow.PythonFile(stream), "zstd")


class _Compression(NamedTuple):
    name: str
    magics: tuple[bytes, ...]
    """It begins with one of these."""
    open: Callable[[Any], Any]
    """A file of the decompressed bytes."""


_BZIP2 = tuple(b"BZh%d" % level + first for level in range(1, 10) for first in (b"1AY&SY", b"\x17rE8P\x90"))
"""Its mark alone, which is text, could be the name of a column; a block's comes next, or that of the end."""
_COMPRESSIONS = (
    _Compression("gzip", (b"\x1f\x8b",), lambda stream: gzip.GzipFile(fileobj=stream)),
    _Compression("bzip2", _BZIP2, bz2.BZ2File),
    _Compression("xz", (b"\xfd7zXZ",), lzma.LZMAFile),
    _Compression("zstd", (b"\x28\xb5\x2f\xfd",), _open_zstd),
)


def _reading(compression: _Compression, stream: ByteStream, name: str) -> Callable[[int], bytes]:
    """Reads of decompressed bytes, as they come.

    Raises:
        DataError: when they cannot be made out.
    """
    decompressed = compression.open(stream)

    def read(size: int) -> bytes:
        try:
            return bytes(decompressed.read1(size))
        except EOFError as error:
            what = f"the {compression.name} data is cut off before its end"
            raise DataError(f"{name}: {what}; copy or download the file anew") from error
        except (OSError, lzma.LZMAError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the file system's word, not the decompressor's
            raise DataError(f"{name}: the {compression.name} data is damaged ({error}); make the file anew") from error

    return read


@dataclass(frozen=True)
class Text:
    """What a source holds where that is text."""

    blocks: Iterator[bytes]
    """Of UTF-8, or of whatever is to be read line by line; cut anywhere; lines end with LF."""
    ways: tuple[str, ...]
    """How it is written, in words, where that is not as usual."""


def open_text(source: Source, size: int, patience: float = PATIENCE, encoding: str | None = None) -> Text:
    """The text of a source of which nothing was read; its first line is waited for.

    Args:
        source: open.
        size: of a block in bytes, the most.
        patience: seconds that a block waits for more before it is passed on.
        encoding: that is insisted on, unless the text begins with the mark of another; ``None``: UTF-8, wherever a
            line can be.

    Raises:
        DataError: it is not of that encoding, or of the one whose mark it begins with; when the reader gets there.
    """
    stream, blocks, ways = source.stream, source.blocks(size, patience), [source.compression]
    marked = mark_of(stream.begins_with)
    if marked == "utf-8":
        stream.read(len(codecs.BOM_UTF8))
        ways.append("utf-8 with BOM")
        encoding = encoding and marked
    else:
        encoding = marked or (encoding and codecs.lookup(encoding).name)
        ways.append(encoding)
    end, blocks = _first_line_end(blocks if encoding is None else recoded(blocks, encoding, source.name))
    if end == b"\r":
        ways.append("CR line ends")
        blocks = (block.replace(b"\r", b"\n") for block in blocks)
    return Text(blocks, tuple(filter(None, ways)))


def _first_line_end(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """How the first line ends, line ends in quotes aside; as much is waited for as tells. And all blocks."""
    head = b""
    for block in blocks:
        head += block
        unquoted = _QUOTED.sub(b"", head[:_MOST_HEADER_BYTES])
        found = _LINE_END.search(unquoted)
        if found and (found[0] != b"\r" or found.end() < len(unquoted)):
            return found[0], chain([head], blocks)
        if len(head) >= _MOST_HEADER_BYTES:
            return b"\n", chain([head], blocks)
    found = _LINE_END.search(_QUOTED.sub(b"", head))
    return found[0] if found else b"\n", iter([head])
