"""A path or ``-`` becomes an open, decompressed stream of bytes, and that becomes lines of text."""

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from nncli.errors import DataError, UsageError

_HEAD_BYTES = 1 << 16
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PARQUET_MAGIC = b"PAR1"


class HashingReader(io.RawIOBase):
    """Passes bytes through and hashes them (SHA-256)."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    def readable(self) -> bool:  # noqa: D102 (io.RawIOBase's contract)
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # noqa: D102
        # read1 answers with what a pipe holds now instead of waiting for a full buffer.
        read = getattr(self._stream, "read1", self._stream.read)
        data = read(len(buffer))
        buffer[: len(data)] = data
        self._hash.update(data)
        return len(data)

    def hexdigest(self) -> str:
        """The hash of what was read so far."""
        return self._hash.hexdigest()


def display_name(path: str) -> str:
    """The name of a source in messages."""
    return "standard input" if path == "-" else path


@dataclass(frozen=True)
class Source:
    """An open file or pipe, decompressed."""

    name: str
    """For messages."""
    stream: "io.BufferedReader[Any]"
    hashing: HashingReader

    @property
    def is_parquet(self) -> bool:
        """Whether it begins as Parquet files do."""
        return self.stream.peek(4)[:4] == _PARQUET_MAGIC


@contextmanager
def open_source(path: str) -> Iterator[Source]:
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
    with nullcontext(sys.stdin.buffer) if path == "-" else Path(path).open("rb") as raw:
        hashing = HashingReader(_decompressed(cast("io.BufferedReader", raw)))
        stream = io.BufferedReader(hashing, buffer_size=_HEAD_BYTES)
        try:
            if not stream.peek(1):
                raise DataError(f"{name}: is empty; expected a header line and rows")
            yield Source(name, stream, hashing)
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


def text_lines(source: Source) -> Iterator[str]:
    """Lines with their line ends: UTF-8 with or without BOM, or UTF-16 with BOM.

    Raises:
        DataError: bytes that are not UTF-8, or a NUL byte, with their line.
    """
    stream, name = source.stream, source.name
    head = stream.peek(_HEAD_BYTES)
    try:
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            yield from io.TextIOWrapper(stream, encoding="utf-16", newline="")
        elif b"\r" in head and b"\n" not in head:  # line ends of CR only
            yield from io.TextIOWrapper(stream, encoding="utf-8-sig", newline="\r")
        else:
            yield from _utf8_lines(stream, name)
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: is not {error.encoding} text ({error.reason}); convert it to UTF-8") from error


def _utf8_lines(stream: io.BufferedReader, name: str) -> Iterator[str]:
    for number, raw in enumerate(stream, start=1):
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if b"\0" in raw:
            raise DataError(
                f"{name}, line {number}: holds a NUL byte at position {raw.index(0) + 1}; "
                "the file is damaged or not text; remove it (tr -d '\\000') or export the data anew"
            )
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, line {number}: byte 0x{raw[error.start]:02X} at position {error.start + 1} "
                "is not UTF-8; if the file is Latin-1, convert it: iconv -f latin1 -t utf-8 FILE"
            ) from error
