"""What a disk holds after the power went: operations are recorded, and played again with what was not synced lost.

SQLite tests itself like this ("Simulated power loss"). A file that was not synced may hold anything; a folder that was
not synced may hold some of its new names and not others.
"""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

Operation = tuple[str, ...]
"""What was done, and to which path; of a write also the bytes, in Latin-1."""


@dataclass
class File:
    """In memory, and as far as it was synced."""

    data: bytes = b""
    synced: bytes = b""


@dataclass
class Folder:
    """In memory, and as far as it was synced."""

    names: dict[str, "File | Folder"] = field(default_factory=dict)
    synced: dict[str, "File | Folder"] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    """What the power takes with it: which of the names, and of the bytes, that were not synced."""

    keeps_name: Callable[[], bool]
    bytes_of: Callable[[File], bytes]


def losses(seed: int) -> dict[str, Loss]:
    """Ways to lose things."""
    random = Random(seed)

    def any_bytes(file: File) -> bytes:
        ways = [file.data, file.synced, file.data[: len(file.data) // 2], random.randbytes(len(file.data))]
        return file.data if file.data == file.synced else random.choice(ways)

    return {
        "nothing: the run was killed": Loss(lambda: True, lambda file: file.data),
        "all that was not synced": Loss(lambda: False, lambda file: file.synced),
        "bytes, and no names": Loss(lambda: True, lambda file: file.synced),
        "names, and no bytes": Loss(lambda: False, lambda file: file.data),
        **{f"some, {i}": Loss(lambda: random.random() < 0.5, any_bytes) for i in range(4)},
    }


def read_disk(path: Path) -> Folder:
    """A folder as it stands, all of it synced."""
    found: dict[str, File | Folder] = {}
    for entry in sorted(path.iterdir()):
        content = b"" if entry.is_dir() else entry.read_bytes()
        found[entry.name] = read_disk(entry) if entry.is_dir() else File(content, content)
    return Folder(dict(found), dict(found))


def played(disk: Folder, operations: Sequence[Operation]) -> Folder:
    """The disk after some operations; their paths are below it."""
    for kind, path, *more in operations:
        *parents, name = path.split("/")
        folder = _at(disk, parents)
        if kind == "create":
            folder.names.setdefault(name, File())
            node = folder.names[name]
            assert isinstance(node, File)
            node.data = b""
        elif kind == "mkdir":
            folder.names[name] = Folder()
        elif kind == "write":
            node = folder.names[name]
            assert isinstance(node, File)
            node.data += more[0].encode("latin-1")
        elif kind == "rename":
            *parents, new = more[0].split("/")
            _at(disk, parents).names[new] = folder.names.pop(name)
        elif kind == "remove":
            del folder.names[name]
        else:
            _sync(folder.names[name] if name else disk)
    return disk


def _at(disk: Folder, parents: Sequence[str]) -> Folder:
    for name in parents:
        found = disk.names[name]
        assert isinstance(found, Folder)
        disk = found
    return disk


def _sync(node: File | Folder) -> None:
    if isinstance(node, File):
        node.synced = node.data
    else:
        node.synced = dict(node.names)


def write_disk(path: Path, folder: Folder, loss: Loss) -> None:
    """What is left of a folder."""
    path.mkdir()
    for name in sorted({*folder.names, *folder.synced}):
        before, after = folder.synced.get(name), folder.names.get(name)
        node = after if after is before or loss.keeps_name() else before
        if isinstance(node, Folder):
            write_disk(path / name, node, loss)
        elif node is not None:
            (path / name).write_bytes(loss.bytes_of(node))


class Recorder:
    """Does what is asked of it to files below a folder, and writes it down; one operation may fail instead."""

    def __init__(self, root: Path, fail_at: int | None, error: int) -> None:
        self._root, self._fail_at, self._error = root, fail_at, error
        self._n = 0
        self.done: list[Operation] = []
        self.opened: dict[int, str] = {}

    def below(self, path: Any) -> str | None:
        """The path below the folder; ``None`` for one that is elsewhere."""
        if isinstance(path, int) or not Path(path).is_relative_to(self._root):
            return None
        return "/".join(Path(path).relative_to(self._root).parts)

    def act(self, kind: str, *about: str, do: Callable[[], Any]) -> Any:
        """Does something, or fails."""
        self._n += 1
        if self._n - 1 == self._fail_at:
            self.done.append(("failed", kind, *about))
            raise OSError(self._error, os.strerror(self._error), about[0]) if self._error else KeyboardInterrupt
        result = do()
        self.done.append((kind, *about))
        return result

    def opening(self, real: Callable[..., Any], creates: Callable[[Any], bool]) -> Callable[..., Any]:
        """Instead of ``os.open`` and ``io.open``."""

        def call(path: Any, how: Any = "r", *rest: Any, **options: Any) -> Any:
            name = self.below(path)
            if name is None:
                return real(path, how, *rest, **options)
            do = partial(real, path, how, *rest, **options)
            file = self.act("create", name, do=do) if creates(how) else do()
            self.opened[file if isinstance(file, int) else file.fileno()] = name
            return file if isinstance(file, int) or not creates(how) else RecordedFile(file, name, self)

        return call

    def doing(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """Instead of a function about a path, or two."""

        def call(path: Any, *rest: Any, **options: Any) -> Any:
            name = self.below(path)
            if name is None:
                return real(path, *rest, **options)
            more = [str(self.below(rest[0]))] if kind == "rename" else []
            return self.act(kind, name, *more, do=partial(real, path, *rest, **options))

        return call


class RecordedFile:
    """An open file whose writes are recorded."""

    def __init__(self, file: Any, name: str, recorder: Recorder) -> None:
        self._file, self._name, self._recorder = file, name, recorder

    def __enter__(self) -> "RecordedFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> Any:
        return self._recorder.act("write", self._name, data.decode("latin-1"), do=partial(self._file.write, data))


@contextmanager
def recorded(root: Path, fail_at: int | None = None, error: int = 0) -> Iterator[list[Operation]]:
    """Records what is done to files below a folder.

    Args:
        root: the folder.
        fail_at: number of the operation, from 0, that is not done and fails; ``None``: all are done.
        error: its ``errno``; 0: the run is interrupted there.
    """
    recorder, fsync = Recorder(root, fail_at, error), os.fsync

    def sync(descriptor: int) -> None:
        recorder.act("sync", recorder.opened[descriptor], do=partial(fsync, descriptor))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", recorder.opening(os.open, lambda flags: bool(flags & os.O_CREAT)))
        patch.setattr(io, "open", recorder.opening(io.open, lambda mode: "w" in mode))
        patch.setattr(os, "fsync", sync)
        for name, kind in (("replace", "rename"), ("rename", "rename"), ("unlink", "remove"), ("mkdir", "mkdir")):
            patch.setattr(os, name, recorder.doing(kind, getattr(os, name)))
        yield recorder.done
