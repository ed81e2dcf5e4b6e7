"""What every part of a run is given, and who is told how it comes along."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from nncli.settings import EFFORTS, EffortSettings, RunSettings, Side
from nncli.training.budget import Plan
from nncli.training.checkpointer import Checkpointer
from nncli.training.clock import Clock
from nncli.training.device import choose_device
from nncli.training.loop import Conditions, Epoch, TrainedNetwork
from nncli.training.search import Trial

NO_LIMIT = Clock(None)


class Observer(Protocol):
    """Is told how a run comes along."""

    def training(self, plan: Plan, device: str, threads: int, known: list[Trial[TrainedNetwork]]) -> None:
        """The network begins with the recipe's plan; a run that was cut off may have left networks."""

    def epoch(self, epoch: Epoch, plan: Plan) -> None:
        """The network has done one more epoch."""

    def parts(self, n_parts: int) -> None:
        """The device has too little memory for a batch, and takes it in so many parts."""

    def tried(self, trial: Trial[TrainedNetwork], n_trials: int) -> None:
        """A network was trained, one of so many at the most."""

    def trees(self, name: str, n_trials: int) -> None:
        """The trees of that name begin, with so many settings at the most."""

    def brought(self, side: Side, losses: Mapping[str, float]) -> None:
        """What each part of a side brought: the log loss on the validation rows with it, and with all before it."""

    def again(self, plan: Plan, n_rows: int, number: int, n_networks: int) -> None:
        """After the verdict, a network learns on from all rows: the first, second... of those that are kept."""

    def teaching(self) -> None:
        """A small network begins to learn the answers of the large one."""

    def fold(self, number: int, n_folds: int, seconds_left: float | None) -> None:
        """A fold of cross-validation begins, numbered from 1; about how long all of them may take yet."""

    def assumptions(self) -> None:
        """After the folds of cross-validation, networks learn from fewer rows and with other seeds."""


@dataclass(frozen=True)
class Context:
    """What every part of a run is given."""

    settings: RunSettings
    observer: Observer
    clock: Clock = NO_LIMIT
    """Shares out the time that both sides have."""
    learns_on: bool = True
    """Whether both sides learn from all rows afterwards: then time is laid aside for it."""
    checkpointer: Checkpointer | None = None
    """Keeps networks on disk, so that a run that is cut off can go on."""

    @property
    def effort(self) -> EffortSettings:
        """What the run may cost."""
        return EFFORTS[self.settings.effort]

    def conditions(self, deadline: float | None, number: int = 1, plan: Plan | None = None) -> Conditions:
        """For the training of a network; of several, each starts from weights of its own.

        Args:
            deadline: on the clock of ``time.monotonic``.
            number: of the network, from 1.
            plan: whose epochs the observer is told.
        """

        def on_epoch(epoch: Epoch) -> None:
            if plan:
                self.observer.epoch(epoch, plan)

        device, seed = choose_device(self.settings.device), self.settings.seed + number - 1
        return Conditions(
            self.settings.training,
            seed,
            device,
            deadline,
            on_epoch,
            on_parts=self.observer.parts,
            keeper=self.checkpointer,
        )
