"""Both sides as they are judged: fitted with training and validation rows alone."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncli import version
from nncli.baseline.trees import CAREFUL_RANGES, FittedTrees, TreeData, fit_careful_trees, fit_default_trees
from nncli.bundle.model import Answers, Description, Model, Provenance
from nncli.errors import DataError, memory_stage
from nncli.evaluation.calibration import UNCALIBRATED, Calibration, fit_calibration
from nncli.evaluation.metrics import log_losses, mean_and_error
from nncli.features.reference import typical_row
from nncli.fitting.context import Context, Observer
from nncli.fitting.encoded import EncodedRows, EncodedSplit, encode_split
from nncli.fitting.health import Health, examine_health
from nncli.fitting.space import bytes_to_write
from nncli.fitting.student import Student, teach
from nncli.guard.examine import ExaminedTable
from nncli.settings import RunSettings, Side, TreesSettings
from nncli.table.arrangement import Groups
from nncli.table.split import Split
from nncli.table.weights import Weights, class_shares
from nncli.training.budget import Plan, make_plan, rows_an_epoch
from nncli.training.device import choose_device
from nncli.training.loop import LabelledInputs, TrainedNetwork, train_network
from nncli.training.search import Params, Space, Trial, search
from nncli.training.variants import choose, variants, vary_plan

_DEFAULT_TREES_SHARE, _CAREFUL_TREES_SHARE, _JUDGED_SHARE = 0.1, 0.3, 0.66
"""Of the time that is left then: the most for either baseline, and for the network until the verdict."""
_RESERVED_SHARE, _REFIT_FACTOR = 0.25, 2.0
"""Laid aside for the trees to learn from all rows: the most of what is left, and the seconds for each that their best
trial took."""


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
    student: Student | None
    """The small network that the chosen ones taught."""
    validation: Answers
    """Of the model, to the validation rows."""
    health: Health
    weights: Weights | None
    """How much each row of the table counts; ``None``: all the same."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """By side, everything that was tried included."""
        return {
            "network": sum(trial.seconds for trial in self.trials),
            "trees": sum(trial.seconds for trial in self.tree_trials),
            "trees_default": self.default.seconds,
            **({"fast": self.student.seconds} if self.student else {}),
        }

    @property
    def stops(self) -> Mapping[str, Sequence[str]]:
        """By side, why its models stopped learning."""
        return {
            "network": [trial.outcome.stop for trial in self.chosen],
            "trees": [self.careful.outcome.stop],
            "trees_default": [self.default.stop],
        }

    @property
    def n_tried(self) -> Mapping[str, int]:
        """Settings that were tried, by side, and how many of the network's predict."""
        return {"network": len(self.trials), "kept": len(self.chosen), "trees": len(self.tree_trials)}


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
    rows = encode_split(table, split, context.settings.weights)
    inputs = rows.train.inputs(rows.scaler), rows.validation.inputs(rows.scaler)
    n_rows, recipe = table.target.labels.size, _recipe(rows, inputs[0], table, context)
    if context.checkpointer:
        context.checkpointer.checkpoints.require_space(bytes_to_write(recipe, n_rows, context.effort))
    # The trees come first: they are quick, and what they leave of a time limit is the network's.
    default, tree_trials = _fit_trees(rows.tree_data, context)
    careful = min(tree_trials, key=lambda trial: trial.loss)
    trials = _fit_networks(*inputs, recipe, n_rows, context, _network_deadline(careful, context))
    chosen = tuple(choose(trials, inputs[1]))
    description = _describe(table, split, context.settings, rows, chosen, careful)
    model = Model(description, [trial.outcome.arrays for trial in chosen], careful.outcome.trees)
    model = _calibrated(model, rows.validation, {"network": trials, "trees": tree_trials}, context.observer)
    student = teach(model, chosen, rows, context)
    model = student.put_into(model) if student else model
    return Fitted(
        model=model,
        trials=tuple(trials),
        chosen=chosen,
        tree_trials=tuple(tree_trials),
        careful=careful,
        default=default,
        student=student,
        validation=_answers(model, rows.validation, table.arrangement.groups_of(split.validation)),
        health=examine_health(model, chosen, rows, context.settings),
        weights=rows.weights,
    )


def _recipe(rows: EncodedSplit, inputs: LabelledInputs, table: ExaminedTable, context: Context) -> Plan:
    recipe = make_plan(
        inputs.inputs,
        rows.encoder.cat_cardinalities,
        len(table.schema.classes),
        context.settings.network,
        context.settings.training,
        context.effort,
        table.target.labels.size,
        rows.encoder.n_text,
        rows.scaler.value_cardinalities,
    )
    if recipe.architecture.d_in == 0:
        raise DataError("nothing to learn from: in no column does a value come up twice among the training rows")
    return recipe


