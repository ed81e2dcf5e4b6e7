"""One whole run: split, encode, train, calibrate, baseline, judge; then learn from all rows.

This is the only room that touches test rows. They are scored once, in :func:`_score_test_rows`, when both sides are
final; only after the verdict does :func:`_learn_from_all_rows` let the model that will be served learn from them
too, for as long as seemed best without them. In: an examined table and settings. Out:
values for ``report`` and ``bundle``.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nncli import version
from nncli.baseline import FittedTrees, TreeData, fit_careful_trees, fit_default_trees, refit_careful_trees
from nncli.bundle.model import Description, Heldout, Model, Provenance
from nncli.bundle.trees import tree_inputs
from nncli.errors import DataError
from nncli.evaluation.calibration import UNCALIBRATED, fit_calibration
from nncli.evaluation.comparison import Judgement, judge_folds, judge_held_out
from nncli.evaluation.metrics import by_name, score
from nncli.features.encoder import Features, fit_encoder
from nncli.features.scaling import fit_scaler
from nncli.guard.examine import ExaminedTable
from nncli.guard.findings import Finding
from nncli.guard.rows import examine_rows
from nncli.settings import EFFORTS, RunSettings
from nncli.table.split import Split, make_folds, make_split
from nncli.training.budget import Plan, make_plan, plan_for_all_rows
from nncli.training.device import choose_device, choose_threads, use_threads
from nncli.training.loop import Conditions, Epoch, LabelledInputs, TrainedNetwork, continue_network, train_network

_FIT_SHARES = 0.6, 0.7, 0.97
"""Shares of the time to fit both sides by which the network, the default and the careful trees end."""
_FIRST_SHARE, _AGAIN_SHARES = 0.62, (0.86, 0.95)
"""Shares of a time limit: until the verdict; until network and trees have learned from all rows."""


class Observer(Protocol):
    """Is told how a run comes along."""

    def training(self, plan: Plan, device: str, threads: int) -> None:
        """The network begins."""

    def epoch(self, epoch: Epoch, plan: Plan) -> None:
        """The network has done one more epoch."""

    def trees(self, name: str) -> None:
        """The trees of that name begin."""

    def again(self, plan: Plan, n_rows: int) -> None:
        """After the verdict, both sides learn from all rows, this many."""

    def fold(self, number: int, n_folds: int) -> None:
        """A fold of cross-validation begins, numbered from 1."""


@dataclass(frozen=True)
class Fitted:
    """Both sides as they are judged. No test row was seen."""

    model: Model
    network: TrainedNetwork
    plan: Plan
    careful: FittedTrees
    default: FittedTrees
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Served:
    """Both sides after the verdict, when they have learned from all rows: what predicts."""

    model: Model
    network: TrainedNetwork
    careful: FittedTrees
    seconds: Mapping[str, float]
    """By side, for what came after the verdict."""


@dataclass(frozen=True)
class Experiment:
    """A run with one split."""

    table: ExaminedTable
    split: Split
    fitted: Fitted
    heldout: Heldout
    judgement: Judgement
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


def run_experiment(
    table: ExaminedTable, settings: RunSettings, observer: Observer, started: float | None = None
) -> Experiment:
    """Splits once, fits both sides, scores the test rows once, then fits both sides on all rows.

    Args:
        table: examined.
        settings: of the run.
        observer: is told how it comes along.
        started: when the time limit began, on the clock of ``time.monotonic``; ``None``: now.

    Raises:
        DataError: there are too few rows to split.
        DeviceError: the device that was asked for is not there.
    """
    split = make_split(table.target.labels, table.groups, settings.split, settings.seed)
    _refuse_empty_parts(split)
    start, limit = started or time.monotonic(), settings.time_limit
    fitted = fit_sides(table, split, settings, observer, start + _FIRST_SHARE * limit if limit else None)
    heldout = _score_test_rows(table, split, fitted)
    judgement = judge_held_out(heldout.labels, heldout.probabilities, settings.evaluation)
    ends = [start + share * limit if limit else None for share in _AGAIN_SHARES]
    served = _learn_from_all_rows(table, split, fitted, settings, observer, ends)
    findings = (*table.findings, *examine_rows(table.groups, split), *_cut_short([fitted, served]))
    return Experiment(table, split, fitted, heldout, judgement, served, findings)


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
        DataError: there are too few rows to split.
        DeviceError: the device that was asked for is not there.
    """
    folds = make_folds(table.target.labels, table.groups, settings.split, settings.seed)
    fold_scores, fits = [], []
    start, limit = started or time.monotonic(), settings.time_limit
    for number, split in enumerate(folds, start=1):
        _refuse_empty_parts(split)
        observer.fold(number, len(folds))
        deadline = start + limit * number / len(folds) if limit else None
        fitted = fit_sides(table, split, settings, observer, deadline)
        heldout = _score_test_rows(table, split, fitted)
        fold_scores.append({m: by_name(score(heldout.labels, p)) for m, p in heldout.probabilities.items()})
        fits.append(fitted)
    n_test = round(np.mean([split.test.size for split in folds]))
    n_train = round(np.mean([split.train.size + split.validation.size for split in folds]))
    judgement = judge_folds(fold_scores, n_test / n_train, settings.evaluation)
    findings = (*table.findings, *examine_rows(table.groups, folds[0]), *_cut_short(fits))
    seconds = {side: sum(fitted.seconds[side] for fitted in fits) for side in fits[0].seconds}
    return CrossValidation(table, tuple(fold_scores), n_train, n_test, judgement, findings, seconds)


