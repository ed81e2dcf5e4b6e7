"""Both sides, fitted: with training and validation rows before the verdict, with all rows after it.

In: an examined table, a split and what a run is given. Out: values for ``experiment`` and ``bundle``. No test row is
looked at before the verdict; only :func:`learn_from_all_rows` takes them, as rows to learn from.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

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
from nncli.bundle.model import Description, Model, Provenance
from nncli.bundle.trees import tree_inputs
from nncli.errors import DataError
from nncli.evaluation.calibration import UNCALIBRATED, Calibration, fit_calibration
from nncli.evaluation.metrics import log_losses
from nncli.features.encoder import Features, fit_encoder
from nncli.features.reference import typical_row
from nncli.features.scaling import fit_scaler
from nncli.guard.examine import ExaminedTable
from nncli.settings import EFFORTS, EffortSettings, RunSettings, Side, TreesSettings, choose_threads
from nncli.table.split import Split
from nncli.training.budget import Plan, make_plan, plan_for_all_rows, rows_an_epoch
from nncli.training.checkpoints import Checkpoints, checkpoint_key
from nncli.training.clock import Clock
from nncli.training.device import choose_device
from nncli.training.loop import Conditions, Epoch, LabelledInputs, TrainedNetwork, continue_network, train_network
from nncli.training.search import Params, Space, Trial, search
from nncli.training.variants import choose, variants, vary_plan

_DEFAULT_TREES_SHARE, _CAREFUL_TREES_SHARE, _JUDGED_SHARE = 0.1, 0.3, 0.66
"""Of the time that is left then: the most for either baseline, and for the network until the verdict."""
_REFIT_SHARES, _REFIT_FACTOR = (0.25, 0.5), 2.0
"""Laid aside for the trees to learn from all rows: the most of what is left before and after the verdict, and the
seconds for each that their best trial took."""
NO_LIMIT = Clock(None)


class Observer(Protocol):
    """Is told how a run comes along."""

    def training(self, plan: Plan, device: str, threads: int, known: list[Trial[TrainedNetwork]]) -> None:
        """The network begins with the recipe's plan; a run that was cut off may have left networks."""

    def epoch(self, epoch: Epoch, plan: Plan) -> None:
        """The network has done one more epoch."""

    def tried(self, trial: Trial[TrainedNetwork], n_trials: int) -> None:
        """A network was trained, one of so many at the most."""

    def trees(self, name: str, n_trials: int) -> None:
        """The trees of that name begin, with so many settings at the most."""

    def brought(self, side: Side, losses: Mapping[str, float]) -> None:
        """What each part of a side brought: the log loss on the validation rows with it, and with all before it."""

    def again(self, plan: Plan, n_rows: int, number: int, n_networks: int) -> None:
        """After the verdict, a network learns on from all rows: the first, second... of those that are kept."""

    def fold(self, number: int, n_folds: int) -> None:
        """A fold of cross-validation begins, numbered from 1."""


@dataclass(frozen=True)
class Context:
    """What every part of a run is given."""

    settings: RunSettings
    observer: Observer
    clock: Clock = NO_LIMIT
    """Shares out the time that both sides have."""
    learns_on: bool = True
    """Whether both sides learn from all rows afterwards: then time is laid aside for it."""
    checkpoint_folder: Path | None = None
    """Where a search keeps its networks."""

    @property
    def effort(self) -> EffortSettings:
        """What the run may cost."""
        return EFFORTS[self.settings.effort]

    @property
    def threads(self) -> int:
        """CPU threads."""
        return choose_threads(self.settings.threads)

    def conditions(self, plan: Plan, deadline: float | None, number: int = 1) -> Conditions:
        """For the training of a network; of several, each starts from weights of its own."""
        device, seed = choose_device(self.settings.device), self.settings.seed + number - 1
        return Conditions(
            self.settings.training, seed, device, deadline, lambda epoch: self.observer.epoch(epoch, plan)
        )


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
    checkpoints: Checkpoints | None
    """What the search left on disk: to be removed when the model is safe."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """By side, everything that was tried included."""
        return {
            "network": sum(trial.seconds for trial in self.trials),
            "trees": sum(trial.seconds for trial in self.tree_trials),
            "trees_default": self.default.seconds,
        }

    @property
    def n_tried(self) -> Mapping[str, int]:
        """Settings that were tried, by side, and how many of the network's predict."""
        return {"network": len(self.trials), "kept": len(self.chosen), "trees": len(self.tree_trials)}