def _answers(model: Model, rows: EncodedRows, groups: Groups | None) -> Answers:
    sides: list[Side] = ["network", "trees", *(["fast"] if model.student else [])]  # type: ignore[list-item]
    proba: dict[str, NDArray[np.float64]] = {side: model.predict_proba(rows.features, side) for side in sides}
    return Answers(rows.labels, proba, rows.weights, groups)


def _describe(
    table: ExaminedTable,
    split: Split,
    settings: RunSettings,
    rows: EncodedSplit,
    chosen: Sequence[Trial[TrainedNetwork]],
    careful: Trial[FittedTrees],
) -> Description:
    """Of a model that is not calibrated yet and has no student."""
    return Description(
        schema=table.schema,
        encoder=rows.encoder,
        scaler=rows.scaler,
        networks=tuple(trial.outcome.plan.architecture for trial in chosen),
        student=None,
        trees=careful.outcome.trees.shape,
        network_calibration=UNCALIBRATED,
        trees_calibration=UNCALIBRATED,
        class_shares=class_shares(rows.train.labels, len(table.schema.classes), rows.train.weights),
        reference=typical_row(table.rows.take(split.train), rows.encoder),
        default_side="blend" if settings.blend else "network",
        decision=None,
        provenance=_provenance(table, split, settings),
    )


@memory_stage("fitting the trees", "use fewer rows or columns, or --effort quick")
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


@memory_stage("training the network", "lower --batch-size or --layers, use fewer rows, or --effort quick")
def _fit_networks(
    train: LabelledInputs,
    validation: LabelledInputs,
    recipe: Plan,
    n_rows_in_all: int,
    context: Context,
    deadline: float | None,
) -> list[Trial[TrainedNetwork]]:
    """The recipe's network, and around it as many others as the effort allows."""
    settings, effort = context.settings, context.effort
    n_counted = rows_an_epoch(train.labels.size, n_rows_in_all)
    checkpointer = context.checkpointer if effort.searches else None
    known = checkpointer.checkpoints.load() if checkpointer else []

    def fit(number: int, params: Params) -> TrainedNetwork:
        plan = vary_plan(recipe, params, n_counted, effort, settings.training) if params else recipe
        return train_network(train, validation, plan, context.conditions(deadline, number, plan))

    def tried(trial: Trial[TrainedNetwork]) -> None:
        if checkpointer:
            checkpointer.keep_trial(trial)
        context.observer.tried(trial, effort.n_trials)

    space = variants(recipe, settings.network, settings.training) if effort.searches else Space({}, [{}])
    context.observer.training(recipe, choose_device(settings.device).type, context.settings.threads, known)
    return search(space, fit, effort.n_trials, seed=settings.seed, deadline=deadline, known=known, tried=tried)


def _network_deadline(careful: Trial[FittedTrees], context: Context) -> float | None:
    """When the networks must be done that are judged."""
    if not context.learns_on:
        return context.clock.end
    return context.clock.deadline(_JUDGED_SHARE, reserved_for_trees(careful, context, _RESERVED_SHARE))


def reserved_for_trees(careful: Trial[FittedTrees], context: Context, most: float) -> float:
    """Seconds to lay aside for the careful trees: they will learn from all rows as far as their best iteration.

    Args:
        careful: their best trial.
        context: of the run.
        most: of the time that is left, a share.
    """
    if context.clock.end is None:
        return 0.0
    fitted = careful.outcome
    expected = _REFIT_FACTOR * fitted.seconds * fitted.iterations / fitted.tried
    return min(expected, most * max(0.0, context.clock.end - time.monotonic()))


def _calibrated(
    model: Model, validation: EncodedRows, trials: Mapping[Side, Sequence[Trial[Any]]], observer: Observer
) -> Model:
    """The same calibration for both sides, fitted on the same validation rows."""
    y, weights = validation.labels, validation.weights
    found: dict[Side, Calibration] = {}
    for side, tried in trials.items():
        losses = {f"best of {len(tried)}" if len(tried) > 1 else "as trained": min(trial.loss for trial in tried)}
        proba = model.predict_proba(validation.features, side)
        if side == "network" and len(model.weights) > 1:
            losses[f"mean of {len(model.weights)}"] = mean_and_error(log_losses(y, proba), weights)[0]
        found[side] = calibration = fit_calibration(y, proba, weights)
        if calibration != UNCALIBRATED:
            after = log_losses(y, calibration.apply(proba))
            losses[f"temperature {calibration.temperature:.2f}"] = mean_and_error(after, weights)[0]
        observer.brought(side, losses)
    return model.with_calibrations(found["network"], found["trees"])


def _provenance(table: ExaminedTable, split: Split, settings: RunSettings) -> Provenance:
    return Provenance(
        nncli_version=version(),
        data_sha256=table.data_sha256,
        seed=settings.seed,
        n_rows=table.n_rows,
        n_columns=table.n_columns,
        n_train=split.train.size,
        n_validation=split.validation.size,
        n_test=split.test.size,
        findings=table.findings,
        weights=settings.weights,
        group=settings.group,
    )
