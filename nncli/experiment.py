"""One whole run: split, encode, train, calibrate, baseline, judge; then learn from all rows.

This is the only room that touches test rows. They are scored once, in :func:`_score_test_rows`, when both sides are
final; only after the verdict does :func:`_learn_from_all_rows` let the model that will be served learn from them
too, for as long as seemed best without them. In: an examined table and settings. Out:
values for ``report`` and ``bundle``.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nncli import version
from nncli.baseline import (
    CAREFUL_RANGES,
    FittedTrees,
    TreeData,
    fit_careful_trees,
    fit_default_trees,
    refit_careful_trees,
)
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
from nncli.training.budget import Plan, make_plan, plan_for_all_rows, rows_an_epoch
from nncli.training.checkpoints import Checkpoints, checkpoint_key
from nncli.training.clock import Clock
from nncli.training.device import choose_device, choose_threads, use_threads
from nncli.training.loop import Conditions, Epoch, LabelledInputs, TrainedNetwork, continue_network, train_network
from nncli.training.search import Params, Space, Trial, search
from nncli.training.variants import choose, variants, vary_plan

_FITTING_SHARE = 0.95
"""Of a time limit; the rest is for the report."""
_DEFAULT_TREES_SHARE, _CAREFUL_TREES_SHARE, _JUDGED_SHARE = 0.15, 0.35, 0.66
"""Of what is left then: the most for either baseline, and for the network until the verdict."""
_REFIT_FACTOR = 1.5
"""Seconds that the careful trees need to learn from all rows, as a multiple of what they needed the first time."""
NO_LIMIT = Clock(None)


class Observer(Protocol):
    """Is told how a run comes along."""

    def training(self, plan: Plan, device: str, threads: int, n_known: int) -> None:
        """The network begins with the recipe's plan; so many trials were made by a run that was cut off."""

    def epoch(self, epoch: Epoch, plan: Plan) -> None:
        """The network has done one more epoch."""

    def tried(self, trial: Trial[TrainedNetwork], n_trials: int) -> None:
        """A network was trained, one of so many at the most."""

    def trees(self, name: str, n_trials: int) -> None:
        """The trees of that name begin, with so many settings at the most."""

    def again(self, plan: Plan, n_rows: int, number: int, n_networks: int) -> None:
        """After the verdict, a network learns on from all rows: the first, second... of those that are kept."""

    def fold(self, number: int, n_folds: int) -> None:
        """A fold of cross-validation begins, numbered from 1."""


@dataclass(frozen=True)
class Fitted:
    """Both sides as they are judged. No test row was seen."""

    model: Model
    trials: tuple[Trial[TrainedNetwork], ...]
    """Every network that was tried."""
    chosen: tuple[Trial[TrainedNetwork], ...]
    """Those that predict together, the best on validation rows first."""
    tree_trials: tuple[Trial[FittedTrees], ...]
    careful: Trial[FittedTrees]
    """The best of them."""
    default: FittedTrees

    @property
    def seconds(self) -> Mapping[str, float]:
        """By side, everything that was tried included."""
        return {
            "network": sum(trial.seconds for trial in self.trials),
            "trees": sum(trial.seconds for trial in self.tree_trials),
            "trees_default": self.default.seconds,
        }


