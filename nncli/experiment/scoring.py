"""What both kinds of run share: the test rows' scores, the clock, and what is said of runs that time cut short."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np

from nncli.bundle.model import Answers, Model
from nncli.bundle.trees import tree_inputs
from nncli.evaluation.metrics import Floats
from nncli.evaluation.reliability import CalibrationEvidence, calibration_evidence
from nncli.features.encoder import Features
from nncli.fitting.context import NO_LIMIT
from nncli.fitting.rivals import Rival
from nncli.fitting.sides import Fitted
from nncli.guard.examine import ExaminedTable
from nncli.guard.findings import Finding
from nncli.report.names import IN_SENTENCES
from nncli.settings import BOTH_SIDES, EvaluationSettings, RunSettings, Side
from nncli.table.split import Split
from nncli.table.weights import weights_of
from nncli.training.clock import Clock

_FITTING_SHARE = 0.95
"""Of a time limit; the rest is for the report."""
Answering = Callable[[Features], Floats]


def run_clock(settings: RunSettings, start: float, share: float = 1.0) -> Clock:
    """The clock of a run, or of the share of it that is to be done by then."""
    if settings.time_limit is None:
        return NO_LIMIT
    return Clock(start + _FITTING_SHARE * share * settings.time_limit)


_TIMED_ROWS = 1000


def answering_sides(fitted: Fitted, rivals: Mapping[str, Rival] = MappingProxyType({})) -> dict[str, Answering]:
    """By side, what turns encoded rows into probabilities."""
    model = fitted.model
    sides: dict[str, Answering] = {
        "network": lambda rows: model.predict_proba(rows, "network"),
        "trees": lambda rows: model.predict_proba(rows, "trees"),
        "trees_default": lambda rows: fitted.default.trees.predict_proba(tree_inputs(rows)),
        **{name: rival.predict_proba for name, rival in rivals.items()},
        "majority": lambda rows: np.tile(model.description.class_shares, (len(rows), 1)),
    }
    return sides | ({"fast": lambda rows: model.predict_proba(rows, "fast")} if model.student else {})


def encode_test_rows(table: ExaminedTable, split: Split, model: Model) -> Features:
    """The test rows, as a model that has not learned from them sees them."""
    return model.encode(table.rows.take(split.test))


def score_test_rows(
    table: ExaminedTable,
    split: Split,
    fitted: Fitted,
    sides: Mapping[str, Answering],
    features: Features | None = None,
) -> Answers:
    """Every side's probabilities for the test rows: the one place where these rows are scored.

    Args:
        table: examined.
        split: whose test rows are scored.
        fitted: both sides.
        sides: what answers, by name.
        features: of the test rows, if they are encoded already.
    """
    test = encode_test_rows(table, split, fitted.model) if features is None else features
    probabilities = {side: answer(test) for side, answer in sides.items()}
    weights, groups = weights_of(fitted.weights, split.test), table.arrangement.groups_of(split.test)
    return Answers(table.target.labels[split.test], probabilities, weights, groups)


def score_with_calibration(
    table: ExaminedTable, split: Split, fitted: Fitted, features: Features, settings: EvaluationSettings
) -> tuple[Answers, dict[str, CalibrationEvidence]]:
    """Every side's probabilities for the test rows, and what calibration does to them there.

    Args:
        table: examined.
        split: whose test rows are scored.
        fitted: both sides.
        features: of the test rows.
        settings: confidence and number of draws.
    """
    model, calibration = fitted.model, fitted.model.description.calibration
    as_trained: dict[str, Answering] = {side: partial(_as_trained, model, side) for side in BOTH_SIDES}
    scored = score_test_rows(table, split, fitted, {**answering_sides(fitted), **as_trained}, features)
    raw = {side: scored.probabilities[side] for side in BOTH_SIDES}
    evidence: dict[str, CalibrationEvidence] = {
        side: calibration_evidence(scored.labels, proba, calibration(side), settings, scored.sample)
        for side, proba in raw.items()
    }
    calibrated: dict[str, Floats] = {side: calibration(side).apply(proba) for side, proba in raw.items()}
    return replace(scored, probabilities={**scored.probabilities, **calibrated}), evidence


def _as_trained(model: Model, side: Side, rows: Features) -> Floats:
    return model.raw_proba(rows, side).astype(np.float64)


def time_predictions(
    table: ExaminedTable, split: Split, fitted: Fitted, sides: Mapping[str, Answering]
) -> dict[str, float]:
    """By side, the seconds for 1,000 predictions of encoded rows: training rows, repeated where they are few."""
    rows = fitted.model.encode(table.rows.take(np.resize(split.train, _TIMED_ROWS)))
    seconds = {}
    for side, answer in sides.items():
        start = time.monotonic()
        answer(rows)
        seconds[side] = time.monotonic() - start
    return seconds


def cut_short(stops: Sequence[Mapping[str, Sequence[str]]]) -> list[Finding]:
    """Says which sides the time limit ended before they were done: their comparison is one of unfinished models.

    Args:
        stops: of each fit, why each side's models stopped learning.
    """
    sides = ("network", "trees", "trees_default")
    cut = [IN_SENTENCES[side] for side in sides if any("time limit" in fit.get(side, ()) for fit in stops)]
    if not cut:
        return []
    return [Finding("time-limit", "warn", (), f"the time limit ended {' and '.join(cut)} before they were done")]
