"""Files that appear whole or not at all: written under a hidden name of their own, then given theirs in one step."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nncli.errors import FileError, UsageError

_MOST_NAME = 100
"""Of a file's name, what its hidden name begins with: names have a limit."""


def require_parent(path: Path) -> None:
    """Checks, before any work, that the folder of a file is there.

    Raises:
        FileError: it is not.
    """
    if not path.parent.is_dir():
        raise FileError(f"{path}: there is no folder {path.parent}; make it, or choose another --output")


def refuse_replacing(path: Path) -> None:
    """Refuses to replace what is there.

    Raises:
        UsageError: something is.
    """
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path}: exists already; choose another --output, or replace it with --force")


def refuse_output(path: Path, force: bool) -> None:
    """Checks, before any work, that a file can be written.

    Raises:
        UsageError: something is there without ``force``, or it is no file.
        FileError: there is no folder for it.
    """
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: is no file; choose another --output")
    if not force:
        refuse_replacing(path)
    require_parent(path)


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A new file beside ``path`` under a hidden name that no other run has; what has it afterwards is removed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:_MOST_NAME]}.", suffix=".new", dir=path.parent)
    hidden = Path(name)
    try:
        os.close(descriptor)
        hidden.chmod(0o666 & ~umask())
        yield hidden
    finally:
        hidden.unlink(missing_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Writes a file; one that is there is replaced in one step."""
    with staged(path) as hidden:
        write_synced(hidden, content)
        hidden.replace(path)
        sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file that is on the disk when this returns."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """The names in a folder are on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """The process's."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
