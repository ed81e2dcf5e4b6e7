"""Whether what networks rest on holds: enough rows, and a training that does not hang on its seed.

Looked at on folds that cross-validation has scored already, with the same test rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import stdev

import numpy as np

from nncli.bundle.model import Answers
from nncli.errors import DataError, UsageError
from nncli.evaluation.learning import gain_of_doubling
from nncli.evaluation.metrics import Floats, log_losses, mean_and_error
from nncli.evaluation.sampling import Sample
from nncli.experiment.scoring import answering_sides, score_test_rows
from nncli.fitting.context import Context
from nncli.fitting.sides import Fitted, fit_sides
from nncli.guard.examine import ExaminedTable, with_known_classes
from nncli.report.assumptions import Growth, Optimisation, SeedSpread, SizePoint
from nncli.settings import BOTH_SIDES
from nncli.table.split import Split, thinned
from nncli.training.device import use_threads

_HALVINGS = 3
_FEWEST_ROWS = 40
"""To learn from, at the smallest size."""
_FEWEST_SIZES = 3
_ROWS_TO_LEARN_FROM = 3000
"""Of small tables, so many folds that these come together, three at the most: one fold alone would be noise."""
_MOST_FOLDS = 3
N_SEEDS = 3


def n_growth_folds(n_train: int) -> int:
    """How many folds a learning curve is made of."""
    return min(_MOST_FOLDS, max(1, _ROWS_TO_LEARN_FROM // n_train))


def find_growth(table: ExaminedTable, scored: Sequence[tuple[Split, Answers]], context: Context) -> Growth | None:
    """The log loss of both sides after learning from 1/8, 1/4 and 1/2 of the rows, beside that from all.

    Args:
        table: examined.
        scored: folds, with the answers of models that learned from all of their rows.
        context: what the run is given.

    Returns:
        ``None`` where there are too few rows for three sizes, or the smallest have nothing to learn from.
    """
    halvings = [h for h in range(_HALVINGS, -1, -1) if scored[0][0].train.size / 2**h >= _FEWEST_ROWS]
    if len(halvings) < _FEWEST_SIZES:
        return None
    try:
        answers = [[_after_halving(table, of_fold, h, context) for of_fold in scored] for h in halvings]
    except (DataError, UsageError):
        return None
    n_rows = [sum(split.train.size + split.validation.size for split, _ in of_size) for of_size in answers]
    losses = {
        side: np.column_stack([np.concatenate([_losses(a, side) for _, a in of_size]) for of_size in answers])
        for side in BOTH_SIDES
    }
    sample, confidence = _together([answers.sample for _, answers in scored]), context.settings.evaluation.confidence
    means = {side: np.average(of_side, axis=0, weights=sample.weights) for side, of_side in losses.items()}
    return Growth(
        points=[
            SizePoint(n // len(scored), {side: float(of_side[i]) for side, of_side in means.items()})
            for i, n in enumerate(n_rows)
        ],
        n_folds=len(scored),
        gains={side: gain_of_doubling(of_side, confidence, sample) for side, of_side in losses.items()},
    )


def find_seed_spread(
    table: ExaminedTable, scored: tuple[Split, Answers], gap: float, context: Context
) -> SeedSpread | None:
    """Networks of other seeds on the rows of a fold.

    Args:
        table: examined.
        scored: a fold, with the answers of the first network.
        gap: how much the network's log loss is better than its opponent's.
        context: what the run is given.

    Returns:
        ``None`` where one of them learned nothing.
    """
    split, first = scored
    losses = [_mean_loss(first)]
    for number in range(1, N_SEEDS):
        seed = (context.settings.seed + 7919 * number) % 2**32
        other = replace(context, settings=replace(context.settings, seed=seed))
        try:
            losses.append(_mean_loss(_answers(table, split, other)))
        except UsageError:
            return None
    return SeedSpread(losses, stdev(losses), gap)


def look_at_training(fitted: Fitted) -> Optimisation:
    """How the training of the network went, of the best one that predicts."""
    best = fitted.chosen[0].outcome
    return Optimisation(
        gaps=fitted.health.gaps,
        dead_units=fitted.health.dead_units,
        gradient_norms=[epoch.gradient_norm for epoch in best.history],
        converged=fitted.health.converged,
        epochs=len(best.history),
        best_epoch=best.best_epoch,
    )


def _after_halving(
    table: ExaminedTable, scored: tuple[Split, Answers], halvings: int, context: Context
) -> tuple[Split, Answers]:
    if not halvings:
        return scored
    some = thinned(scored[0], table.arrangement, 0.5**halvings, context.settings.seed)
    return some, _answers(table, some, context)


def _answers(table: ExaminedTable, split: Split, context: Context) -> Answers:
    table, split = with_known_classes(table, split)
    with use_threads(context.settings.threads):
        fitted = fit_sides(table, split, context)
        return score_test_rows(table, split, fitted, answering_sides(fitted))


def _together(samples: Sequence[Sample]) -> Sample:
    weights = [each.weights for each in samples if each.weights is not None]
    groups = [each.groups for each in samples if each.groups is not None]
    n_rows = sum(each.n_rows for each in samples)
    return Sample(n_rows, np.concatenate(weights) if weights else None, np.concatenate(groups) if groups else None)


def _mean_loss(answers: Answers) -> float:
    return mean_and_error(_losses(answers, "network"), answers.weights)[0]


def _losses(answers: Answers, side: str) -> Floats:
    return log_losses(answers.labels, answers.probabilities[side])
