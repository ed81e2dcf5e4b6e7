"""Files that appear whole or not at all: written under a hidden name of their own, then given theirs in one step.

A run locks what it writes under a hidden name. The lock ends with the run, however it ends: what has such a name and no
lock was left by a run that was killed, and the next one removes it.
"""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nncli.errors import FileError, UsageError

_MOST_NAME = 100
"""Bytes of a file's name that its hidden name begins with: names have a limit."""
_MARK = ".nncli-"
_HIDDEN = re.compile(r"\.(?P<name>.*)\.nncli-[a-z0-9_]{8}\.new", re.DOTALL)


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
    descriptor, name = tempfile.mkstemp(*_hidden(path))
    hidden = Path(name)
    try:
        _lock(descriptor)
        hidden.chmod(0o666 & ~umask())
        with _naming(path):
            yield hidden
    finally:
        hidden.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def staged_folder(path: Path) -> Iterator[Path]:
    """A new folder beside ``path``, like :func:`staged`."""
    hidden = Path(tempfile.mkdtemp(*_hidden(path)))
    descriptor = os.open(hidden, os.O_RDONLY)
    try:
        _lock(descriptor)
        hidden.chmod(0o777 & ~umask())
        with _naming(path):
            yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Errors of writing, which know a descriptor only, say what was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Removes what runs that were killed have left under hidden names.

    Args:
        folder: where it is.
        name: of the file or folder that was to be written; ``None``: any.
    """
    names = list[str]()
    with contextlib.suppress(OSError):  # a folder may be written to and not be read
        names = os.listdir(folder)  # noqa: PTH208 (paths would take three times as long)
    for found in names:
        hidden = _HIDDEN.fullmatch(found)
        if hidden and (name is None or hidden["name"] == _beginning(name)):
            with contextlib.suppress(OSError):  # what is locked, or no file or folder, stays
                _remove_unlocked(folder / found)


def _remove_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def _hidden(path: Path) -> tuple[str, str, str]:
    """Suffix, prefix and folder of a name that is no other run's."""
    return ".new", f".{_beginning(path.name)}{_MARK}", str(path.parent)


def _beginning(name: str) -> str:
    return os.fsencode(name)[:_MOST_NAME].decode(errors="ignore")


def _lock(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # on a file system without locks: nothing is removed there either
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_file(path: Path, content: bytes) -> None:
    """Writes a file; one that is there is replaced in one step."""
    remove_leftovers(path.parent, path.name)
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
