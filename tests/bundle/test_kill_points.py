"""Saving a model, killed or failing at every operation: the old model or the new one, never torn."""

import contextlib
import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from disk import losses, played, read_disk, recorded, write_disk
from stored_models import files_of, store_small_model

from nncli.bundle.folder import MANIFEST, PAGES, write_folder, write_pages
from nncli.bundle.model import Heldout, Model, load_model, load_with_heldout, save_model
from nncli.bundle.whole import remove_leftovers, staged, staged_folder
from nncli.cli.report import report
from nncli.errors import ModelError

STRACE = shutil.which("strace")


def pages(model: Model, name: str) -> dict[str, bytes]:
    """Numbers and page that say which model's they are."""
    numbers = json.dumps({"model_sha256": model.sha256, "verdict": name})
    return {"report.json": numbers.encode(), "report.html": name.encode(), "README.md": b"for people"}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = store_small_model(tmp_path_factory.mktemp("old") / "m", n_classes=2)
    write_pages(folder, pages(load_model(folder), "old"))
    return folder


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Heldout]:
    return load_with_heldout(store_small_model(tmp_path_factory.mktemp("new") / "m", n_classes=3))


@pytest.fixture
def root(tmp_path: Path, old: Path, replacing: bool) -> Path:
    """Where the model is saved as ``m``, with or without an older one."""
    (tmp_path / "root").mkdir()
    if replacing:
        shutil.copytree(old, tmp_path / "root" / "m")
    return tmp_path / "root"


@pytest.fixture
def root_with_old(tmp_path: Path, old: Path) -> Path:
    shutil.copytree(old, tmp_path / "m")
    return tmp_path


def found(folder: Path) -> str:
    """Which model is there, whole; ``none`` if nothing is."""
    if not folder.exists():
        return "none"
    model, _ = load_with_heldout(folder)
    return {2: "old", 3: "new"}[len(model.classes)]


_SHOWN: dict[frozenset[tuple[str, bytes]], set[str]] = {}


def shown(folder: Path) -> set[str]:
    """Whose verdict ``nncli report`` shows, as numbers and as the page that it names; nothing where it refuses.

    Of folders that are alike, which many kills leave, one is asked.
    """
    content = frozenset((path.name, path.read_bytes()) for path in folder.glob("*"))
    if content not in _SHOWN:
        _SHOWN[content] = _shown(folder)
    return _SHOWN[content]


def _shown(folder: Path) -> set[str]:
    verdicts = set[str]()
    for form, verdict_of in (
        ("json", lambda out: json.loads(out)["verdict"]),
        (None, lambda out: Path(out).read_text()),
    ):
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, "utf-8", write_through=True)
        with contextlib.suppress(ModelError), contextlib.redirect_stdout(stream):
            report(folder, form)
            verdicts.add(verdict_of(written.getvalue().decode().rstrip("\n")))
    return verdicts


def save_new(folder: Path, new: tuple[Model, Heldout]) -> None:
    save_model(folder, *new, pages(new[0], "new"))


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name.endswith(".new")]


