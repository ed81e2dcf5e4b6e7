import json
import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from nncli.bundle.arrays import dump_arrays, load_arrays
from nncli.bundle.folder import (
    MANIFEST,
    PAGES,
    read_file,
    read_manifest,
    refuse_existing,
    write_folder,
    write_pages,
)
from nncli.errors import FileError, ModelError, UsageError

FILES = {"model.json": b"{}", "weights.safetensors": b"abc"}


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_written_files_are_read_back(tmp_path: Path) -> None:
    write_folder(tmp_path / "m", FILES, {"report.html": b"page"})
    manifest = read_manifest(tmp_path / "m")
    assert read_file(tmp_path / "m", manifest, "weights") == b"abc"
    assert names(tmp_path / "m") == {MANIFEST, "report.html", *(entry.name for entry in manifest.files)}
    assert names(tmp_path) == {"m"}


def test_replacing_leaves_only_the_new_files(tmp_path: Path) -> None:
    write_folder(tmp_path / "m", FILES, {"report.html": b"old"})
    write_folder(tmp_path / "m", {**FILES, "model.json": b"[]"}, {"report.html": b"new"})
    manifest = read_manifest(tmp_path / "m")
    assert read_file(tmp_path / "m", manifest, "model") == b"[]"
    assert names(tmp_path / "m") == {MANIFEST, "report.html", *(entry.name for entry in manifest.files)}
    assert (tmp_path / "m" / "report.html").read_bytes() == b"new"


def test_pages_of_an_older_model_do_not_stay(tmp_path: Path) -> None:
    write_folder(tmp_path / "m", FILES, dict.fromkeys(PAGES, b"old"))
    (tmp_path / "m" / "notes.txt").write_text("mine")
    write_folder(tmp_path / "m", FILES, {"report.json": b"new"})
    assert names(tmp_path / "m") & {*PAGES, "notes.txt"} == {"report.json", "notes.txt"}
    write_pages(tmp_path / "m", {"report.html": b"page"})
    assert (tmp_path / "m" / "report.html").read_bytes() == b"page"
    assert (tmp_path / "m" / "report.json").read_bytes() == b"new"
    assert not [name for name in names(tmp_path / "m") if name.startswith(".")]


@pytest.mark.parametrize("broken_call", range(1, 12))
@pytest.mark.parametrize("replacing", [False, True])
def test_a_failing_disk_leaves_the_old_model_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_call: int, replacing: bool
) -> None:
    path, new = tmp_path / "m", {**FILES, "model.json": b"[]"}
    if replacing:
        write_folder(path, FILES, {})
    calls, fsync = 0, os.fsync

    def failing(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == broken_call:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    try:
        write_folder(path, new, {})
    except OSError:
        assert replacing or not path.exists() or read_file(path, read_manifest(path), "model") == b"[]"
    else:
        assert calls < broken_call
    if path.exists():
        assert read_file(path, read_manifest(path), "model") in ([b"{}", b"[]"] if replacing else [b"[]"])
        assert read_file(path, read_manifest(path), "weights") == b"abc"
    assert not [name for name in names(tmp_path) if name != "m"]


def test_what_exists_is_refused_before_any_work(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "new", force=False)
    (tmp_path / "empty").mkdir()
    refuse_existing(tmp_path / "empty", force=False)
    write_folder(tmp_path / "empty", FILES, {})
    with pytest.raises(UsageError, match="--force"):
        refuse_existing(tmp_path / "empty", force=False)
    refuse_existing(tmp_path / "empty", force=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("work of years")
    with pytest.raises(UsageError, match="no model folder"):
        refuse_existing(tmp_path / "other", force=True)
    (tmp_path / "other" / MANIFEST).write_text('{"name": "a web app", "version": 1}')
    with pytest.raises(UsageError, match="no model folder"):
        refuse_existing(tmp_path / "other", force=True)
    with pytest.raises(FileError, match="may be written to"):
        refuse_existing(tmp_path / "other" / "thesis.txt" / "m", force=False)


def edit_manifest(path: Path, **changes: object) -> None:
    data = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**data, **changes}))


def test_damage_is_told_from_soundness(tmp_path: Path) -> None:
    path = tmp_path / "m"
    write_folder(path, FILES, {})
    manifest = read_manifest(path)
    weights = path / manifest.files[1].name
    weights.write_bytes(b"abd")
    with pytest.raises(ModelError, match="not as it was written"):
        read_file(path, manifest, "weights")
    weights.write_bytes(b"abcd")
    with pytest.raises(ModelError, match="no regular file of at most 3 bytes"):
        read_file(path, manifest, "weights")
    weights.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        read_file(path, manifest, "weights")
    weights.symlink_to("/etc/hostname")
    with pytest.raises(ModelError, match="is a link, maybe to elsewhere"):
        read_file(path, manifest, "weights")
    weights.unlink()
    os.mkfifo(weights)
    with pytest.raises(ModelError, match="no regular file"):
        read_file(path, manifest, "weights")


def test_foreign_manifests_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with pytest.raises(ModelError, match="is no model folder"):
        read_manifest(path)
    write_folder(path, FILES, {})
    entry = {"role": "model", "name": "../../etc/passwd", "size": 1, "sha256": "0"}
    edit_manifest(path, files=[entry])
    with pytest.raises(ModelError, match="no model has"):
        read_manifest(path)
    edit_manifest(path, format_version=2)
    with pytest.raises(ModelError, match="install a newer nncli"):
        read_manifest(path)


ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1], dtype=np.int32)}
SHAPES = {"a": (2, 3), "b": (1,)}
DTYPES: dict[str, type] = {"a": np.float32, "b": np.int32}


def test_arrays_there_and_back() -> None:
    for name, array in load_arrays(dump_arrays(ARRAYS), SHAPES, DTYPES, "here").items():
        np.testing.assert_array_equal(array, ARRAYS[name])


@pytest.mark.parametrize(
    "data",
    [
        save({"a": ARRAYS["a"]}),
        save({**ARRAYS, "c": ARRAYS["b"]}),
        save({**ARRAYS, "a": ARRAYS["a"].T.copy()}),
        save({**ARRAYS, "a": ARRAYS["a"].astype(np.float64)}),
        save({**ARRAYS, "a": np.full((2, 3), np.nan, np.float32)}),
        dump_arrays(ARRAYS)[:-1],
        dump_arrays(ARRAYS) + b"x",
        b"",
        b"\xff" * 100,
        (2).to_bytes(8, "little") + b"[]",
    ],
)
def test_other_arrays_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="here"):
        load_arrays(data, SHAPES, DTYPES, "here")
