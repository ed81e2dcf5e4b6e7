"""Both sides after the verdict: what predicts has learned from all rows."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nncli.baseline.trees import FittedTrees, TreeData, refit_careful_trees
from nncli.bundle.model import Model
from nncli.bundle.trees import tree_inputs
from nncli.errors import memory_stage
from nncli.features.encoder import Features
from nncli.fitting.context import Context
from nncli.fitting.sides import Fitted, reserved_for_trees, tree_settings
from nncli.fitting.student import reserved_for_student, teach_on
from nncli.guard.examine import ExaminedTable
from nncli.table.split import Split
from nncli.table.weights import class_shares, weights_of
from nncli.training.budget import plan_for_all_rows
from nncli.training.loop import LabelledInputs, TrainedNetwork, continue_network

_RESERVED_SHARE = 0.5
"""Of the time that is left: the most that is laid aside for the trees."""


@dataclass(frozen=True)
class Served:
    """Both sides after the verdict, when they have learned from all rows: what predicts."""

    model: Model
    networks: tuple[TrainedNetwork, ...]
    trees: FittedTrees
    seconds: Mapping[str, float]
    """By side, for what came after the verdict."""

    @property
    def stops(self) -> Mapping[str, Sequence[str]]:
        """By side, why its models stopped learning."""
        return {"network": [network.stop for network in self.networks], "trees": [self.trees.stop]}


@memory_stage("learning from all rows", "lower --batch-size, use fewer rows, or --effort quick")
def learn_from_all_rows(table: ExaminedTable, split: Split, fitted: Fitted, context: Context) -> Served:
    """The networks learn on, the trees once more from scratch, with nothing held back."""
    y = table.target.labels
    judged, n_networks = fitted.model.description, len(fitted.chosen)
    features = judged.encoder.encode(table.rows)
    inputs = judged.scaler.scale(features)
    # What it has not seen yet comes twice: the network is to know these rows as well as the others.
    rows = np.concatenate([split.train, *2 * [split.validation, split.test]])
    labelled = LabelledInputs(inputs.take(rows), y[rows], weights_of(fitted.weights, rows))
    start, reserve = time.monotonic(), reserved_for_trees(fitted.careful, context, _RESERVED_SHARE)
    for_student = reserved_for_student(fitted.student, context)
    networks: list[TrainedNetwork] = []
    for number, trial in enumerate(fitted.chosen, start=1):
        plan = plan_for_all_rows(trial.outcome.plan, trial.outcome.best_epoch)
        context.observer.again(plan, y.size, number, n_networks)
        deadline = context.clock.deadline(1 / (n_networks - number + 1), reserve + for_student)
        conditions = context.conditions(deadline, trial.number, plan)
        networks.append(continue_network(trial.outcome, labelled, plan, conditions))
    seconds = {"network": max(time.monotonic() - start, sum(network.seconds for network in networks))}
    model = replace(fitted.model, weights=[network.arrays for network in networks])
    if fitted.student:
        student = teach_on(fitted.student, model, features, context, reserve)
        model, seconds["fast"] = student.put_into(model), student.seconds
    trees = _refit_trees(features, y, fitted, context)
    shares = class_shares(y, len(table.schema.classes), fitted.weights)
    description = replace(model.description, trees=trees.trees.shape, class_shares=shares)
    model = replace(model, description=description, trees=trees.trees)
    return Served(model, tuple(networks), trees, {**seconds, "trees": trees.seconds})


def _refit_trees(features: Features, y: NDArray[np.int64], fitted: Fitted, context: Context) -> FittedTrees:
    x, careful = tree_inputs(features), fitted.careful
    return refit_careful_trees(
        TreeData(x, y, x[:0], y[:0], features.x_cat.shape[1], fitted.weights),
        tree_settings(context.settings, careful.params),
        careful.outcome.iterations,
        seed=context.settings.seed,
        deadline=context.clock.end,
    )
