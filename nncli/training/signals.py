"""Signals that end a command: at once, or, while they may wait, when the work in hand is safe."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_NAMES = "SIGINT", "SIGTERM", "SIGHUP"
"""The last is not everywhere."""
_SIGNAL_CODE = 128
"""What a signal's number is added to, for the exit code."""
_WAIT = b"\nnncli: stops as soon as what was learned is kept; once more stops at once\n"


class Signals:
    """What came for this process; nothing does outside of :meth:`taken`."""

    def __init__(self) -> None:
        self._caught: int | None = None
        self._may_wait = False
        self._is_leaving = False

    @contextmanager
    def taken(self) -> Iterator["Signals"]:
        """Takes the signals that come inside the block; one that is ignored, as under ``nohup``, stays so.

        An exit stays one where a library makes an error of it: compiled code may take what a signal raises while it
        reads a buffer's format for a broken format.
        """
        before = {number: signal.getsignal(number) for name in _NAMES if (number := getattr(signal, name, None))}
        heeded = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
        for number in heeded:
            signal.signal(number, self._take)
        try:
            yield self
        except Exception as error:
            if self._is_leaving and self._caught is not None:
                raise SystemExit(_SIGNAL_CODE + self._caught) from error
            raise
        finally:
            for number, handler in heeded.items():
                signal.signal(number, handler)

    @property
    def came(self) -> bool:
        """Whether a signal waits to be obeyed."""
        return self._caught is not None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside the block a first signal is noted, and obeyed by :meth:`obey` or at the end; a second one is not.

        Raises:
            SystemExit: one came before, and a library has swallowed the exit.
        """
        self.obey()
        self._may_wait = True
        try:
            yield
        finally:
            self._may_wait = False
        self.obey()

    def obey(self) -> None:
        """Ends the run if a signal came.

        Raises:
            SystemExit: one did; nothing half-written stays, because this unwinds like any exception.
        """
        if self._caught is not None:
            self._leave(self._caught)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._is_leaving:  # what cleans up was told to stop too
            os._exit(_SIGNAL_CODE + number)
        is_first, self._caught = self._caught is None, number
        if not (self._may_wait and is_first):
            self._leave(number)
        with contextlib.suppress(OSError):
            os.write(2, _WAIT)  # a handler may have cut into sys.stderr

    def _leave(self, number: int) -> NoReturn:
        self._is_leaving = True
        raise SystemExit(_SIGNAL_CODE + number)
