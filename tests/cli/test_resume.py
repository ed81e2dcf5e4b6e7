"""``train`` that is cut off: by signals, by a device that is lost, by memory and disks that are too small."""

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from cut_runs import RUNS, Run
from program import Outcome

from nncli.cli.cut_off import go_on_command

PENGUINS = RUNS["muon"]
STEP = "nncli.training.loop:_Run._step"
SAVE = "nncli.bundle.model:save_model"
OFTEN = "import nncli.training.checkpointer as c; c.SECONDS_BETWEEN, c._TIMES_AS_LONG = 0.1, 0\n"
CHANGE = """
import errno, importlib, signal, time
from itertools import count

def change(place, number, action):
    module, _, name = place.partition(":")
    *owners, last = name.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    function, calls = getattr(owner, last), count(1)

    def changed(*given, **named):
        if next(calls) == number:
            exec(action)
        return function(*given, **named)

    setattr(owner, last, changed)

"""
HEED = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what runs in the background may have to ignore it


def begun(before: str, folder: Path, *words: str) -> "subprocess.Popen[str]":
    """The real program, but something was changed in it before."""
    code = f"{before}\nfrom nncli.__main__ import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=HEED,
    )  # fmt: skip


def program(before: str, folder: Path, *words: str) -> Outcome:
    process = begun(before, folder, *words)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err, err
    return Outcome(process.returncode, out, err)


def at_call(place: str, number: int, action: str) -> str:
    """Code that makes the call of that number, of a ``module:function`` or method, begin with an action."""
    return f"{CHANGE}change({place!r}, {number}, {action!r})\n"


def raising(name: str) -> str:
    """An action: the signal comes."""
    return f"signal.raise_signal(signal.{name})"


def sha256(model: Path) -> str:
    found: str = json.loads((model / "report.json").read_text())["model_sha256"]
    return found


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, float]:
    """The hash of the model that nothing cut off, and its seconds."""
    start = time.monotonic()
    return Run(tmp_path_factory.mktemp("unbroken"), PENGUINS, seconds=1e9).unbroken(), time.monotonic() - start


