"""A path or ``-`` becomes an open, decompressed stream of bytes, and that becomes blocks of text."""

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import os
import select
import shutil
import stat
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from nncli.errors import DataError, UsageError

_HEAD_BYTES = 1 << 16
PATIENCE = 0.02
"""Seconds that a block waits for more from a pipe before it is passed on."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PARQUET_MAGIC = b"PAR1"


class _Reader(io.RawIOBase):
    """Passes bytes on as they come, and hashes them (SHA-256) where that is wanted."""

    def __init__(self, stream: BinaryIO, hashed: bool) -> None:
        self.stream = stream
        # read1 answers with what a pipe holds now instead of waiting for a full buffer.
        self._read = getattr(stream, "read1", stream.read)
        self.hash = hashlib.sha256() if hashed else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        if self.hash:
            self.hash.update(data)
        return len(data)


def display_name(path: str) -> str:
    """The name of a source in messages."""
    return "standard input" if path == "-" else path


@dataclass(frozen=True)
class Source:
    """An open file or pipe, decompressed."""

    name: str
    """For messages."""
    stream: "io.BufferedReader[Any]"
    file: BinaryIO
    """What was opened, compressed or not."""
    reader: _Reader

    @property
    def is_parquet(self) -> bool:
        """Whether it begins as Parquet files do."""
        return self.stream.peek(4)[:4] == _PARQUET_MAGIC

    @property
    def sha256(self) -> str:
        """Of what was read so far, decompressed; empty where it was not asked for."""
        return self.reader.hash.hexdigest() if self.reader.hash else ""

    @contextmanager
    def whole(self) -> Iterator[BinaryIO]:
        """All of it, to be read in any order: the file where it stands, or a copy of what a pipe or archive gives."""
        if self.reader.stream is self.file and self.file.seekable():
            if self.reader.hash:
                deque(self.blocks(_HEAD_BYTES), maxlen=0)  # what is read elsewhere is not hashed
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
        while data := self.stream.read1(size):
            parts, n_bytes = [data], len(data)
            while n_bytes < size and self._has_more(patience) and (data := self.stream.read1(size - n_bytes)):
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
        UsageError: standard input is a terminal.
        DataError: nothing is in it, or the compressed data is damaged.
    """
    name = display_name(path)
    if path == "-" and sys.stdin is None:
        raise UsageError(f"{name}: is closed; name a file, or pipe rows in (see --help)")
    if path == "-" and sys.stdin.isatty():
        raise UsageError(f"{name}: is a terminal, no data; name a file, or pipe rows in (see --help)")
    with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as file:
        reader = _Reader(_decompressed(cast("io.BufferedReader", file)), hashed)
        stream = io.BufferedReader(reader, buffer_size=_HEAD_BYTES)
        try:
            if not stream.peek(1):
                raise DataError(f"{name}: is empty; expected a header line and rows")
            yield Source(name, stream, file, reader)
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the file system's word, not the decompressor's
            raise DataError(f"{name}: the compressed data is damaged ({error}); make the file anew") from error


def _decompressed(stream: io.BufferedReader) -> BinaryIO:
    magic = stream.peek(6)[:6]
    if magic.startswith(b"\x1f\x8b"):
        return cast("BinaryIO", gzip.open(stream))
    if magic.startswith(b"BZh"):
        return cast("BinaryIO", bz2.open(stream))
    if magic.startswith(b"\xfd7zXZ"):
        return cast("BinaryIO", lzma.open(stream))
    if magic.startswith(_ZSTD_MAGIC):
        import pyarrow

        return pyarrow.CompressedInputStream(pyarrow.PythonFile(stream), "zstd")  # type: ignore[no-any-return]
    return stream


def text_blocks(source: Source, size: int, patience: float = PATIENCE) -> Iterator[bytes]:
    """UTF-8 text in blocks, cut anywhere; it may stand in UTF-8 with or without BOM, or in UTF-16 with BOM.

    Args:
        source: open.
        size: of a block in bytes, the most.
        patience: seconds that a block waits for more before it is passed on.

    Raises:
        DataError: it is no UTF-16 though it begins so.
    """
    head = source.stream.peek(_HEAD_BYTES)
    blocks = source.blocks(size, patience)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            for text in codecs.iterdecode(blocks, "utf-16"):
                yield text.encode()
        except UnicodeDecodeError as error:
            raise DataError(f"{source.name}: is not UTF-16 text ({error.reason}); convert it to UTF-8") from error
        return
    if head.startswith(codecs.BOM_UTF8):
        source.stream.read(len(codecs.BOM_UTF8))
    if b"\r" in head and b"\n" not in head:  # line ends of CR only
        blocks = (block.replace(b"\r", b"\n") for block in blocks)
    yield from blocks