@dataclass(frozen=True)
class Served:
    """Both sides after the verdict, when they have learned from all rows: what predicts."""

    model: Model
    networks: tuple[TrainedNetwork, ...]
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
    checkpoints: Checkpoints | None
    """To be removed when the model is safe."""

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
        checkpoint_folder: where a search keeps its trials; ``None``: nowhere.

    Raises:
        DataError: there are too few rows to split.
        DeviceError: the device that was asked for is not there.
    """
    split = make_split(table.target.labels, table.groups, settings.split, settings.seed)
    _refuse_empty_parts(split)
    clock = _clock(settings, started)
    checkpoints = Checkpoints(checkpoint_folder, _key(table, settings)) if checkpoint_folder else None
    fitted = fit_sides(table, split, settings, observer, clock, checkpoints)
    heldout = _score_test_rows(table, split, fitted)
    judgement = judge_held_out(heldout.labels, heldout.probabilities, settings.evaluation)
    served = _learn_from_all_rows(table, split, fitted, settings, observer, clock)
    findings = (*table.findings, *examine_rows(table.groups, split), *_cut_short([fitted, served]))
    return Experiment(table, split, fitted, heldout, judgement, served, findings, checkpoints)


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
    start = started or time.monotonic()
    for number, split in enumerate(folds, start=1):
        _refuse_empty_parts(split)
        observer.fold(number, len(folds))
        fitted = fit_sides(table, split, settings, observer, _clock(settings, start, number / len(folds)))
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
    table: ExaminedTable,
    split: Split,
    settings: RunSettings,
    observer: Observer,
    clock: Clock = NO_LIMIT,
    checkpoints: Checkpoints | None = None,
) -> Fitted:
    """Encodes, trains, calibrates: with training and validation rows alone.

    Args:
        table: examined.
        split: which rows are for what; its test rows are not looked at.
        settings: of the run.
        observer: is told how it comes along.
        clock: shares out the time that both sides have.
        checkpoints: where a search for the network keeps its trials.
    """
    y, y_val = table.target.labels[split.train], table.target.labels[split.validation]
    encoder = fit_encoder(table.frame.iloc[split.train], table.schema)
    train, validation = (encoder.encode(table.frame.iloc[rows]) for rows in (split.train, split.validation))
    scaler = fit_scaler(train)
    # The trees come first: they are quick, and what they leave of a time limit is the network's.
    data = TreeData(tree_inputs(train), y, tree_inputs(validation), y_val, train.x_cat.shape[1])
    default, tree_trials = _fit_trees(data, settings, observer, clock)
    careful = min(tree_trials, key=lambda trial: trial.loss)
    inputs = LabelledInputs(scaler.scale(train), y), LabelledInputs(scaler.scale(validation), y_val)
    network, training, effort = settings.network, settings.training, EFFORTS[settings.effort]
    n_rows, n_classes = table.target.labels.size, len(table.schema.classes)
    plan = make_plan(inputs[0].inputs, encoder.cat_cardinalities, n_classes, network, training, effort, n_rows)
    deadline = clock.deadline(_JUDGED_SHARE, _REFIT_FACTOR * careful.outcome.seconds)
    trials = _fit_networks(*inputs, plan, n_rows, settings, observer, deadline, checkpoints)
    chosen = choose(trials, inputs[1])
    description = Description(
        schema=table.schema,
        encoder=encoder,
        scaler=scaler,
        networks=tuple(trial.outcome.plan.architecture for trial in chosen),
        trees=careful.outcome.trees.shape,
        network_calibration=UNCALIBRATED,
        trees_calibration=UNCALIBRATED,
        class_shares=_shares(y, n_classes),
        provenance=_provenance(table, split, settings),
    )
    arrays = [trial.outcome.arrays for trial in chosen]
    model = _calibrated(Model(description, arrays, careful.outcome.trees), validation, y_val)
    return Fitted(model, tuple(trials), tuple(chosen), tuple(tree_trials), careful, default)


def _provenance(table: ExaminedTable, split: Split, settings: RunSettings) -> Provenance:
    return Provenance(
        nncli_version=version(),
        data_sha256=table.data_sha256,
        seed=settings.seed,
        n_rows=table.target.has_label.size,
        n_columns=table.n_columns,
        n_train=split.train.size,
        n_validation=split.validation.size,
        n_test=split.test.size,
        findings=(*table.findings, *examine_rows(table.groups, split)),
    )


def _fit_trees(
    data: TreeData, settings: RunSettings, observer: Observer, clock: Clock
) -> tuple[FittedTrees, list[Trial[FittedTrees]]]:
    """The trees at their defaults, and the careful ones with every setting that the effort allows."""
    threads, seed, effort = choose_threads(settings.threads), settings.seed, EFFORTS[settings.effort]
    observer.trees("default", 1)
    default = fit_default_trees(data, seed=seed, threads=threads, deadline=clock.deadline(_DEFAULT_TREES_SHARE))
    observer.trees("careful", effort.n_trials)
    deadline, n_iterations = clock.deadline(_CAREFUL_TREES_SHARE), effort.tree_iterations

    def fit(_: int, params: Params) -> tuple[FittedTrees, float]:
        chosen = replace(settings.trees, **params)  # type: ignore[arg-type]
        fitted = fit_careful_trees(data, chosen, n_iterations, seed=seed, threads=threads, deadline=deadline)
        return fitted, fitted.loss

    recipe = {name: getattr(settings.trees, name) for name in CAREFUL_RANGES}
    space = Space(CAREFUL_RANGES, [recipe])
    return default, search(space, fit, effort.n_trials, seed=seed, deadline=deadline)


def _fit_networks(
    train: LabelledInputs,
    validation: LabelledInputs,
    recipe: Plan,
    n_rows_in_all: int,
    settings: RunSettings,
    observer: Observer,
    deadline: float | None,
    checkpoints: Checkpoints | None,
) -> list[Trial[TrainedNetwork]]:
    """The recipe's network, and around it as many others as the effort allows."""
    effort, threads = EFFORTS[settings.effort], choose_threads(settings.threads)
    n_counted = rows_an_epoch(train.labels.size, n_rows_in_all)
    known = checkpoints.load() if checkpoints else []

    def fit(number: int, params: Params) -> tuple[TrainedNetwork, float]:
        plan = vary_plan(recipe, params, n_counted, effort, settings.training) if params else recipe
        conditions = _conditions(plan, settings, observer, deadline)
        # Networks that start from other weights err in other places: their mean is better.
        network = train_network(train, validation, plan, replace(conditions, seed=settings.seed + number - 1))
        return network, network.best_loss

    def tried(trial: Trial[TrainedNetwork]) -> None:
        if checkpoints:
            checkpoints.save(trial)
        observer.tried(trial, effort.n_trials)

    several = effort.n_trials > 1
    space = variants(recipe, settings.network, settings.training) if several else Space({}, [{}])
    observer.training(recipe, choose_device(settings.device).type, threads, len(known))
    with use_threads(threads):
        return search(space, fit, effort.n_trials, seed=settings.seed, deadline=deadline, known=known, tried=tried)