@pytest.fixture(scope="module")
def terminated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A folder with what a run left that SIGTERM ended at its fiftieth step, three an epoch; not to be written to."""
    folder = tmp_path_factory.mktemp("terminated")
    return folder, program(at_call(STEP, 50, raising("SIGTERM")), folder, *PENGUINS)


@pytest.fixture
def left(terminated: tuple[Path, Outcome], tmp_path: Path) -> Path:
    """A folder with the same, to go on in."""
    shutil.copytree(terminated[0] / "m.checkpoint", tmp_path / "m.checkpoint")
    return tmp_path


@pytest.mark.parametrize("seed", range(2))
def test_a_run_that_is_killed_again_and_again_ends_with_the_model_of_an_unbroken_one(
    unbroken: tuple[str, float], tmp_path: Path, seed: int
) -> None:
    """A slice of ``tests/benchmarks/resume.py``."""
    expected, seconds = unbroken
    assert Run(tmp_path, PENGUINS).cut(random.Random(seed), seconds / 8).sha256 == expected


def test_a_signal_keeps_what_was_learned_and_says_how_to_go_on(
    terminated: tuple[Path, Outcome], unbroken: tuple[str, float], left: Path
) -> None:
    folder, outcome = terminated
    assert outcome.code == 143
    assert os.listdir(folder) == ["m.checkpoint"]
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json", ".safetensors"}
    *_, said, command = outcome.err.splitlines()
    assert said == "nncli: what was learned is kept in m.checkpoint; go on with:"
    assert command == shlex.join(["nncli", *PENGUINS, "--resume"])
    again = program("", left, *shlex.split(command)[1:])
    assert again.code == 0, again.err
    assert "going on with what a run that was cut off has left in m.checkpoint" in again.err
    assert "going on after 16 epochs and 2 steps of this network" in again.err
    assert sha256(left / "m") == unbroken[0]
    assert os.listdir(left) == ["m"]


def test_the_same_command_goes_on_by_itself_and_what_changes_no_network_may_differ(left: Path) -> None:
    (left / "m.checkpoint" / "notes.txt").write_text("mine")
    again = program("", left, *PENGUINS, "--time-limit", "500", "--blend")
    assert again.code == 0, again.err
    assert "going on after 16 epochs" in again.err
    assert (left / "m.checkpoint" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (["--seed", "1"], "seed was 0, is 1"),
        (["--threads", "2"], "threads was 1, is 2"),
        (["--learning-rate", "0.5"], "training.learning_rate was null, is 0.5"),
        (["--target", "island"], 'target was "species", is "island"'),
    ],
)
def test_other_options_are_not_resumed_and_the_difference_is_named(left: Path, changed: list[str], named: str) -> None:
    outcome = program("", left, *PENGUINS, *changed, "--resume")
    assert outcome.code == 2
    line = outcome.err.splitlines()[-1]
    assert line.startswith("nncli: --resume: m.checkpoint is of another run; ")
    assert named in line
    assert "leave --resume out to start anew" in line


def test_other_data_and_other_versions_are_not_resumed(left: Path) -> None:
    other_versions = "import nncli.training.checkpoints as c\nc.version = lambda name: '0.0'"
    (left / "data.csv").write_text(Path(PENGUINS[1]).read_text().replace("39.1", "39.2", 1))
    outcome = program(other_versions, left, "train", "data.csv", *PENGUINS[2:], "--resume")
    assert outcome.code == 2
    for name in ("data (SHA-256)", "torch", "numpy", "scikit-learn", "nncli-tabular"):
        assert f"{name} was " in outcome.err


def test_without_resume_another_run_starts_anew_and_what_is_left_is_said(left: Path) -> None:
    outcome = program("", left, *PENGUINS, "--seed", "1", "--epochs", "2")
    assert outcome.code == 0, outcome.err
    assert "going on" not in outcome.err
    assert "m.checkpoint keeps networks of other data or settings" in outcome.err


def test_with_nothing_to_go_on_with_a_run_begins_anew(tmp_path: Path) -> None:
    outcome = program("", tmp_path, *PENGUINS, "--epochs", "2", "--resume")
    assert outcome.code == 0, outcome.err
    assert "there is nothing in m.checkpoint to go on with: the run begins anew" in outcome.err


def test_a_second_interrupt_stops_at_once(tmp_path: Path) -> None:
    """Though the writing would take a minute."""
    slow = at_call("nncli.training.checkpoints:Checkpoints.save_unfinished", 1, "time.sleep(60)")
    process = begun(slow + at_call(STEP, 20, raising("SIGINT")), tmp_path, *PENGUINS)
    assert process.stderr is not None
    for line in process.stderr:
        if "once more stops at once" in line:
            break
    time.sleep(0.5)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=50)[1]
    assert (process.returncode, time.monotonic() - start < 10) == (130, True)
    assert rest == "nncli: nothing is kept yet: the same command begins anew\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "name", "code"),
    [
        ("nncli.table.reading:read_table", "SIGINT", 130),
        ("nncli.experiment.holdout:run_experiment", "SIGTERM", 143),
        ("nncli.fitting.sides:fit_careful_trees", "SIGINT", 130),
    ],
)
def test_a_signal_before_a_network_learns_stops_at_once_and_leaves_nothing(
    tmp_path: Path, place: str, name: str, code: int
) -> None:
    outcome = program(at_call(place, 1, raising(name)), tmp_path, *PENGUINS)
    assert outcome.code == code
    assert "once more" not in outcome.err
    assert os.listdir(tmp_path) == []


def test_what_somebody_else_writes_meanwhile_is_not_replaced(unbroken: tuple[str, float], tmp_path: Path) -> None:
    """And nothing is lost: the run goes on when it has been moved away."""
    meanwhile = "import pathlib; pathlib.Path('m').mkdir(); pathlib.Path('m/notes.txt').write_text('mine')"
    outcome = program(at_call("nncli.fitting.served:refit_careful_trees", 1, meanwhile), tmp_path, *PENGUINS)
    assert outcome.code == 5
    assert "m: was made by somebody else while this run was at work; move it away, then go on" in outcome.err
    assert content(tmp_path / "m") == {"notes.txt": b"mine"}
    shutil.rmtree(tmp_path / "m")
    outcome = program("", tmp_path, *PENGUINS, "--resume")
    assert outcome.code == 0, outcome.err
    assert sha256(tmp_path / "m") == unbroken[0]


TURNED = """
try:
    signal.raise_signal(signal.SIGINT)
