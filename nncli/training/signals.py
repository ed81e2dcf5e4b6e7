"""Signals that end a command: at once, or, while they may wait, when the work in hand is safe."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = "SIGINT", "SIGTERM", "SIGHUP"
"""The last is not everywhere."""
_SIGNAL_CODE = 128
"""What a signal's number is added to, for the exit code."""
_WAIT = b"\nnncli: stops as soon as what was learned is kept; once more stops at once\n"


class Signals:
    """What came for this process. Until :meth:`install` nothing ever comes."""

    def __init__(self) -> None:
        self._caught: int | None = None
        self._may_wait = False
        self._is_leaving = False

    def install(self) -> None:
        """Takes the signals; one that is ignored, as under ``nohup`` or in the background, stays so."""
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take)

    @property
    def came(self) -> bool:
        """Whether a signal waits to be obeyed."""
        return self._caught is not None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside the block a first signal is noted, and obeyed by :meth:`obey` or at the end; a second one is not."""
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
        if self._may_wait and self._caught is None:
            self._caught = number
            with contextlib.suppress(OSError):
                os.write(2, _WAIT)  # a handler may have cut into sys.stderr
            return
        self._leave(number)

    def _leave(self, number: int) -> None:
        if self._is_leaving:  # what cleans up was told to stop too
            os._exit(_SIGNAL_CODE + number)
        self._is_leaving = True
        raise SystemExit(_SIGNAL_CODE + number)