@dataclass(frozen=True)
class Served:
    """Both sides after the verdict, when they have learned from all rows: what predicts."""

    model: Model
    networks: tuple[TrainedNetwork, ...]
    trees: FittedTrees
    seconds: Mapping[str, float]
    """By side, for what came after the verdict."""


def fit_sides(table: ExaminedTable, split: Split, context: Context) -> Fitted:
    """Encodes, trains, calibrates: with training and validation rows alone.

    Args:
        table: examined.
        split: which rows are for what; its test rows are not looked at.
        context: what the run is given.

    Raises:
        DataError: there is nothing to learn from.
        DeviceError: the device that was asked for is not there.
        UsageError: no network ever had a finite loss.
    """
    y_all = table.target.labels
    y, y_val = y_all[split.train], y_all[split.validation]
    encoder = fit_encoder(table.rows.take(split.train), table.schema)
    train, validation = (encoder.encode(table.rows.take(rows)) for rows in (split.train, split.validation))
    scaler = fit_scaler(train)
    n_rows, n_classes, checkpoints = y_all.size, len(table.schema.classes), _checkpoints(table, context)
    inputs = LabelledInputs(scaler.scale(train), y), LabelledInputs(scaler.scale(validation), y_val)
    form, training = context.settings.network, context.settings.training
    recipe = make_plan(
        inputs[0].inputs,
        encoder.cat_cardinalities,
        n_classes,
        form,
        training,
        context.effort,
        n_rows,
        encoder.n_text,
        scaler.value_cardinalities,
    )
    if recipe.architecture.d_in == 0:
        raise DataError("nothing to learn from: in no column does a value come up twice among the training rows")
    # The trees come first: they are quick, and what they leave of a time limit is the network's.
    data = TreeData(tree_inputs(train), y, tree_inputs(validation), y_val, train.x_cat.shape[1])
    default, tree_trials = _fit_trees(data, context)
    careful = min(tree_trials, key=lambda trial: trial.loss)
    trials = _fit_networks(*inputs, recipe, n_rows, context, _network_deadline(careful, context), checkpoints)
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
        reference=typical_row(table.rows.take(split.train), encoder),
        threshold=0.5,
        provenance=_provenance(table, split, context.settings),
    )
    model = Model(description, [trial.outcome.arrays for trial in chosen], careful.outcome.trees)
    model = _calibrated(model, validation, y_val, {"network": trials, "trees": tree_trials}, context.observer)
    return Fitted(model, tuple(trials), tuple(chosen), tuple(tree_trials), careful, default, checkpoints)


def _fit_trees(data: TreeData, context: Context) -> tuple[FittedTrees, list[Trial[FittedTrees]]]:
    """The trees at their defaults, and the careful ones with every setting that the effort allows."""
    seed, effort, clock = context.settings.seed, context.effort, context.clock
    context.observer.trees("default", 1)
    default = fit_default_trees(data, seed=seed, deadline=clock.deadline(_DEFAULT_TREES_SHARE))
    context.observer.trees("careful", effort.n_trials)
    deadline = clock.deadline(_CAREFUL_TREES_SHARE)

    def fit(_: int, params: Params) -> FittedTrees:
        settings = tree_settings(context.settings, params)
        return fit_careful_trees(data, settings, effort.tree_iterations, seed=seed, deadline=deadline)

    recipe = {name: getattr(context.settings.trees, name) for name in CAREFUL_RANGES}
    space = Space(CAREFUL_RANGES, [recipe])
    return default, search(space, fit, effort.n_trials, seed=seed, deadline=deadline)


def tree_settings(settings: RunSettings, params: Params) -> TreesSettings:
    """The careful trees' settings with the parameters of a trial."""
    return replace(settings.trees, **params)  # type: ignore[arg-type]


def _fit_networks(
    train: LabelledInputs,
    validation: LabelledInputs,
    recipe: Plan,
    n_rows_in_all: int,
    context: Context,
    deadline: float | None,
    checkpoints: Checkpoints | None,
) -> list[Trial[TrainedNetwork]]:
    """The recipe's network, and around it as many others as the effort allows."""
    settings, effort = context.settings, context.effort
    n_counted = rows_an_epoch(train.labels.size, n_rows_in_all)
    known = checkpoints.load() if checkpoints else []

    def fit(number: int, params: Params) -> TrainedNetwork:
        plan = vary_plan(recipe, params, n_counted, effort, settings.training) if params else recipe
        return train_network(train, validation, plan, context.conditions(plan, deadline, number))

    def tried(trial: Trial[TrainedNetwork]) -> None:
        if checkpoints:
            checkpoints.save(trial)
        context.observer.tried(trial, effort.n_trials)

    space = variants(recipe, settings.network, settings.training) if effort.searches else Space({}, [{}])
    context.observer.training(recipe, choose_device(settings.device).type, context.threads, known)
    return search(space, fit, effort.n_trials, seed=settings.seed, deadline=deadline, known=known, tried=tried)


