"""One whole run: split, fit both sides, judge them on rows that neither has seen; then let both learn from all rows.

This is the only room that scores test rows, once, in :func:`_score_test_rows`, when both sides are final; only after
the verdict does the model that will be served learn from them too, for as long as seemed best without them. In: an
examined table and settings. Out: values for ``report`` and ``bundle``.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Answers, Heldout
from nncli.bundle.trees import tree_inputs
from nncli.errors import DataError
from nncli.evaluation.comparison import Judgement, judge_folds, judge_held_out
from nncli.evaluation.metrics import Labels, by_name, score
from nncli.evaluation.reliability import CalibrationEvidence, calibration_evidence
from nncli.fitting.context import NO_LIMIT, Context, Observer
from nncli.fitting.served import Served, learn_from_all_rows
from nncli.fitting.sides import Fitted, fit_sides
from nncli.guard.examine import ExaminedTable
from nncli.guard.findings import Finding
from nncli.guard.rows import examine_rows
from nncli.settings import RunSettings, Side
from nncli.table.split import Split, make_folds, make_split
from nncli.training.clock import Clock
from nncli.training.device import choose_device, use_threads

_FITTING_SHARE = 0.95
"""Of a time limit; the rest is for the report."""


@dataclass(frozen=True)
class Experiment:
    """A run with one split."""

    table: ExaminedTable
    split: Split
    fitted: Fitted
    heldout: Heldout
    judgement: Judgement
    calibration: Mapping[str, CalibrationEvidence]
    """What it does to both sides' probabilities for the test rows."""
    served: Served
    findings: tuple[Finding, ...]

    @property
    def seconds(self) -> Mapping[str, float]:
        """By side, until the verdict and after it."""
        first, again = self.fitted.seconds, self.served.seconds
        return {side: seconds + again.get(side, 0.0) for side, seconds in first.items()}


@dataclass(frozen=True)
class CrossValidation:
    """A run with several folds."""

    table: ExaminedTable
    fold_scores: tuple[Mapping[str, Mapping[str, float]], ...]
    """By fold, side and metric."""
    n_train: int
    """Rows of a fold's training and validation parts, on average."""
    n_test: int
    judgement: Judgement
    findings: tuple[Finding, ...]
    seconds: Mapping[str, float]
    n_tried: Mapping[str, int]
    """Settings that were tried in all folds together, by side, and how many of the network's predicted."""


def run_experiment(
    table: ExaminedTable,
    settings: RunSettings,
    observer: Observer,
    started: float | None = None,
    checkpoint_folder: Path | None = None,
) -> Experiment:
    """Splits once, fits both sides, scores the test rows once, then fits both sides on all rows.

    Args:
        table: examined.
        settings: of the run.
        observer: is told how it comes along.
        started: when the time limit began, on the clock of ``time.monotonic``; ``None``: now.
        checkpoint_folder: where a search keeps its networks; ``None``: nowhere.

    Raises:
        DataError: there are too few rows to split, or there is nothing to learn from.
        DeviceError: the device that was asked for is not there.
        UsageError: no network ever had a finite loss.
    """
    choose_device(settings.device)  # refused before any work
    split = make_split(table.target.labels, table.groups, settings.split, settings.seed)
    _refuse_empty_parts(split)
    clock = _clock(settings, started or time.monotonic())
    context = Context(settings, observer, clock, checkpoint_folder=checkpoint_folder)
    with use_threads(context.threads):
        fitted = fit_sides(table, split, context)
        test, raw = _score_test_rows(table, split, fitted)
        heldout = Heldout(test, fitted.validation)
        judgement = judge_held_out(test.labels, test.probabilities, settings.evaluation)
        calibration = _calibration(test.labels, raw, fitted, settings)
        served = learn_from_all_rows(table, split, fitted, context)
    findings = (*table.findings, *examine_rows(table.groups, split), *_cut_short([fitted, served]))
    served = replace(served, model=served.model.with_findings(findings))
    return Experiment(table, split, fitted, heldout, judgement, calibration, served, findings)


