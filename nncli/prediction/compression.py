"""Streams that compress what is written to them."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from typing import Any, BinaryIO, Self

from nncli.errors import UsageError
from nncli.table.filetype import Compression

_CANNOT_FLUSH: tuple[Compression, ...] = ("bz2", "xz")
_BLOCK_BYTES = 1 << 17
_GZIP_LEVEL = 6


def _gzip(file: BinaryIO) -> Any:
    return gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)  # neither name nor time: they are no part of the data


def _zstd(file: BinaryIO) -> Any:
    import pyarrow

    return pyarrow.CompressedOutputStream(pyarrow.PythonFile(file, mode="w"), "zstd")


_OPEN: dict[Compression, Callable[[BinaryIO], Any]] = {
    "gz": _gzip,
    "zst": _zstd,
    "bz2": lambda file: bz2.BZ2File(file, "wb"),
    "xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115 (its stream closes it)
}


class CompressedStream:
    """Compresses in blocks of one size: what comes out depends on what goes in, not on the pieces it comes in.

    Raises:
        UsageError: lines are to be passed on at once, and this compression cannot.
    """

    def __init__(self, file: BinaryIO, compression: Compression, line_buffered: bool) -> None:
        if line_buffered and compression in _CANNOT_FLUSH:
            raise UsageError(f"--line-buffered: .{compression} holds rows back; write .gz, .zst or plain text")
        self._file, self._compressed = file, _OPEN[compression](file)
        self._line_buffered = line_buffered
        self._waiting = bytearray()

    def write(self, data: Any) -> int:
        """Takes bytes."""
        self._waiting += data
        n_full = len(self._waiting) // _BLOCK_BYTES * _BLOCK_BYTES
        for start in range(0, n_full, _BLOCK_BYTES):
            self._compressed.write(bytes(self._waiting[start : start + _BLOCK_BYTES]))
        del self._waiting[:n_full]
        return memoryview(data).nbytes

    def flush(self) -> None:
        """Passes everything on, where lines are to be passed on at once."""
        if self._line_buffered:
            self._pass_on()
            self._compressed.flush()
            self._file.flush()

    def close(self) -> None:
        """Writes the rest, and the end of the compressed data; zstd closes the file too."""
        self._pass_on()
        self._compressed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pass_on(self) -> None:
        self._compressed.write(bytes(self._waiting))
        self._waiting.clear()