@pytest.mark.parametrize("replacing", [False, True])
def test_power_lost_after_any_operation_leaves_a_whole_model(
    tmp_path: Path, root: Path, new: tuple[Model, Heldout], replacing: bool
) -> None:
    shutil.copytree(root, tmp_path / "before")
    with recorded(root) as operations:
        save_new(root / "m", new)
    kinds = [operation[0] for operation in operations]
    assert kinds.count("sync") >= 8
    assert "rename" in kinds
    seen, reported = set[str](), set[str]()
    for n in range(len(operations) + 1):
        for loss in losses(seed=n).values():
            left = tmp_path / "left"
            write_disk(left, played(read_disk(tmp_path / "before"), operations[:n]), loss)
            state = found(left / "m")
            assert state in (("old", "new") if replacing else ("none", "new"))
            assert n < len(operations) or state == "new"
            assert shown(left / "m") <= {state}
            reported |= shown(left / "m")
            seen.add(state)
            shutil.rmtree(left)
    assert len(seen) == 2
    assert reported == ({"old", "new"} if replacing else {"new"})


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("replacing", [False, True])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EFBIG, errno.EIO, 0], ids=["full", "large", "broken", "stopped"])
def test_an_operation_that_fails_leaves_a_whole_model_and_nothing_else(
    tmp_path: Path, root: Path, old: Path, new: tuple[Model, Heldout], error: int, replacing: bool
) -> None:
    save_new(tmp_path / "after" / "m", new)
    before, after = listing(root), listing(tmp_path / "after")
    data = {name for name in after if Path(name).name not in PAGES}
    states = []
    for n in range(1000):
        shutil.rmtree(root / "m", ignore_errors=True)
        if replacing:
            shutil.copytree(old, root / "m")
        with recorded(root, fail_at=n, error=error) as operations, contextlib.suppress(OSError, KeyboardInterrupt):
            save_new(root / "m", new)
        failed = [operation[1:] for operation in operations if operation[0] == "failed"]
        if not failed:
            break
        states.append(found(root / "m"))
        assert shown(root / "m") <= {states[-1]}
        if states[-1] != "new":
            assert listing(root) == before
        elif failed[0][0] == "remove" or failed[0] == ("sync", "m"):
            # An old file that cannot be removed stays, and so do all while the new manifest may yet be lost.
            assert data <= listing(root) <= before | after
        else:
            assert data <= listing(root) <= after
    assert len(states) > 25
    assert set(states) == ({"old", "new"} if replacing else {"none", "new"})


def test_a_file_that_was_there_stays_where_saving_fails(root_with_old: Path, new: tuple[Model, Heldout]) -> None:
    """It has the name, and so the content, of one that is to be saved."""
    model = root_with_old / "m"
    save_new(root_with_old / "source", new)
    (kept,) = (root_with_old / "source").glob("weights-*")
    shutil.copy(kept, model)
    (model / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    with recorded(model, fail_at=30, error=errno.ENOSPC), pytest.raises(OSError, match="No space left"):
        save_new(model, new)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


SAVE = """
import sys
from pathlib import Path
from nncli.bundle.folder import PAGES, write_folder
source = Path(sys.argv[1])
files = {f"{path.name.partition('-')[0]}{path.suffix}": path.read_bytes() for path in sorted(source.glob("*-*"))}
write_folder(Path(sys.argv[2]), files, {name: (source / name).read_bytes() for name in PAGES})
"""


def traced(options: list[str], *args: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(STRACE), "-qq", "-o", os.devnull, *options, sys.executable, "-c", SAVE, *map(str, args)],
        capture_output=True,
        timeout=60,
        check=False,
    )


def strace_is_missing() -> str:
    if STRACE is None:
        return "strace is not installed"
    done = subprocess.run([STRACE, "-qq", "-o", os.devnull, "true"], capture_output=True, check=False)
    return "" if done.returncode == 0 else f"strace may not trace here: {done.stderr.decode()[:100]}"


@pytest.mark.skipif(bool(strace_is_missing()), reason=strace_is_missing())
@pytest.mark.parametrize("replacing", [False, True])
def test_killed_at_any_system_call_of_saving(
    tmp_path: Path, root: Path, old: Path, new: tuple[Model, Heldout], replacing: bool
) -> None:
    save_new(tmp_path / "source", new)
    states, n_left = [], 0
    for calls in ("write", "fsync", "rename", "unlink,unlinkat"):
        for n in range(1, 1000):
            shutil.rmtree(root / "m", ignore_errors=True)
            if replacing:
                shutil.copytree(old, root / "m")
            kill = ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=SIGKILL:when={n}"]
            if traced(kill, tmp_path / "source", root / "m").returncode == 0:
                break
            states.append(found(root / "m"))
            assert shown(root / "m") <= {states[-1]}
            n_left += len(hidden(root)) > 0
            save_new(root / "m", new)
            assert {path.name for path in root.iterdir()} == {"m"}
            assert listing(root / "m") == listing(tmp_path / "source")
    assert len(states) > 15
    assert set(states) == ({"old", "new"} if replacing else {"none", "new"})
    assert n_left > 5
    assert shown(root / "m") == {found(root / "m")} == {"new"}