except SystemExit:
    raise ValueError("'T{=d:sum_gradients' is not a valid PEP 3118 buffer format string")
"""
"""What Cython makes of the exit while it reads a buffer's format."""


@pytest.mark.parametrize("command", ["train", "compare-baseline"])
def test_an_interrupt_of_which_a_library_makes_an_error_is_an_interrupt(tmp_path: Path, command: str) -> None:
    words = PENGUINS if command == "train" else (command, PENGUINS[1], "--target", "species", "-o", "v.json")
    place = "nncli.fitting.sides:fit_careful_trees"
    outcome = program(at_call(place, 1, TURNED), tmp_path, *words)
    assert outcome.code == 130, outcome.err
    assert "a bug in nncli" not in outcome.err
    assert os.listdir(tmp_path) == []


def test_a_signal_after_the_verdict_keeps_the_networks_that_are_finished(
    unbroken: tuple[str, float], tmp_path: Path
) -> None:
    outcome = program(at_call("nncli.fitting.served:refit_careful_trees", 1, raising("SIGTERM")), tmp_path, *PENGUINS)
    assert outcome.code == 143
    assert len(list((tmp_path / "m.checkpoint").glob("*/network-*"))) == 4
    no_step = at_call(STEP, 1, "raise AssertionError")
    again = program(no_step, tmp_path, *PENGUINS, "--resume", "--json")
    assert again.code == 0, again.err
    assert sha256(tmp_path / "m") == unbroken[0]
    seconds = json.loads(again.out)["seconds"]
    assert min(seconds["network"], seconds["fast"]) > 0.1  # those of the first run


def test_a_signal_while_the_model_is_saved_waits_until_all_is_written(
    unbroken: tuple[str, float], tmp_path: Path
) -> None:
    outcome = program(at_call(SAVE, 1, raising("SIGTERM")), tmp_path, *PENGUINS)
    assert outcome.code == 143
    assert outcome.err.splitlines()[-1] == "Model: m   Report: m/report.html   (nncli report --open)"
    assert os.listdir(tmp_path) == ["m"]
    assert sha256(tmp_path / "m") == unbroken[0]
    assert (tmp_path / "m" / "report.html").exists()


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        ("raise OSError(errno.ENOSPC, 'No space left on device', 'm')", 5, "m: No space left on device"),
        ("raise PermissionError(errno.EACCES, 'Permission denied', 'm')", 5, "m: Permission denied"),
        ("raise MemoryError", 6, "not enough memory"),
        ("[signal.raise_signal(signal.SIGINT) for _ in range(2)]", 130, "once more stops at once"),
    ],
    ids=["full disk", "no permission", "memory", "two interrupts"],
)
def test_the_old_model_is_intact_where_the_new_one_cannot_be_saved(
    penguins_model: Path, tmp_path: Path, action: str, code: int, words: str
) -> None:
    shutil.copytree(penguins_model, tmp_path / "m")
    (tmp_path / "m" / "notes.txt").write_text("mine")
    before = content(tmp_path / "m")
    command = *PENGUINS, "--force", "--epochs", "2"
    outcome = program(at_call("nncli.bundle.folder:write_folder", 1, action), tmp_path, *command)
    assert outcome.code == code, outcome.err
    assert words in outcome.err
    assert "go on with:\nnncli train" in outcome.err
    assert content(tmp_path / "m") == before
    again = program(at_call(STEP, 1, "raise AssertionError"), tmp_path, *command, "--resume")
    assert again.code == 0, again.err
    assert os.listdir(tmp_path) == ["m"]
    after = content(tmp_path / "m")
    assert after != before
    assert after["notes.txt"] == b"mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to_is_said_before_any_work(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    outcome = program("", tmp_path, *PENGUINS)
    tmp_path.chmod(0o700)
    assert outcome.code == 5
    assert "is no folder that may be written to" in outcome.err