def _conditions(plan: Plan, settings: RunSettings, observer: Observer, deadline: float | None) -> Conditions:
    device = choose_device(settings.device)
    return Conditions(settings.training, settings.seed, device, deadline, lambda epoch: observer.epoch(epoch, plan))


def _learn_from_all_rows(
    table: ExaminedTable, split: Split, fitted: Fitted, settings: RunSettings, observer: Observer, clock: Clock
) -> Served:
    """The networks learn on, the trees once more from scratch, with nothing held back."""
    y, threads = table.target.labels, choose_threads(settings.threads)
    judged = fitted.model.description
    features = judged.encoder.encode(table.frame)
    inputs = judged.scaler.scale(features)
    # What it has not seen yet comes twice: the network is to know these rows as well as the others.
    rows = np.concatenate([split.train, *2 * [split.validation, split.test]])
    start, reserve = time.monotonic(), _REFIT_FACTOR * fitted.careful.outcome.seconds
    labelled = LabelledInputs(inputs.take(rows), y[rows])
    networks: list[TrainedNetwork] = []
    for trial in fitted.chosen:
        plan = plan_for_all_rows(trial.outcome.plan, trial.outcome.best_epoch)
        observer.again(plan, y.size, len(networks) + 1, len(fitted.chosen))
        deadline = clock.deadline(1 / (len(fitted.chosen) - len(networks)), reserve)
        with use_threads(threads):
            conditions = _conditions(plan, settings, observer, deadline)
            networks.append(continue_network(trial.outcome, labelled, plan, conditions))
    network_seconds = time.monotonic() - start
    x = tree_inputs(features)
    data = TreeData(x, y, x[:0], y[:0], features.x_cat.shape[1])
    chosen, iterations = replace(settings.trees, **fitted.careful.params), fitted.careful.outcome.iterations  # type: ignore[arg-type]
    deadline = clock.deadline(1)
    trees = refit_careful_trees(data, chosen, iterations, seed=settings.seed, threads=threads, deadline=deadline)
    description = replace(judged, trees=trees.trees.shape, class_shares=_shares(y, len(table.schema.classes)))
    model = Model(description, [network.arrays for network in networks], trees.trees)
    return Served(model, tuple(networks), trees, {"network": network_seconds, "trees": trees.seconds})


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
    stops: dict[str, list[str]] = {"the network": [], "the careful trees": [], "the default trees": []}
    for fit in fits:
        if isinstance(fit, Fitted):
            stops["the network"].append(fit.chosen[0].outcome.stop)
            stops["the careful trees"].append(fit.careful.outcome.stop)
            stops["the default trees"].append(fit.default.stop)
        else:
            stops["the network"] += [network.stop for network in fit.networks]
            stops["the careful trees"].append(fit.careful.stop)
    cut = [side for side, reasons in stops.items() if "time limit" in reasons]
    if not cut:
        return []
    return [Finding("time-limit", "warn", (), f"the time limit ended {' and '.join(cut)} before they were done")]


def _clock(settings: RunSettings, started: float | None, share: float = 1.0) -> Clock:
    if settings.time_limit is None:
        return NO_LIMIT
    return Clock((started or time.monotonic()) + _FITTING_SHARE * share * settings.time_limit)


def _key(table: ExaminedTable, settings: RunSettings) -> str:
    """Of everything that decides what a trial gives: a longer time limit goes on with the same trials."""
    return checkpoint_key(version(), table.data_sha256, repr(replace(settings, time_limit=None, threads=None)))


def _refuse_empty_parts(split: Split) -> None:
    if min(split.train.size, split.validation.size, split.test.size) == 0:
        n_rows = split.train.size + split.validation.size + split.test.size
        raise DataError(f"the data have {n_rows} usable rows: too few for training, validation and test; add rows")