def fit_sides(
    table: ExaminedTable, split: Split, settings: RunSettings, observer: Observer, deadline: float | None = None
) -> Fitted:
    """Encodes, trains, calibrates: with training and validation rows alone.

    Args:
        table: examined.
        split: which rows are for what; its test rows are not looked at.
        settings: of the run.
        observer: is told how it comes along.
        deadline: on the clock of ``time.monotonic``, for both sides together.
    """
    y, y_val = table.target.labels[split.train], table.target.labels[split.validation]
    encoder = fit_encoder(table.frame.iloc[split.train], table.schema)
    train, validation = (encoder.encode(table.frame.iloc[rows]) for rows in (split.train, split.validation))
    scaler = fit_scaler(train)
    ends = _deadlines(deadline)
    start = time.monotonic()
    plan, network = _fit_network(
        LabelledInputs(scaler.scale(train), y),
        LabelledInputs(scaler.scale(validation), y_val),
        encoder.cat_cardinalities,
        len(table.schema.classes),
        table.target.labels.size,
        settings,
        observer,
        next(ends),
    )
    seconds = time.monotonic() - start
    default, careful = _fit_trees(train, y, validation, y_val, settings, observer, ends)
    description = Description(
        schema=table.schema,
        encoder=encoder,
        scaler=scaler,
        architecture=plan.architecture,
        trees=careful.trees.shape,
        network_calibration=UNCALIBRATED,
        trees_calibration=UNCALIBRATED,
        class_shares=_shares(y, len(table.schema.classes)),
        provenance=Provenance(
            nncli_version=version(),
            data_sha256=table.data_sha256,
            seed=settings.seed,
            n_rows=table.target.has_label.size,
            n_columns=table.n_columns,
            n_train=split.train.size,
            n_validation=split.validation.size,
            n_test=split.test.size,
            findings=(*table.findings, *examine_rows(table.groups, split)),
        ),
    )
    model = _calibrated(Model(description, network.arrays, careful.trees), validation, y_val)
    took = {"network": seconds, "trees": careful.seconds, "trees_default": default.seconds}
    return Fitted(model, network, plan, careful, default, took)


def _fit_network(
    train: LabelledInputs,
    validation: LabelledInputs,
    cat_cardinalities: tuple[int, ...],
    n_classes: int,
    n_rows_in_all: int,
    settings: RunSettings,
    observer: Observer,
    deadline: float | None,
) -> tuple[Plan, TrainedNetwork]:
    effort, network = EFFORTS[settings.effort], settings.network
    plan = make_plan(train.inputs, cat_cardinalities, n_classes, network, settings.training, effort, n_rows_in_all)
    conditions = _conditions(plan, settings, observer, deadline)
    threads = choose_threads(settings.threads)
    observer.training(plan, conditions.device.type, threads)
    with use_threads(threads):
        return plan, train_network(train, validation, plan, conditions)


def _conditions(plan: Plan, settings: RunSettings, observer: Observer, deadline: float | None) -> Conditions:
    device = choose_device(settings.device)
    return Conditions(settings.training, settings.seed, device, deadline, lambda epoch: observer.epoch(epoch, plan))


