"""Several settings tried one after the other, each proposed from what the earlier ones scored.

By Optuna's tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"). A
proposal depends on the seed and the earlier trials alone, so a search that was cut off goes on as if it had not been.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from nncli.settings import Range

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Params = Mapping[str, float]


class Outcome(Protocol):
    """What a trial leaves."""

    @property
    def loss(self) -> float:
        """On validation rows; the lower the better."""

    @property
    def stop(self) -> str:
        """Why it ended; at a ``time limit`` it is not what the settings would have given."""

    @property
    def seconds(self) -> float:
        """That it took, those of a run that was cut off among them."""


T = TypeVar("T", bound=Outcome)


@dataclass(frozen=True)
class Trial(Generic[T]):
    """A setting that was tried, and what came of it."""

    number: int
    """From 1."""
    params: Params
    outcome: T
    seconds: float

    @property
    def loss(self) -> float:
        """On validation rows; the lower the better."""
        return self.outcome.loss


@dataclass(frozen=True)
class Space:
    """What is searched."""

    ranges: Mapping[str, Range]
    first: Sequence[Params]
    """What the first trials try, in this order; the very first is the recipe."""


def search(
    space: Space,
    fit: Callable[[int, Params], T],
    n_trials: int,
    *,
    seed: int,
    deadline: float | None,
    known: Sequence[Trial[T]] = (),
    tried: Callable[[Trial[T]], None] = lambda _: None,
) -> list[Trial[T]]:
    """Tries settings until there are ``n_trials``, or until the deadline cut one, or would cut the next.

    Args:
        space: what is searched.
        fit: takes a trial's number and parameters; returns what came of them.
        n_trials: the most; where nothing varies, one. One needs no Optuna.
        seed: of the proposals.
        deadline: on the clock of ``time.monotonic``. The first trial is made in any case.
        known: the first trials, where they were made before.
        tried: is told of each new trial.
    """
    trials = list(known[:n_trials])
    wanted = n_trials if space.ranges else 1
    while len(trials) < wanted and _is_time_left(trials, deadline):
        number = len(trials) + 1
        params = space.first[number - 1] if number <= len(space.first) else _proposed(space, trials, seed + number)
        start = time.monotonic()
        outcome = fit(number, params)
        trials.append(Trial(number, params, outcome, max(time.monotonic() - start, outcome.seconds)))
        tried(trials[-1])
        if outcome.stop == "time limit":
            break
    return trials


def _is_time_left(trials: Sequence[Trial[T]], deadline: float | None) -> bool:
    if not trials or deadline is None:
        return True
    return time.monotonic() + median(trial.seconds for trial in trials) < deadline


def _proposed(space: Space, trials: Sequence[Trial[T]], seed: int) -> Params:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(range_) for name, range_ in space.ranges.items()}
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed % 2**32, multivariate=True))
    study.add_trials(
        optuna.trial.create_trial(params=dict(t.params), distributions=distributions, value=t.loss)
        for t in trials
        if np.isfinite(t.loss)
    )
    params: Params = study.ask(distributions).params
    return params


def _distribution(values: Range) -> "BaseDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    if values.step is None:
        return FloatDistribution(values.low, values.high, log=values.log)
    return IntDistribution(int(values.low), int(values.high), log=values.log, step=values.step)
