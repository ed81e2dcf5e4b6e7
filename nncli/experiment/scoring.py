"""What both kinds of run share: the test rows' scores, the clock, and what is said of runs that time cut short."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from nncli.bundle.model import Answers
from nncli.bundle.trees import tree_inputs
from nncli.evaluation.metrics import Floats
from nncli.fitting.context import NO_LIMIT
from nncli.fitting.rivals import Rival
from nncli.fitting.sides import Fitted
from nncli.guard.examine import ExaminedTable
from nncli.guard.findings import Finding
from nncli.settings import RunSettings
from nncli.table.split import Split
from nncli.table.weights import weights_of
from nncli.training.clock import Clock

_FITTING_SHARE = 0.95
"""Of a time limit; the rest is for the report."""
_SIDES = {"network": "the network", "trees": "the careful trees", "trees_default": "the default trees"}


def run_clock(settings: RunSettings, start: float, share: float = 1.0) -> Clock:
    """The clock of a run, or of the share of it that is to be done by then."""
    if settings.time_limit is None:
        return NO_LIMIT
    return Clock(start + _FITTING_SHARE * share * settings.time_limit)


@dataclass(frozen=True)
class Scored:
    """What every side says of the test rows, and the seconds that saying it took."""

    answers: Answers
    seconds: Mapping[str, float]
    """By side; the rows were encoded before."""


def score_test_rows(
    table: ExaminedTable, split: Split, fitted: Fitted, rivals: Mapping[str, Rival] = MappingProxyType({})
) -> Scored:
    """Every side's probabilities for the test rows: the one place where these rows are looked at."""
    model = fitted.model
    test = model.encode(table.rows.take(split.test))
    answering: dict[str, Callable[[], Floats]] = {
        "network": lambda: model.predict_proba(test, "network"),
        "trees": lambda: model.predict_proba(test, "trees"),
        "trees_default": lambda: fitted.default.trees.predict_proba(tree_inputs(test)),
        **{name: partial(rival.predict_proba, test) for name, rival in rivals.items()},
        "majority": lambda: np.tile(model.description.class_shares, (len(test), 1)),
    }
    if model.student:
        answering["fast"] = lambda: model.predict_proba(test, "fast")
    probabilities, seconds = {}, {}
    for side, answer in answering.items():
        start = time.monotonic()
        probabilities[side] = answer()
        seconds[side] = time.monotonic() - start
    weights = weights_of(fitted.weights, split.test)
    return Scored(Answers(table.target.labels[split.test], probabilities, weights), seconds)


def cut_short(stops: Sequence[Mapping[str, Sequence[str]]]) -> list[Finding]:
    """Says which sides the time limit ended before they were done: their comparison is one of unfinished models.

    Args:
        stops: of each fit, why each side's models stopped learning.
    """
    cut = [name for side, name in _SIDES.items() if any("time limit" in fit.get(side, ()) for fit in stops)]
    if not cut:
        return []
    return [Finding("time-limit", "warn", (), f"the time limit ended {' and '.join(cut)} before they were done")]
