"""Standard output and error as commands find them: nothing that is written there is lost in silence."""

import io
import os
import sys
from typing import Any

from nncli.errors import FileError


class _Descriptor(io.FileIO):
    """What a standard stream writes to; its errors say where.

    After one of them, what buffers still hold goes nowhere: the interpreter, which writes it out at the end, would
    fail once more.
    """

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, "w", closefd=False)
        self.name = name

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self.name
            _lead_nowhere(self.fileno())
            raise


class _ClosedOutput(io.TextIOBase):
    """In the place of a standard output that is closed: whatever is written there is refused."""

    def write(self, _: str) -> int:
        raise FileError("standard output: is closed; open it, or name an --output")

    @property
    def buffer(self) -> "_ClosedOutput":
        """For bytes, with which the same happens."""
        return self


def open_streams() -> None:
    r"""Puts streams into the place of the interpreter's that write each line at once, and fail where that fails.

    What their encoding lacks becomes an escape, such as ``\xdf``.
    """
    if sys.stdout is None:
        _lead_nowhere(1)  # its number is not to be that of the next file
        sys.stdout = _ClosedOutput()
    else:
        sys.stdout = _opened(1, "standard output", sys.stdout.encoding)
    if sys.stderr is None:  # print would take standard output instead
        _lead_nowhere(2)
    sys.stderr = _opened(2, "standard error", getattr(sys.stderr, "encoding", "utf-8"))


def _opened(number: int, name: str, encoding: str) -> io.TextIOWrapper:
    raw = io.BufferedWriter(_Descriptor(number, name))
    return io.TextIOWrapper(raw, encoding, errors="backslashreplace", line_buffering=True)


def _lead_nowhere(number: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
