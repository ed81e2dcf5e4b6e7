"""Which columns a model needs: how much worse it does when the cells of one are shuffled among the rows.

Sources: Breiman 2001, "Random Forests", section 10; Fisher, Rudin and Dominici 2019, "All Models are Wrong, but Many
are Useful: Learning a Variable's Importance by Studying an Entire Class of Prediction Models Simultaneously". It says
what this model uses: of two columns that say the same, each may seem little needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.evaluation.comparison import Interval
from nncli.evaluation.intervals import difference_bounds, t_quantile
from nncli.evaluation.metrics import Floats, Labels, log_losses
from nncli.evaluation.sampling import Sample, mean_and_error_of
from nncli.explain.swaps import Swap, swapped_proba
from nncli.explain.work import swap_seconds
from nncli.features.encoder import Features
from nncli.settings import BOTH_SIDES, Side

_FEWEST_ROWS, _MOST_ROWS, _MOST_SHUFFLES = 100, 20_000, 5


@dataclass(frozen=True)
class ColumnImportance:
    """How much the mean log loss of each side grows without what a column says."""

    column: str
    sides: Mapping[Side, Interval]


@dataclass(frozen=True)
class Importances:
    """Of all columns, the one that the first side needs most first."""

    n_rows: int
    columns: tuple[ColumnImportance, ...]


def permutation_importance(
    model: Model,
    features: Features,
    labels: Labels,
    sides: Sequence[Side] = BOTH_SIDES,
    *,
    seed: int = 0,
    sample: Sample | None = None,
    seconds: float = 1.5,
    confidence: float = 0.95,
) -> Importances:
    """Shuffles each column in turn, for all sides alike, and takes the mean over the rows of what each row loses.

    The intervals are t intervals over rows, or over groups of rows. Rows are drawn where they are too many; they are
    shuffled up to five times where they are few.

    Args:
        model: that has not learned from these rows.
        features: of the rows.
        labels: their class numbers, shape ``(n_rows,)``.
        sides: of the model.
        seed: of the shuffles, and of the rows that are drawn.
        sample: how the rows were sampled; ``None``: each for itself, all the same.
        seconds: that it may take, about; counted from sizes, for the clock decides nothing.
        confidence: of the intervals.
    """
    random, columns = np.random.default_rng(seed), model.description.encoder.columns
    sample = sample or Sample(labels.size)
    costs = [sum(swap_seconds(model, side, len(columns), n + 1) for side in sides) for n in range(_MOST_SHUFFLES)]
    most = int(np.clip(seconds / costs[0], _FEWEST_ROWS, _MOST_ROWS))
    rows = drawn_rows(labels.size, most, random)
    n_shuffles = max(1, sum(cost * rows.size <= seconds for cost in costs))
    features, labels, sample = features.take(rows), labels[rows], sample.take(rows)
    swaps = [Swap(c, random.permutation(rows.size)) for c in range(len(columns)) for _ in range(n_shuffles)]
    quantile = t_quantile(confidence, sample.size)
    found = [
        {side: _interval(grown, sample, quantile) for side, grown in zip(sides, of_column, strict=True)}
        for of_column in zip(*(_growths(model, side, features, labels, swaps) for side in sides), strict=True)
    ]
    importances = [ColumnImportance(*pair) for pair in zip(columns, found, strict=True)]
    importances.sort(key=lambda each: -each.sides[sides[0]].value)
    return Importances(rows.size, tuple(importances))


def drawn_rows(n_rows: int, most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """All rows, or so many of them, in order."""
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(random.choice(n_rows, most, replace=False))


def _growths(model: Model, side: Side, features: Features, labels: Labels, swaps: Sequence[Swap]) -> list[Floats]:
    """For each column, by how much each row's loss grows, the mean over its shuffles. Shape of each: ``(n_rows,)``."""
    as_they_are = Swap(0, np.arange(labels.size))
    answers = swapped_proba(model, side, features, features, [as_they_are, *swaps])
    before, n_columns = log_losses(labels, next(answers)), swaps[-1].column + 1
    sums, counts = np.zeros((n_columns, labels.size)), np.zeros(n_columns)
    for swap, proba in zip(swaps, answers, strict=True):
        sums[swap.column] += log_losses(labels, proba)
        counts[swap.column] += 1
    return list(sums / counts[:, None] - before)


def _interval(grown: Floats, sample: Sample, quantile: float) -> Interval:
    value, error = mean_and_error_of(grown, sample)
    error = error * float(np.sqrt(sample.size / (sample.size - 1))) if sample.size > 1 else np.inf
    return Interval(value, *difference_bounds(value, quantile * error))