def test_a_device_that_is_lost_has_its_code_and_the_run_goes_on_later(
    unbroken: tuple[str, float], tmp_path: Path
) -> None:
    lost = at_call(STEP, 60, "raise RuntimeError('CUDA error: unspecified launch failure\\nCompile with ...')")
    outcome = program(OFTEN + lost, tmp_path, *PENGUINS)
    assert outcome.code == 8
    assert outcome.err.splitlines()[-1].startswith("nncli: the device failed; CUDA error: unspecified launch failure;")
    assert "go on with:\nnncli train" in outcome.err
    again = program("", tmp_path, *PENGUINS, "--resume")
    assert "going on after" in again.err
    assert sha256(tmp_path / "m") == unbroken[0]


def test_a_batch_that_the_device_has_no_memory_for_is_taken_in_parts_and_said_once(tmp_path: Path) -> None:
    starved = (
        "import torch, nncli.network.mlp as m\nforward = m.MLP.forward\n"
        "def starving(self, x, *rest):\n"
        "    if self.training and len(x) > 20: raise torch.OutOfMemoryError('CUDA out of memory')\n"
        "    return forward(self, x, *rest)\n"
        "m.MLP.forward = starving\n"
    )
    outcome = program(starved, tmp_path, *PENGUINS, "--epochs", "2")
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("the device has too little memory for a batch") == 1


@pytest.mark.parametrize(
    ("place", "stage"),
    [
        ("nncli.table.reading:read_table", "reading "),
        ("nncli.fitting.encoded:fit_encoder", "encoding the columns"),
        ("nncli.fitting.sides:fit_default_trees", "fitting the trees"),
        (STEP, "training the network"),
        ("nncli.fitting.student:distil", "teaching the fast network"),
        ("nncli.fitting.served:continue_network", "learning from all rows"),
    ],
)
def test_too_little_memory_names_the_stage_and_what_to_lower(tmp_path: Path, place: str, stage: str) -> None:
    outcome = program(at_call(place, 1, "raise MemoryError"), tmp_path, *PENGUINS, "--epochs", "2")
    assert outcome.code == 6, outcome.err
    line = outcome.err.splitlines()[-1]
    assert line.startswith(f"nncli: {stage}")
    assert "not enough memory; " in line
    assert "use fewer rows" in line


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_that_torch_really_cannot_have_is_said(tmp_path: Path) -> None:
    """torch raises a ``RuntimeError`` for it."""
    limit = (
        "import resource; most = 2**28 + int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (most, most))"
    )
    starving = at_call("nncli.fitting.sides:train_network", 1, limit)
    outcome = program(starving, tmp_path, *PENGUINS, "--layers", "8192,8192,8192")
    assert outcome.code == 6, outcome.err
    assert outcome.err.splitlines()[-1].startswith("nncli: training the network: not enough memory; lower --batch-size")


def test_a_disk_that_is_too_full_is_said_before_any_work(tmp_path: Path) -> None:
    nearly_full = "import shutil, types\nshutil.disk_usage = lambda place: types.SimpleNamespace(free=1_000_000)\n"
    outcome = program(nearly_full, tmp_path, *PENGUINS)
    assert outcome.code == 5
    line = outcome.err.splitlines()[-1]
    assert "will write about 3 MB there, and 1 MB are free; make room, or choose another --output" in line
    assert "trees (default)" not in outcome.err
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_that_cannot_be_written_ends_no_run(unbroken: tuple[str, float], tmp_path: Path) -> None:
    full = (
        "import errno, nncli.training.checkpoints as k\n"
        "def write(*_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "k.write_folder = write\n"
    )
    outcome = program(OFTEN + full, tmp_path, *PENGUINS)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("m.checkpoint: cannot be written (No space left on device)") == 1
    assert sha256(tmp_path / "m") == unbroken[0]


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["train", "a b.csv"], "nncli train 'a b.csv' --resume"),
        (["train", "it's", "--resume", "-o", "$x"], """nncli train 'it'"'"'s' --resume -o '$x'"""),
        (["train", "--seed", "1", "--", "-x"], "nncli train --seed 1 --resume -- -x"),
        (["train", "a\x1b[2J"], "nncli train 'a\\x1b[2J' --resume"),
    ],
)
def test_the_command_to_go_on_can_be_pasted(words: list[str], command: str) -> None:
    assert go_on_command(words) == command
