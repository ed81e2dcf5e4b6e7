"""A folder of files under a manifest: names carry hashes, the manifest is written last and is the commit.

A reader sees the old files or the new ones, never a mix. Pages for people (report, model card) stand beside
them under fixed names; they can be made anew and are no part of the model.
"""

import contextlib
import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nncli import FORMAT_VERSION
from nncli.bundle.records import dump_json, from_json, parse_json, to_json
from nncli.bundle.whole import (
    refuse_replacing,
    remove_leftovers,
    staged_folder,
    sync_folder,
    write_file,
    write_synced,
)
from nncli.errors import DAMAGED, FileError, ModelError, UsageError, quoted_list, show

MANIFEST = "manifest.json"
PAGES = ("report.html", "report.json", "README.md")
"""Files for people."""
_LARGEST_MANIFEST = 1 << 20
_NAME = re.compile(r"(?P<role>[a-z]+)-(?P<hash>[0-9a-f]{16})\.(json|safetensors)")


@dataclass(frozen=True)
class FileEntry:
    """One file that the manifest names."""

    role: str
    name: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The commit: which files make up the model."""

    format_version: int
    files: tuple[FileEntry, ...]


def refuse_existing(path: Path, force: bool) -> None:
    """Checks, before any work, that a model can be written to ``path``.

    Raises:
        UsageError: it exists without ``force``, or it is something else than a model folder.
        FileError: the folder above it cannot be written to.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: is no folder; choose another --output")
    parent = next(folder for folder in (*path.absolute().parents, Path("/")) if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise FileError(f"{path}: {parent} is no folder that may be written to; choose another --output")
    if not path.exists() and not path.is_symlink():
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    if not force:
        refuse_replacing(path)
    try:
        read_manifest(path)
    except ModelError:
        raise UsageError(f"{path}: is no model folder, so --force does not touch it; choose another --output") from None


def write_folder(path: Path, files: Mapping[str, bytes], pages: Mapping[str, bytes]) -> None:
    """Writes a model folder, whole or not at all; an older model in it is replaced in one step.

    Args:
        path: the folder.
        files: content by ``role.extension``.
        pages: content by file name, for people.
    """
    entries = tuple(_entry(role, content) for role, content in files.items())
    manifest = dump_json(to_json(Manifest(FORMAT_VERSION, entries)))
    contents = dict(zip((entry.name for entry in entries), files.values(), strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name)
    if (path / MANIFEST).exists():
        _replace(path, contents, manifest, pages)
        return
    with staged_folder(path) as staging:
        for name, content in {**contents, **pages, MANIFEST: manifest}.items():
            write_synced(staging / name, content)
        sync_folder(staging)
        os.replace(staging, path)  # noqa: PTH105 (an empty folder may be in its place)
        sync_folder(path.parent)


def write_pages(path: Path, pages: Mapping[str, bytes]) -> None:
    """Writes files for people into a model folder, each whole or not at all."""
    for name, content in pages.items():
        write_file(path / name, content)


def _replace(path: Path, contents: Mapping[str, bytes], manifest: bytes, pages: Mapping[str, bytes]) -> None:
    with _taken_back(path, contents):
        for name, content in contents.items():
            write_file(path / name, content)
        write_file(path / MANIFEST, manifest)
    for old in path.iterdir():
        if old.name in PAGES or (_NAME.fullmatch(old.name) and old.name not in contents):
            old.unlink()
    remove_leftovers(path)
    sync_folder(path)  # no page of the old model beside one of the new, even if the power goes
    write_pages(path, pages)


@contextmanager
def _taken_back(path: Path, names: Iterable[str]) -> Iterator[None]:
    """Files of these names that a block adds go again if it fails, unless the manifest names them by then."""
    added = [name for name in names if not os.path.lexists(path / name)]
    try:
        yield
    except BaseException:
        with contextlib.suppress(ModelError, OSError):  # what is left then goes with the next save
            committed = [entry.name for entry in read_manifest(path).files]
            for name in added:
                if name not in committed:
                    (path / name).unlink(missing_ok=True)
        raise


def _entry(role: str, content: bytes) -> FileEntry:
    stem, _, extension = role.partition(".")
    digest = hashlib.sha256(content).hexdigest()
    return FileEntry(stem, f"{stem}-{digest[:16]}.{extension}", len(content), digest)


def read_manifest(path: Path) -> Manifest:
    """The manifest of a model folder.

    Raises:
        ModelError: there is none, it is damaged, or of a newer format.
    """
    if not _exists(path / MANIFEST):
        raise ModelError(f"{path}: is no model folder; train one with 'nncli train', or name another with --model")
    where = str(path / MANIFEST)
    data = parse_json(read_regular(path / MANIFEST, _LARGEST_MANIFEST), where)
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        what = f"is of format {show(version)}, this nncli reads up to {FORMAT_VERSION}"
        raise ModelError(f"{where}: {what}; install a newer nncli, or train anew")
    manifest = from_json(Manifest, data, where)
    if manifest.format_version < 1:
        raise ModelError(f"{where}: is of format {manifest.format_version}; the first is 1; {DAMAGED}")
    for entry in manifest.files:
        match = _NAME.fullmatch(entry.name)
        if not match or (match["role"], match["hash"]) != (entry.role, entry.sha256[:16]):
            raise ModelError(f"{where}: names a file '{show(entry.name)}' that no model has; {DAMAGED}")
    return manifest


def require_roles(path: Path, manifest: Manifest, roles: Sequence[str]) -> None:
    """Checks that a manifest names the file of each role, once, and no other.

    Raises:
        ModelError: it does not.
    """
    named = [entry.role for entry in manifest.files]
    if sorted(named) != sorted(roles):
        there, wanted = quoted_list(named, 10), quoted_list(list(roles), 10)
        raise ModelError(f"{path / MANIFEST}: names the files {there}, not {wanted}; {DAMAGED}")


def read_file(path: Path, manifest: Manifest, role: str, most: int | None = None) -> bytes:
    """The content of the file with a role, checked against size and hash.

    Args:
        path: the folder.
        manifest: of the folder.
        role: of the file.
        most: bytes that it can have; ``None``: as many as the manifest states.

    Raises:
        ModelError: it is missing, too large, or not as it was written.
    """
    entry = next((entry for entry in manifest.files if entry.role == role), None)
    if entry is None:
        raise ModelError(f"{path / MANIFEST}: names no {role} file; {DAMAGED}")
    content = read_regular(path / entry.name, entry.size if most is None else min(most, entry.size))
    if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ModelError(f"{path / entry.name}: is not as it was written (by size or SHA-256); {DAMAGED}")
    return content


def other_files(path: Path, manifest: Manifest) -> list[str]:
    """Names of what is in a model folder and no part of the model."""
    named = {MANIFEST, *(entry.name for entry in manifest.files)}
    return sorted(found.name for found in path.iterdir() if found.name not in named)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> ModelError:
    if error.errno == errno.ELOOP:
        remedy = "copy the folder with what it links to (cp -RL), use that"
        return ModelError(f"{path}: is a link, maybe to elsewhere; {remedy}")
    remedy = "check permissions" if isinstance(error, PermissionError) else DAMAGED
    return ModelError(f"{path}: cannot be read ({error.strerror}); {remedy}")


def read_regular(path: Path, most: int) -> bytes:
    """Reads a regular file of at most ``most`` bytes; follows no link, of either kind, and waits for no pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise ModelError(f"{path}: is no regular file of at most {most:,} bytes; {DAMAGED}")
        if status.st_nlink > 1:
            raise ModelError(
                f"{path}: has a second name (hard link), maybe elsewhere; copy the folder (cp -R), use that"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(status.st_size)
    finally:
        os.close(descriptor)
