"""A training run that may be cut off: what it goes on from, and what it says when it is."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nncli.errors import DataError, UsageError, inert, show

if TYPE_CHECKING:
    from nncli.cli.progress import TerminalObserver
    from nncli.guard.examine import ExaminedTable
    from nncli.settings import RunSettings
    from nncli.training.checkpointer import Checkpointer
    from nncli.training.signals import Signals

_RESUME = "--resume"


def checkpoint_folder(output: Path) -> Path:
    """Beside the model folder, under its name.

    Raises:
        UsageError: something else is there.
    """
    model = output if output.name else output.absolute()
    folder = model.with_name(f"{model.name}.checkpoint")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is no folder, and networks are to be kept there; choose another --output")
    return folder


def take_up(
    folder: Path,
    table: "ExaminedTable",
    settings: "RunSettings",
    resume: bool,
    signals: "Signals",
    observer: "TerminalObserver",
) -> "Checkpointer":
    """What keeps a run's networks in a folder, and gives it those of an earlier one that was the same.

    Raises:
        UsageError: the run was to resume another one.
    """
    from nncli.fitting.recipe import run_recipe
    from nncli.training.checkpointer import Checkpointer
    from nncli.training.checkpoints import Checkpoints

    checkpoints = Checkpoints(folder, run_recipe(table, settings))
    if checkpoints.folder.is_dir():
        observer.say(f"going on with what a run that was cut off has left in {folder}")
    elif resume:
        others = checkpoints.differences()
        if others:
            raise UsageError(
                f"{_RESUME}: {folder} is of another run; {show('; '.join(others), 500)}; give the same data, options, "
                f"versions and threads, or leave {_RESUME} out to start anew"
            )
        observer.say(f"there is nothing in {folder} to go on with: the run begins anew")
    return Checkpointer(checkpoints, signals, observer.say)


@contextmanager
def kept_if_cut_off(checkpointer: "Checkpointer") -> Iterator[None]:
    """Whatever cuts the block off, what its networks have come to is kept, and how to go on is said."""
    try:
        yield
    except (UsageError, DataError):  # would come again
        checkpointer.checkpoints.remove()
        raise
    except BaseException:
        checkpointer.write_finished()
        _say_how_to_go_on(checkpointer.checkpoints.folder)
        raise


def _say_how_to_go_on(folder: Path) -> None:
    words = sys.argv[1:]
    if folder.is_dir():
        again = ", the same standard input," if "-" in words else ""
        line = f"what was learned is kept in {show(folder.parent)}; go on{again} with:\n{go_on_command(words)}"
    else:
        line = "nothing is kept yet: the same command begins anew"
    print(f"nncli: {line}", file=sys.stderr)  # noqa: T201


def go_on_command(words: list[str]) -> str:
    """The command of these words, once more, to be pasted into a shell.

    >>> go_on_command(["train", "my data.csv"])
    "nncli train 'my data.csv' --resume"
    """
    end = words.index("--") if "--" in words else len(words)
    again = [*words[:end], *([] if _RESUME in words[:end] else [_RESUME]), *words[end:]]
    return inert(shlex.join(["nncli", *again]))
