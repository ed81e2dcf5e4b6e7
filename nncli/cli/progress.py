"""What a run says while it works: a progress bar on a terminal, a plain line every few seconds elsewhere."""

import os
import time
from math import inf, isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from nncli.errors import inert, show
from nncli.guard.examine import ExaminedTable
from nncli.report.terminal import class_counts
from nncli.table.source import display_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nncli.settings import Side
    from nncli.training.budget import Plan
    from nncli.training.loop import Epoch, TrainedNetwork
    from nncli.training.search import Trial

_SECONDS_BETWEEN_LINES = 5.0


class _Console(Console):
    """Knows the exit codes."""

    def on_broken_pipe(self) -> None:
        """Leaves the error, which Rich is handling, to the boundary; Rich would end the program with code 1."""
        raise


def make_console(quiet: bool, stderr: bool = True) -> Console:
    """A console without markup and highlighting: what comes from data stays inert.

    ``NO_COLOR`` and ``TERM=dumb`` make it plain, without colours and without anything that moves.
    """
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    terminal = False if plain else None
    return _Console(stderr=stderr, quiet=quiet, force_terminal=terminal, markup=False, highlight=False, emoji=False)


class TerminalObserver:
    """Tells people how a run comes along."""

    def __init__(self, console: Console, verbose: bool) -> None:
        self._console, self._verbose = console, verbose
        self.started = time.monotonic()
        """On the clock of ``time.monotonic``."""
        self._last_line = self.started
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._fold = ""
        self._best = inf
        self._told_parts = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close_bar()

    def seconds(self) -> float:
        """Since this observer was made."""
        return time.monotonic() - self.started

    def say(self, line: str) -> None:
        """One line on standard error."""
        self._console.print(Text(inert(line)), soft_wrap=True)

    def examined(self, table: ExaminedTable) -> None:
        """Says what was read."""
        target, counts = table.target, table.target.label_counts()
        self.say(f"{display_name(table.path)}: {table.n_rows:,} rows, {table.n_columns} columns, {table.dialect}")
        self.say(f"target {show(target.name)} ({table.target_reason}): {class_counts(counts)}")
        kinds = [column.kind for column in table.schema.columns]
        found = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        self.say(f"columns to learn from: {found}")
        for finding in table.findings:
            if finding.level == "error":  # all are said above the scores; these should not wait for so long
                self.say(f"error: {finding.message}")
        if self._verbose:
            for column in table.schema.columns:
                self.say(f"  {show(column.name)}: {column.kind}")

    def fold(self, number: int, n_folds: int, seconds_left: float | None) -> None:
        """Says which fold begins, and how long it may take until the last one is done."""
        self._fold = f"fold {number} of {n_folds}: "
        if seconds_left is not None:
            self.say(f"fold {number} of at most {n_folds}, at most {_duration(seconds_left)} left")

    def training(self, plan: "Plan", device: str, threads: int, known: "list[Trial[TrainedNetwork]]") -> None:
        """Says what is trained."""
        a = plan.architecture
        where = f"{device}, {threads} threads" if device == "cpu" else device
        self.say(
            f"{self._fold}network: {a.form}, {a.d_in} inputs, "
            f"batches of {plan.batch_size}, up to {plan.max_epochs} epochs, {where}"
        )
        if known:
            seconds = sum(trial.seconds for trial in known)
            self.say(f"going on after trial {len(known)} of a run that was cut off; its {seconds:.0f} s count below")
        self._best = min((trial.loss for trial in known), default=inf)

    def parts(self, n_parts: int) -> None:
        """Says once that the memory is too small for whole batches."""
        if not self._told_parts:
            self.say("the device has too little memory for a batch: it is taken in parts, which gives the same network")
        self._told_parts = True

    def tried(self, trial: "Trial[TrainedNetwork]", n_trials: int) -> None:
        """Says what came of one setting of several."""
        self._close_bar()
        if n_trials > 1:
            mark = ", the best so far" if trial.loss < self._best else ""
            self._best, self._last_line = min(self._best, trial.loss), time.monotonic()
            self.say(
                f"trial {trial.number} of {n_trials}: validation {trial.loss:.4f}{mark}, {trial.seconds:.1f} s: "
                f"{trial.outcome.plan.form}"
            )

    def _open_bar(self, n_epochs: int) -> None:
        if self._console.is_terminal and not self._console.quiet:
            self._bar = Progress(
                TextColumn("epoch"),
                MofNCompleteColumn(),
                BarColumn(),
                TextColumn("{task.description}"),
                TextColumn("at most"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=n_epochs)
            self._bar.start()

    def epoch(self, epoch: "Epoch", plan: "Plan") -> None:
        """Shows losses and the time that is left at most."""
        if self._bar is None:
            self._open_bar(plan.max_epochs)
        losses = f"loss {epoch.train_loss:.4f}"
        if isfinite(epoch.validation_loss):
            losses += f", validation {epoch.validation_loss:.4f}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=epoch.number, description=losses)
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            left = epoch.seconds / epoch.number * (plan.max_epochs - epoch.number)
            self.say(f"epoch {epoch.number} of {plan.max_epochs}: {losses}, at most {left:.0f} s for this network")
            self._last_line = time.monotonic()

    def trees(self, name: str, n_trials: int) -> None:
        """Says which trees begin."""
        settings = f", up to {n_trials} settings" if n_trials > 1 else ""
        self.say(f"{self._fold}trees ({name}){settings}")

    def brought(self, side: "Side", losses: "Mapping[str, float]") -> None:
        """Says what the choice among several settings and the calibration did on the validation rows."""
        self._close_bar()
        parts = ", ".join(f"{loss:.4f} {part}" for part, loss in losses.items())
        self.say(f"{self._fold}{side}, validation log loss: {parts}")

    def again(self, plan: "Plan", n_rows: int, number: int, n_networks: int) -> None:
        """Says that both sides learn from all rows."""
        self._close_bar()
        which = f"{n_networks} networks" if n_networks > 1 else f"{plan.max_epochs} epochs"
        if number == 1:
            self.say(f"both learn on, for the model that is kept: all {n_rows:,} rows, {which}")

    def teaching(self) -> None:
        """Says that a small network learns."""
        self.say("fast network: learns to answer as the network does, for predict --fast")

    def assumptions(self) -> None:
        """Says that networks learn from fewer rows and with other seeds."""
        self._fold = ""
        self.say("learning curve and seeds: both sides learn from fewer rows, networks with other seeds")

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar = None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
