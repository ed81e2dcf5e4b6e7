"""One line on a terminal that says how far a prediction is."""

import time
from types import TracebackType
from typing import Self

from rich.progress import Progress, TextColumn

from nncli.cli.progress import make_console
from nncli.errors import show
from nncli.table.source import display_name


class RowsProgress:
    """Counts rows as they pass."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), console=make_console(quiet=False), transient=True
        )
        self._task = self._progress.add_task("")
        self._path, self._n_rows, self._started = "", 0, 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._progress.stop()

    def watch(self, path: str, n_rows: int, share: float | None) -> None:
        """More rows of an input are done, and so that share of it is."""
        if path != self._path:
            self._path, self._n_rows, self._started = path, 0, time.monotonic()
        self._n_rows += n_rows
        rate = self._n_rows / max(time.monotonic() - self._started, 1e-3)
        percent = "" if share is None else f", {share:.0%}"
        line = f"{show(display_name(path))}: {self._n_rows:,} rows{percent}, {rate:,.0f} rows/s"
        self._progress.update(self._task, description=line)