def leave(path: Path, make: Callable[[Path], object]) -> None:
    """What a killed run would leave: nobody holds the lock any more."""
    with staged(path) as name:
        pass
    make(name)


def test_leftovers_go_and_nothing_of_the_user(tmp_path: Path, old: Path) -> None:
    users = [".m.txt", ".m.nncli-notes.new", ".m.abcdefgh.new", "m.nncli-abcdefgh.new", ".m.nncli-ABCDEFGH.new"]
    for name in users:
        (tmp_path / name).write_text("mine")
    leave(tmp_path / "other.csv", Path.touch)
    leave(tmp_path / "m", Path.touch)
    leave(tmp_path / "m", lambda path: shutil.copytree(old, path))
    linked = tmp_path / ".m.nncli-abcdefgh.new"
    linked.symlink_to(tmp_path / users[0])
    with staged_folder(tmp_path / "m") as at_work:
        write_folder(tmp_path / "m", files_of(old), {})
        assert at_work.exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left - {name for name in left if name.startswith(".other.csv.")} == {*users, linked.name, "m"}
    leave(tmp_path / "m" / "weights-0123456789abcdef.safetensors", Path.touch)
    write_folder(tmp_path / "m", files_of(old), {})
    assert hidden(tmp_path / "m") == []
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*users, linked.name, "m"}


def test_a_name_at_the_limit_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    with staged(path) as name:
        assert name.exists()


REPLACE_AGAIN_AND_AGAIN = (
    SAVE
    + """
import itertools, time
for source in itertools.cycle(map(Path, sys.argv[3:])):
    files = {f"{path.name.partition('-')[0]}{path.suffix}": path.read_bytes() for path in source.glob("*-*")}
    write_folder(Path(sys.argv[2]), files, {})
    time.sleep(0.05)
"""
)


def test_a_reader_beside_a_writer_gets_one_model_or_the_other(tmp_path: Path, old: Path) -> None:
    """Two models replace each other without end; whoever reads meanwhile never sees a mix, nor gaps."""
    other = store_small_model(tmp_path / "other", n_classes=3)
    write_folder(tmp_path / "m", files_of(old), {})
    writer = subprocess.Popen([sys.executable, "-c", REPLACE_AGAIN_AND_AGAIN, old, tmp_path / "m", other, old])
    try:
        states = [found(tmp_path / "m") for _ in range(200)]
    finally:
        writer.kill()
        writer.wait()
    assert set(states) == {"old", "new"}


def test_a_full_disk_costs_one_line(tmp_path: Path, old: Path, samples: Path) -> None:
    """A limit on the size of files stands for the disk: the weights do not fit."""
    shutil.copytree(old, tmp_path / "m")
    (tmp_path / "m" / "notes.txt").write_text("mine")
    before = listing(tmp_path / "m")
    command = f"ulimit -f 20; exec {sys.executable} -m nncli train '{samples / 'penguins.csv'}' --target species"
    done = subprocess.run(
        ["bash", "-c", f"{command} --effort quick --epochs 1 --threads 1 -q --force -o m"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
        check=False,
    )
    *kept, error = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(kept)) == (5, "", 2)
    assert kept[0] == "nncli: what was learned is kept in m.checkpoint; go on with:"
    assert re.fullmatch(
        r"nncli: m/[a-z]+-\w+\.safetensors: File too large; check path, permissions and free space", error
    )
    assert found(tmp_path / "m") == "old"
    assert hidden(tmp_path) == []
    assert listing(tmp_path / "m") == before


def test_a_torn_folder_would_be_noticed(tmp_path: Path, old: Path) -> None:
    shutil.copytree(old, tmp_path / "m")
    (tmp_path / "m" / MANIFEST).write_bytes((old / MANIFEST).read_bytes()[:100])
    with pytest.raises(ModelError):
        found(tmp_path / "m")