def _checkpoints(table: ExaminedTable, context: Context) -> Checkpoints | None:
    """Under a key of everything that decides what a trial gives; a longer time limit goes on with the same trials."""
    if context.checkpoint_folder is None:
        return None
    settings = replace(context.settings, time_limit=None, threads=context.threads)
    key = checkpoint_key(table.data_sha256, repr(settings), str(choose_device(settings.device)))
    return Checkpoints(context.checkpoint_folder, key)


def _network_deadline(careful: Trial[FittedTrees], context: Context) -> float | None:
    """When the networks must be done that are judged."""
    if not context.learns_on:
        return context.clock.end
    return context.clock.deadline(_JUDGED_SHARE, _reserve(careful, context, _REFIT_SHARES[0]))


def _reserve(careful: Trial[FittedTrees], context: Context, most: float) -> float:
    """Seconds to lay aside for the careful trees: they will learn from all rows as far as their best iteration."""
    if context.clock.end is None:
        return 0.0
    fitted = careful.outcome
    expected = _REFIT_FACTOR * fitted.seconds * fitted.iterations / fitted.tried
    return min(expected, most * max(0.0, context.clock.end - time.monotonic()))


def learn_from_all_rows(table: ExaminedTable, split: Split, fitted: Fitted, context: Context) -> Served:
    """The networks learn on, the trees once more from scratch, with nothing held back."""
    y = table.target.labels
    judged, n_networks = fitted.model.description, len(fitted.chosen)
    features = judged.encoder.encode(table.rows)
    inputs = judged.scaler.scale(features)
    # What it has not seen yet comes twice: the network is to know these rows as well as the others.
    rows = np.concatenate([split.train, *2 * [split.validation, split.test]])
    labelled = LabelledInputs(inputs.take(rows), y[rows])
    start, reserve = time.monotonic(), _reserve(fitted.careful, context, _REFIT_SHARES[1])
    networks: list[TrainedNetwork] = []
    for number, trial in enumerate(fitted.chosen, start=1):
        plan = plan_for_all_rows(trial.outcome.plan, trial.outcome.best_epoch)
        context.observer.again(plan, y.size, number, n_networks)
        deadline = context.clock.deadline(1 / (n_networks - number + 1), reserve)
        conditions = context.conditions(plan, deadline, trial.number)
        networks.append(continue_network(trial.outcome, labelled, plan, conditions))
    network_seconds = time.monotonic() - start
    trees = _refit_trees(features, y, fitted.careful, context)
    description = replace(judged, trees=trees.trees.shape, class_shares=_shares(y, len(table.schema.classes)))
    model = Model(description, [network.arrays for network in networks], trees.trees)
    return Served(model, tuple(networks), trees, {"network": network_seconds, "trees": trees.seconds})


def _refit_trees(
    features: Features, y: NDArray[np.int64], careful: Trial[FittedTrees], context: Context
) -> FittedTrees:
    x = tree_inputs(features)
    return refit_careful_trees(
        TreeData(x, y, x[:0], y[:0], features.x_cat.shape[1]),
        tree_settings(context.settings, careful.params),
        careful.outcome.iterations,
        seed=context.settings.seed,
        deadline=context.clock.end,
    )


def _calibrated(
    model: Model,
    validation: Features,
    y_val: NDArray[np.int64],
    trials: Mapping[Side, Sequence[Trial[Any]]],
    observer: Observer,
) -> Model:
    """The same calibration for both sides, fitted on the same validation rows."""
    found: dict[Side, Calibration] = {}
    for side, tried in trials.items():
        losses = {f"best of {len(tried)}" if len(tried) > 1 else "as trained": min(trial.loss for trial in tried)}
        proba = model.predict_proba(validation, side)
        if side == "network" and len(model.weights) > 1:
            losses[f"mean of {len(model.weights)}"] = float(log_losses(y_val, proba).mean())
        found[side] = calibration = fit_calibration(y_val, proba)
        if calibration != UNCALIBRATED:
            after = log_losses(y_val, calibration.apply(proba))
            losses[f"temperature {calibration.temperature:.2f}"] = float(after.mean())
        observer.brought(side, losses)
    return model.with_calibrations(found["network"], found["trees"])


def _shares(labels: NDArray[np.int64], n_classes: int) -> tuple[float, ...]:
    return tuple((np.bincount(labels, minlength=n_classes) / labels.size).tolist())


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
        findings=table.findings,
    )
