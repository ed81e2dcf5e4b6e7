"""The exception tree. The class says the exit code; the message is the one line a user reads.

    NncliError          1   a bug in nncli, or nothing more exact is known
    ├── UsageError      2   options, values, files that exist
    ├── DataError       3   the data cannot be used
    ├── ModelError      4   the model folder cannot be read, is damaged, or does not fit the data
    ├── FileError       5   reading or writing failed
    ├── MemoryLimitError 6  not enough memory
    ├── GateError       7   a gate that was asked for failed
    └── DeviceError     8   the device is not available

Messages read *where: what is wrong; what was found; what to do*. Values that come from data are shown
through :func:`show`, so that no cell or header can act on a terminal.
"""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # direction, line ends
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # without width or ink
    "\ud800-\udfff]"  # halves of characters, such as bytes of a file's name that are not UTF-8
)
_MOST_MARKS = 4
"""Combining marks on one character; more of them reach over the lines above and below."""


DAMAGED = "the model folder is damaged; copy it anew, or train anew"
"""What a model folder is in which something is not as nncli wrote it."""
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "bad_alloc",
    "can't start new thread",
    "failed to map segment",
)
"""What errors say that have no class of their own: those of torch, of C++ and of the loader of libraries."""


class NncliError(Exception):
    """Base of every error that nncli raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(NncliError):
    """Wrong use: options, values, files that exist."""

    exit_code = 2


class DataError(NncliError):
    """The data cannot be used."""

    exit_code = 3


class ModelError(NncliError):
    """The model folder cannot be read, is damaged, or does not fit the data."""

    exit_code = 4


class FileError(NncliError):
    """Reading or writing failed: disk, permissions, pipe target."""

    exit_code = 5


class MemoryLimitError(NncliError):
    """Not enough memory."""

    exit_code = 6


class GateError(NncliError):
    """A gate that was asked for (``--require``) failed."""

    exit_code = 7


class DeviceError(NncliError):
    """The device that was asked for is not available."""

    exit_code = 8


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says, in any of the ways of the libraries, that memory is short."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError | ImportError) and any(words in text for words in _OUT_OF_MEMORY)


@contextmanager
def memory_stage(stage: str, remedy: str) -> Iterator[None]:
    """A part of a run, also as a decorator: where it runs out of memory, its name is said.

    Raises:
        MemoryLimitError: it did.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryLimitError(f"{stage}: not enough memory; {remedy}") from error
        raise


def show(value: object, limit: int = 80) -> str:
    r"""A value from data as inert text: control and invisible characters escaped, cut at ``limit`` characters.

    >>> show("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    text = str(value)
    return inert(text if len(text) <= limit else text[: limit - 1] + "…")


def inert(text: str) -> str:
    r"""Text with escapes for what acts on a terminal: control and invisible characters, line ends, heaps of marks.

    >>> inert("two\nlines")
    'two\\nlines'
    """
    text = _CONTROL.sub(lambda match: _escaped(match.group()), text)
    return text if text.isascii() else "".join(_without_heaps(text))


def _without_heaps(text: str) -> Iterator[str]:
    from unicodedata import category

    n_marks = 0
    for character in text:
        n_marks = n_marks + 1 if category(character) in ("Mn", "Me") else 0
        yield character if n_marks <= _MOST_MARKS else _escaped(character)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def quoted_list(names: list[str], most: int = 5) -> str:
    """Names for a message, quoted, the rest counted.

    >>> quoted_list(["a", "b"], most=1)
    "'a' and 1 more"
    """
    shown = ", ".join(f"'{show(name)}'" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def nearest_names(wanted: str, names: list[str], otherwise: str = "the columns are") -> str:
    """What to say where ``wanted`` is none of ``names``: the nearest ones, or all after the words ``otherwise``.

    >>> nearest_names("Colour", ["colour", "size"])
    "did you mean 'colour'?"
    """
    from difflib import get_close_matches

    lower = {name.lower(): name for name in names}
    close = [lower[name] for name in get_close_matches(wanted.lower(), lower, n=3, cutoff=0.5)]
    return f"did you mean {quoted_list(close)}?" if close else f"{otherwise} {quoted_list(names, 20)}"