def cross_validate(
    table: ExaminedTable, settings: RunSettings, observer: Observer, started: float | None = None
) -> CrossValidation:
    """Fits both sides on every fold and compares them with the corrected t interval.

    Args:
        table: examined.
        settings: of the run.
        observer: is told how it comes along.
        started: when the time limit began, on the clock of ``time.monotonic``; ``None``: now.

    Raises:
        DataError: there are too few rows to split, or there is nothing to learn from.
        DeviceError: the device that was asked for is not there.
        UsageError: no network ever had a finite loss.
    """
    choose_device(settings.device)
    folds = make_folds(table.target.labels, table.groups, settings.split, settings.seed)
    fold_scores, fits = [], []
    start = started or time.monotonic()
    for number, split in enumerate(folds, start=1):
        _refuse_empty_parts(split)
        observer.fold(number, len(folds))
        clock = _clock(settings, start, number / len(folds))
        context = Context(settings, observer, clock, learns_on=False)
        with use_threads(context.threads):
            fitted = fit_sides(table, split, context)
            test, _ = _score_test_rows(table, split, fitted)
        fold_scores.append({m: by_name(score(test.labels, p)) for m, p in test.probabilities.items()})
        fits.append(fitted)
    n_test = round(np.mean([split.test.size for split in folds]))
    n_train = round(np.mean([split.train.size + split.validation.size for split in folds]))
    judgement = judge_folds(fold_scores, n_test / n_train, settings.evaluation)
    findings = (*table.findings, *examine_rows(table.groups, folds[0]), *_cut_short(fits))
    seconds = {side: sum(fitted.seconds[side] for fitted in fits) for side in fits[0].seconds}
    n_tried = {side: sum(fitted.n_tried[side] for fitted in fits) for side in fits[0].n_tried}
    return CrossValidation(table, tuple(fold_scores), n_train, n_test, judgement, findings, seconds, n_tried)


def _clock(settings: RunSettings, start: float, share: float = 1.0) -> Clock:
    if settings.time_limit is None:
        return NO_LIMIT
    return Clock(start + _FITTING_SHARE * share * settings.time_limit)


def _score_test_rows(
    table: ExaminedTable, split: Split, fitted: Fitted
) -> tuple[Answers, Mapping[Side, NDArray[np.floating]]]:
    """Every side's probabilities for the test rows: the one place where these rows are looked at.

    Returns:
        What is judged, and what network and trees say before calibration.
    """
    model = fitted.model
    test = model.encode(table.rows.take(split.test))
    shares = np.array(model.description.class_shares)
    sides: tuple[Side, ...] = "network", "trees"
    raw = {side: model.raw_proba(test, side) for side in sides}
    probabilities: dict[str, NDArray[np.float64]] = {
        **{side: model.description.calibration(side).apply(proba) for side, proba in raw.items()},
        "trees_default": fitted.default.trees.predict_proba(tree_inputs(test)),
        "majority": np.tile(shares, (len(test), 1)),
    }
    if model.student:
        probabilities["fast"] = model.predict_proba(test, "fast")
    return Answers(table.target.labels[split.test], probabilities), raw


def _calibration(
    labels: Labels, raw: Mapping[Side, NDArray[np.floating]], fitted: Fitted, settings: RunSettings
) -> dict[str, CalibrationEvidence]:
    """What each side's calibration does to its probabilities for the test rows."""
    description = fitted.model.description
    return {
        side: calibration_evidence(labels, proba, description.calibration(side), settings.evaluation)
        for side, proba in raw.items()
    }


def _cut_short(fits: Sequence[Fitted | Served]) -> list[Finding]:
    """Says which sides the time limit ended before they were done: their comparison is one of unfinished models."""
    stops: dict[str, list[str]] = {"the network": [], "the careful trees": [], "the default trees": []}
    for fit in fits:
        if isinstance(fit, Fitted):
            stops["the network"] += [trial.outcome.stop for trial in fit.chosen]
            stops["the careful trees"].append(fit.careful.outcome.stop)
            stops["the default trees"].append(fit.default.stop)
        else:
            stops["the network"] += [network.stop for network in fit.networks]
            stops["the careful trees"].append(fit.trees.stop)
    cut = [side for side, reasons in stops.items() if "time limit" in reasons]
    if not cut:
        return []
    return [Finding("time-limit", "warn", (), f"the time limit ended {' and '.join(cut)} before they were done")]


def _refuse_empty_parts(split: Split) -> None:
    if min(split.train.size, split.validation.size, split.test.size) == 0:
        n_rows = split.train.size + split.validation.size + split.test.size
        raise DataError(f"the data have {n_rows} usable rows: too few for training, validation and test; add rows")
