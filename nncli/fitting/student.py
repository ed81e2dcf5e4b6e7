"""The small network that answers as the large one does: taught before the verdict, and again after it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from nncli.bundle.model import Model
from nncli.errors import memory_stage
from nncli.features.encoder import Features
from nncli.fitting.context import Context
from nncli.fitting.encoded import EncodedSplit
from nncli.training.budget import epoch_work
from nncli.training.distil import distil, distil_on
from nncli.training.loop import TrainedNetwork
from nncli.training.search import Trial

_TIME_SHARE, _FEWEST_SECONDS = 0.2, 2.0
"""Of the time that is left, the most for teaching; with fewer seconds than these there is no student."""


@dataclass(frozen=True)
class Student:
    """A small network, and the seconds that teaching it took."""

    network: TrainedNetwork
    seconds: float

    def put_into(self, model: Model) -> Model:
        """The model with this student."""
        return model.with_student(self.network.plan.architecture, self.network.arrays)


@memory_stage("teaching the fast network", "use fewer rows, or --effort quick")
def teach(
    model: Model, chosen: Sequence[Trial[TrainedNetwork]], rows: EncodedSplit, context: Context
) -> Student | None:
    """A student of the networks that were chosen; ``None`` where they are small, or time is short.

    Cross-validation needs none: no model is kept.
    """
    start, deadline = time.monotonic(), context.clock.deadline(_TIME_SHARE)
    if not context.learns_on or (deadline is not None and deadline - start < _FEWEST_SECONDS):
        return None
    n_rows = rows.train.labels.size
    plans = [(trial.outcome.plan, len(trial.outcome.history)) for trial in chosen]
    work = sum(epoch_work(plan.architecture, n_rows, plan.batch_size) * epochs for plan, epochs in plans)
    context.observer.teaching()
    known, new = rows.train, rows.validation
    network = distil(model, known.features, new.features, work, context.conditions(deadline), new.weights)
    return _timed(network, start) if network and network.best_epoch else None


def teach_on(student: Student, model: Model, rows: Features, context: Context, reserve: float) -> Student:
    """The same student, taught by the networks after they have learned from all rows.

    Args:
        student: as it was judged.
        model: with these networks.
        rows: all of them.
        context: of the run.
        reserve: seconds that are laid aside for what comes afterwards.
    """
    start = time.monotonic()
    network = distil_on(student.network, model, rows, context.conditions(context.clock.deadline(1.0, reserve)))
    return _timed(network, start)


def _timed(network: TrainedNetwork, start: float) -> Student:
    """With its seconds since then, or more: an earlier run that was cut off may have had a part in it."""
    return Student(network, max(time.monotonic() - start, network.seconds))


def reserved_for_student(student: Student | None, context: Context) -> float:
    """Seconds to lay aside for teaching it on."""
    if student is None or context.clock.end is None:
        return 0.0
    return min(student.seconds, _TIME_SHARE * max(0.0, context.clock.end - time.monotonic()))