def _fit_trees(
    train: Features,
    y: NDArray[np.int64],
    validation: Features,
    y_val: NDArray[np.int64],
    settings: RunSettings,
    observer: Observer,
    ends: Iterator[float | None],
) -> tuple[FittedTrees, FittedTrees]:
    data = TreeData(tree_inputs(train), y, tree_inputs(validation), y_val, train.x_cat.shape[1])
    threads, seed = choose_threads(settings.threads), settings.seed
    observer.trees("default")
    default = fit_default_trees(data, seed=seed, threads=threads, deadline=next(ends))
    observer.trees("careful")
    iterations = EFFORTS[settings.effort].tree_iterations
    careful = fit_careful_trees(data, settings.trees, iterations, seed=seed, threads=threads, deadline=next(ends))
    return default, careful


def _learn_from_all_rows(
    table: ExaminedTable,
    split: Split,
    fitted: Fitted,
    settings: RunSettings,
    observer: Observer,
    ends: Sequence[float | None],
) -> Served:
    """The network learns on, the trees once more from scratch, with nothing held back."""
    y, threads = table.target.labels, choose_threads(settings.threads)
    judged = fitted.model.description
    features = judged.encoder.encode(table.frame)
    inputs = judged.scaler.scale(features)
    # What it has not seen yet comes twice: the network is to know these rows as well as the others.
    rows = np.concatenate([split.train, *2 * [split.validation, split.test]])
    plan = plan_for_all_rows(fitted.plan, fitted.network.best_epoch)
    observer.again(plan, y.size)
    start = time.monotonic()
    with use_threads(threads):
        conditions = _conditions(plan, settings, observer, ends[0])
        network = continue_network(fitted.network, LabelledInputs(inputs.take(rows), y[rows]), plan, conditions)
    network_seconds = time.monotonic() - start
    x = tree_inputs(features)
    data = TreeData(x, y, x[:0], y[:0], features.x_cat.shape[1])
    iterations, seed = fitted.careful.iterations, settings.seed
    trees = refit_careful_trees(data, settings.trees, iterations, seed=seed, threads=threads, deadline=ends[1])
    description = replace(judged, trees=trees.trees.shape, class_shares=_shares(y, len(table.schema.classes)))
    seconds = {"network": network_seconds, "trees": trees.seconds}
    return Served(Model(description, network.arrays, trees.trees), network, trees, seconds)


def _shares(labels: NDArray[np.int64], n_classes: int) -> tuple[float, ...]:
    return tuple((np.bincount(labels, minlength=n_classes) / labels.size).tolist())


def _calibrated(model: Model, validation: Features, y_val: NDArray[np.int64]) -> Model:
    """The same calibration for both sides, fitted on the same validation rows."""
    network, trees = (fit_calibration(y_val, model.predict_proba(validation, side)) for side in ("network", "trees"))
    description = replace(model.description, network_calibration=network, trees_calibration=trees)
    return replace(model, description=description)


def _score_test_rows(table: ExaminedTable, split: Split, fitted: Fitted) -> Heldout:
    """Every side's probabilities for the test rows: the one place where these rows are looked at."""
    model = fitted.model
    test = model.encode(table.frame.iloc[split.test])
    shares = np.array(model.description.class_shares)
    probabilities = {
        "network": model.predict_proba(test, "network"),
        "trees": model.predict_proba(test, "trees"),
        "trees_default": fitted.default.trees.predict_proba(tree_inputs(test)),
        "majority": np.tile(shares, (len(test), 1)),
    }
    return Heldout(table.target.labels[split.test], probabilities)


def _cut_short(fits: Sequence[Fitted | Served]) -> list[Finding]:
    """Says which sides the time limit ended before they were done: their comparison is one of unfinished models."""
    stops: dict[str, list[str]] = {
        "the network": [fit.network.stop for fit in fits],
        "the careful trees": [fit.careful.stop for fit in fits],
        "the default trees": [fit.default.stop for fit in fits if isinstance(fit, Fitted)],
    }
    cut = [side for side, reasons in stops.items() if "time limit" in reasons]
    if not cut:
        return []
    return [Finding("time-limit", "warn", (), f"the time limit ended {' and '.join(cut)} before they were done")]


def _deadlines(deadline: float | None) -> Iterator[float | None]:
    """When the network, the default trees and the careful trees must end."""
    now = time.monotonic()
    for share in _FIT_SHARES:
        yield None if deadline is None else now + share * (deadline - now)


def _refuse_empty_parts(split: Split) -> None:
    if min(split.train.size, split.validation.size, split.test.size) == 0:
        n_rows = split.train.size + split.validation.size + split.test.size
        raise DataError(f"the data have {n_rows} usable rows: too few for training, validation and test; add rows")
