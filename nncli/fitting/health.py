"""How learning went: how much better each side knows its own rows, and whether the network had converged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nncli.bundle.model import Model
from nncli.evaluation.comparison import Interval
from nncli.evaluation.learning import gap_interval, is_still_falling
from nncli.evaluation.metrics import log_losses, mean_and_error
from nncli.fitting.encoded import EncodedRows, EncodedSplit
from nncli.settings import BOTH_SIDES, RunSettings, Side
from nncli.training.health import dead_units
from nncli.training.loop import TrainedNetwork
from nncli.training.search import Trial

_FEWEST_ROWS, _MOST_ROWS = 200, 2000


@dataclass(frozen=True)
class Health:
    """How learning went, of the networks that predict together: of the best of them."""

    gaps: Mapping[str, Interval]
    """By side, how much lower its log loss is on training rows than on validation rows."""
    dead_units: tuple[float, ...]
    """Share of each hidden layer's units that say the same of every training row; none where these are few."""
    converged: bool
    """Whether the validation loss had stopped falling when training ended."""


def examine_health(
    model: Model, chosen: Sequence[Trial[TrainedNetwork]], rows: EncodedSplit, settings: RunSettings
) -> Health:
    """Looks at 2,000 training and validation rows at the most.

    Args:
        model: calibrated.
        chosen: its networks, the best first.
        rows: that it learned from, and that said when to stop.
        settings: seed and confidence.
    """
    known, new = (_some(some, settings.seed) for some in (rows.train, rows.validation))
    best, confidence = chosen[0].outcome, settings.evaluation.confidence
    gaps: dict[str, Interval] = {}
    for side in BOTH_SIDES:
        of_known, of_new = (_mean_loss(model, some, side) for some in (known, new))
        gaps[side] = gap_interval(of_known, of_new, confidence)
    falling = is_still_falling([epoch.validation_loss for epoch in best.history])
    enough = known.labels.size >= _FEWEST_ROWS
    return Health(
        gaps=gaps,
        dead_units=dead_units(best, model.description.scaler.scale(known.features)) if enough else (),
        converged=best.stop in ("patience", "goal") or (best.stop == "epochs" and not falling),
    )


def _mean_loss(model: Model, rows: EncodedRows, side: Side) -> tuple[float, float]:
    return mean_and_error(log_losses(rows.labels, model.predict_proba(rows.features, side)), rows.weights)


def _some(rows: EncodedRows, seed: int) -> EncodedRows:
    return rows.take(np.random.default_rng(seed).permutation(rows.labels.size)[:_MOST_ROWS])
