"""A folder of files under a manifest: names carry hashes, the manifest is written last and is the commit.

A reader sees the old files or the new ones, never a mix. Pages for people (report, model card) stand beside
them under fixed names; they can be made anew and are no part of the model.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nncli import FORMAT_VERSION
from nncli.bundle.records import dump_json, from_json, parse_json, to_json
from nncli.bundle.whole import refuse_replacing, sync_folder, umask, write_file, write_synced
from nncli.errors import FileError, ModelError, UsageError

MANIFEST = "manifest.json"
PAGES = ("report.html", "report.json", "README.md")
"""Files for people."""
_LARGEST_MANIFEST = 1 << 20
_NAME = re.compile(r"(?P<role>[a-z]+)-[0-9a-f]{16}\.(json|safetensors)")


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
    parent = next(folder for folder in path.absolute().parents if folder.exists())
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
    if (path / MANIFEST).exists():
        _replace(path, contents, manifest, pages)
        return
    staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for name, content in {**contents, **pages, MANIFEST: manifest}.items():
            write_synced(staging / name, content)
        staging.chmod(0o777 & ~umask())
        sync_folder(staging)
        os.replace(staging, path)  # noqa: PTH105 (an empty folder may be in its place)
        sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def write_pages(path: Path, pages: Mapping[str, bytes]) -> None:
    """Writes files for people into a model folder, each whole or not at all."""
    for name, content in pages.items():
        write_file(path / name, content)


def _replace(path: Path, contents: Mapping[str, bytes], manifest: bytes, pages: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        write_file(path / name, content)
    write_file(path / MANIFEST, manifest)
    write_pages(path, pages)
    for old in path.iterdir():
        is_stale_page = old.name in PAGES and old.name not in pages
        if is_stale_page or (_NAME.fullmatch(old.name) and old.name not in contents):
            old.unlink()


def _entry(role: str, content: bytes) -> FileEntry:
    stem, _, extension = role.partition(".")
    digest = hashlib.sha256(content).hexdigest()
    return FileEntry(stem, f"{stem}-{digest[:16]}.{extension}", len(content), digest)


def read_manifest(path: Path) -> Manifest:
    """The manifest of a model folder.

    Raises:
        ModelError: there is none, it is damaged, or of a newer format.
    """
    if not (path / MANIFEST).exists():
        raise ModelError(f"{path}: is no model folder; train one with 'nncli train', or name another with --model")
    where = str(path / MANIFEST)
    data = parse_json(read_regular(path / MANIFEST, _LARGEST_MANIFEST), where)
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelError(
            f"{where}: is of format {version}, this nncli reads up to {FORMAT_VERSION}; install a newer nncli"
        )
    manifest = from_json(Manifest, data, where)
    for entry in manifest.files:
        match = _NAME.fullmatch(entry.name)
        if not match or match["role"] != entry.role:
            raise ModelError(f"{where}: names a file '{entry.name}' that no model has; the model folder is damaged")
    return manifest


def read_file(path: Path, manifest: Manifest, role: str) -> bytes:
    """The content of the file with a role, checked against size and hash.

    Raises:
        ModelError: it is missing, or not as it was written.
    """
    entry = next((entry for entry in manifest.files if entry.role == role), None)
    if entry is None:
        raise ModelError(f"{path / MANIFEST}: names no {role} file; the model folder is damaged")
    content = read_regular(path / entry.name, entry.size)
    if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ModelError(f"{path / entry.name}: is not as it was written; the model folder is damaged")
    return content


def read_regular(path: Path, most: int) -> bytes:
    """Reads a regular file of at most ``most`` bytes; follows no link and waits for no pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); the model folder is damaged") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not os.path.stat.S_ISREG(status.st_mode) or status.st_size > most:  # type: ignore[attr-defined]
            raise ModelError(f"{path}: is no regular file of at most {most:,} bytes; the model folder is damaged")
        return file.read(most + 1)
