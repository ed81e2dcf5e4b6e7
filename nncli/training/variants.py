"""The networks that a search tries around a plan, and which of the trained ones predict together."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np

from nncli.bundle.forward import NumpyNetwork
from nncli.errors import UsageError
from nncli.evaluation.metrics import log_losses, mean_and_error
from nncli.settings import EffortSettings, NetworkSettings, Range, TrainingSettings
from nncli.training.budget import Plan, affordable_bins, affordable_epochs
from nncli.training.loop import LabelledInputs, TrainedNetwork
from nncli.training.optimisers import decays_weights
from nncli.training.search import Params, Space, Trial

MOST_CHOSEN = 8
_CLEARLY = 2.0
"""Standard errors by which a network must be worse to be left out."""
_FEWEST_BINS, _MOST_BINS = 4, 256
_WIDEST_EMBEDDINGS = 400
"""Over all columns. Beyond this a variant gets no wider vectors than the recipe: memory is finite."""
_RATE_FACTORS = 1 / 4, 5 / 2
_PORTFOLIO: tuple[dict[str, float], ...] = (
    {},
    {"text_scale": 1.0},
    {"n_value_nets": inf},
    {"n_value_nets": 0},
    {"d_block": 128, "n_members": 4},
    {"d_block": 32, "n_members": 16, "dropout": 0.1},
    {"n_bins": 16, "dropout": 0.1},
    {"d_block": 96, "n_blocks": 2, "dropout": 0.0},
    {"n_bins": 256, "d_embedding": 16},
)
"""What differs from the recipe in each of the first trials: forms that suit some tables better."""


def variants(recipe: Plan, network: NetworkSettings, training: TrainingSettings) -> Space:
    """What is searched around the recipe: everything that the user left open."""
    varying = {**_of_training(recipe, network, training), **_of_form(recipe, network)}
    ranges = {name: values for name, (values, _) in varying.items()}
    usual = {name: value for name, (_, value) in varying.items()}
    first = [usual | {k: min(v, ranges[k].high) for k, v in changes.items() if k in ranges} for changes in _PORTFOLIO]
    return Space(ranges, [params for i, params in enumerate(first) if params not in first[:i]])


_Varying = dict[str, tuple[Range, float]]
"""By name: the values that may be tried, and the recipe's."""


def _of_training(recipe: Plan, network: NetworkSettings, training: TrainingSettings) -> _Varying:
    found: _Varying = {}
    if decays_weights(recipe.optimizer):
        found["weight_decay"] = Range(1e-4, 0.1, log=True), recipe.weight_decay
    if training.learning_rate is None:
        low, high = (factor * recipe.learning_rate for factor in _RATE_FACTORS)
        found["learning_rate"] = Range(low, high, log=True), recipe.learning_rate
    if training.batch_size is None:
        found["batch_doublings"] = Range(-1, 1, step=1), 0
    if network.dropout is None:
        found["dropout"] = Range(0.0, 0.3), recipe.dropout
    return found


def _of_form(recipe: Plan, network: NetworkSettings) -> _Varying:
    a = recipe.architecture
    found: _Varying = {}
    if network.layers is None and len(set(a.layers)) == 1:
        found["n_blocks"] = Range(1, 4, step=1), len(a.layers)
        found["d_block"] = Range(32, 128, step=16), a.layers[0]
    if a.is_ensemble:
        found["n_members"] = Range(4, 16, step=4), a.n_members
    if a.n_bins:
        most = max(a.n_bins, min(_MOST_BINS, affordable_bins(a.n_num, 2 * recipe.batch_size)))
        found["n_bins"] = Range(min(_FEWEST_BINS, a.n_bins), most, log=True, step=1), a.n_bins
    if a.n_bins and a.d_embedding * a.n_num <= _WIDEST_EMBEDDINGS:
        found["d_embedding"] = Range(4, 16, step=4), a.d_embedding
    if a.most_value_nets:
        found["n_value_nets"] = Range(0, a.most_value_nets, step=1), a.n_value_nets
    if a.n_text:
        found["text_scale"] = Range(0.03, 1.0, log=True), a.text_scale
    return found


def vary_plan(recipe: Plan, params: Params, n_rows: int, effort: EffortSettings, training: TrainingSettings) -> Plan:
    """The recipe with the parameters of a trial.

    Args:
        recipe: what is varied.
        params: of the space that :func:`variants` gives.
        n_rows: of an epoch, as ``rows_an_epoch`` counts them.
        effort: how much work it may be.
        training: what the user says about the training.
    """
    a = recipe.architecture
    layers = (int(params["d_block"]),) * int(params["n_blocks"]) if "d_block" in params else a.layers
    architecture = replace(
        a,
        layers=layers,
        n_members=int(params.get("n_members", a.n_members)),
        n_bins=int(params.get("n_bins", a.n_bins)),
        d_embedding=int(params.get("d_embedding", a.d_embedding)),
        n_value_nets=int(params.get("n_value_nets", a.n_value_nets)),
        text_scale=params.get("text_scale", a.text_scale),
    )
    batch_size = max(1, round(recipe.batch_size * 2.0 ** params.get("batch_doublings", 0)))
    return replace(
        recipe,
        architecture=architecture,
        learning_rate=params.get("learning_rate", recipe.learning_rate),
        weight_decay=params.get("weight_decay", recipe.weight_decay),
        dropout=params.get("dropout", recipe.dropout),
        batch_size=batch_size,
        max_epochs=training.epochs or affordable_epochs(architecture, n_rows, batch_size, effort),
    )


def choose(trials: Sequence[Trial[TrainedNetwork]], validation: LabelledInputs) -> list[Trial[TrainedNetwork]]:
    """The networks whose mean predicts: the best, and those that are not clearly worse, eight at the most.

    Not clearly worse: by less than two standard errors of the difference, row by row, on the validation rows; weighted
    ones where those have weights. Chosen
    weights would fit these few rows, which early stopping has used already; a plain mean cannot, and measured better.

    Raises:
        UsageError: no trial ever had a finite loss.
    """
    ranked = sorted((trial for trial in trials if np.isfinite(trial.loss)), key=lambda trial: trial.loss)
    if not ranked:
        raise UsageError("--learning-rate: the loss is not finite from the first epoch on; choose a lower rate")
    if len(ranked) == 1:
        return ranked
    y = validation.labels
    losses = [log_losses(y, _network(trial).predict_proba(validation.inputs)) for trial in ranked]
    gaps = [mean_and_error(of_trial - losses[0], validation.weights) for of_trial in losses]
    near = [trial for trial, (gap, error) in zip(ranked, gaps, strict=True) if gap <= _CLEARLY * error]
    return near[:MOST_CHOSEN]


def _network(trial: Trial[TrainedNetwork]) -> NumpyNetwork:
    return NumpyNetwork(trial.outcome.plan.architecture, trial.outcome.arrays)
