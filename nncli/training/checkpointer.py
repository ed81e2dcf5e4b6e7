"""When the networks of a run are written to disk: now and then, and before a signal ends the run."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from nncli.errors import show
from nncli.training.checkpoints import Checkpoints
from nncli.training.loop import Arrays, Progress, TrainedNetwork
from nncli.training.search import Trial
from nncli.training.signals import Signals

SECONDS_BETWEEN = 30.0
"""From one writing to the next, the fewest."""
_TIMES_AS_LONG = 100
"""As the last writing took, the next one is away: writing costs a hundredth of the time at the most."""


class Checkpointer:
    """The ``Keeper`` of a run, for the networks that it trains one after the other.

    What cannot be written is said once, and the run goes on: it may end well all the same.
    """

    def __init__(self, checkpoints: Checkpoints, signals: Signals, say: Callable[[str], None]) -> None:
        """Takes the folder, what may end the run, and whom to tell what people should know."""
        self.checkpoints, self._signals, self._say = checkpoints, signals, say
        self._unwritten: dict[str, TrainedNetwork] = {}
        """Finished networks, by identity."""
        self._next = time.monotonic() + SECONDS_BETWEEN
        self._has_failed = False

    def attending(self) -> AbstractContextManager[None]:
        """While a network trains: a signal waits until its state is kept."""
        return self._signals.waiting()

    def finished(self, identity: str) -> TrainedNetwork | None:
        """The network, if an earlier run has finished it."""
        return self.checkpoints.finished(identity)

    def unfinished(self, identity: str, like: Arrays) -> tuple[Progress, Arrays] | None:
        """How far an earlier run has come with it."""
        found = self.checkpoints.unfinished(identity, like)
        if found:
            progress = found[0]
            self._say(f"going on after {len(progress.history)} epochs and {progress.step} steps of this network")
        return found

    def is_due(self) -> bool:
        """Whether it is time to keep the state."""
        return self._signals.came or time.monotonic() >= self._next

    def keep(self, identity: str, progress: Progress, arrays: Arrays) -> None:
        """Keeps the state of the network in training, then obeys a signal that came."""
        self._timed(lambda: self.checkpoints.save_unfinished(identity, progress, arrays))
        self._signals.obey()

    def finish(self, identity: str, network: TrainedNetwork) -> None:
        """Takes a finished network; it is written when it is time, for writing each would slow small runs down."""
        if network.stop != "time limit":
            self._unwritten[identity] = network
        if self.is_due():
            self.write_finished()

    def keep_trial(self, trial: Trial[TrainedNetwork]) -> None:
        """Writes a trial of a search, the network of which was the last to be finished."""
        self._unwritten.clear()
        self._timed(lambda: self.checkpoints.save(trial))

    def write_finished(self) -> None:
        """Writes what is finished and not written yet."""
        self._timed(lambda: None)

    def _timed(self, write: Callable[[], None]) -> None:
        start = time.monotonic()
        try:
            while self._unwritten:
                identity, network = next(iter(self._unwritten.items()))
                self.checkpoints.save_finished(identity, network)
                del self._unwritten[identity]
            write()
        except OSError as error:
            self._tell(error)
        now = time.monotonic()
        self._next = now + max(SECONDS_BETWEEN, _TIMES_AS_LONG * (now - start))

    def _tell(self, error: OSError) -> None:
        if not self._has_failed:
            folder = show(self.checkpoints.parent)
            self._say(f"{folder}: cannot be written ({error.strerror}); if the run is cut off, it cannot go on")
        self._has_failed = True
