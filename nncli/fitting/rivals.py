"""The opponents of cross-validation besides scikit-learn's trees, fitted on the same rows and calibrated alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from nncli.baseline.libraries import fit_library
from nncli.baseline.linear import fit_linear
from nncli.baseline.rival import FittedRival, RivalData
from nncli.evaluation.calibration import Calibration, fit_calibration
from nncli.evaluation.metrics import Floats
from nncli.features.encoder import Features
from nncli.fitting.context import Context
from nncli.fitting.sides import Fitted
from nncli.guard.examine import ExaminedTable
from nncli.settings import Library
from nncli.table.split import Split
from nncli.table.weights import weights_of


@dataclass(frozen=True)
class Rival:
    """An opponent, with its calibration."""

    fitted: FittedRival
    calibration: Calibration

    def predict_proba(self, features: Features) -> Floats:
        """Calibrated probabilities. Shape: ``(n_rows, n_classes)``."""
        return self.calibration.apply(self.fitted.predict_proba(features))


def fit_rivals(
    table: ExaminedTable, split: Split, fitted: Fitted, context: Context, against: Library | None
) -> Mapping[str, Rival]:
    """Logistic regression and, where one is asked for, a library's boosted trees.

    Args:
        table: examined.
        split: its test rows are not looked at.
        fitted: both sides, whose encoding the opponents share.
        context: what the run is given.
        against: the library.

    Raises:
        UsageError: the library is not installed.
    """
    model, y = fitted.model, table.target.labels
    train, validation = (model.encode(table.rows.take(rows)) for rows in (split.train, split.validation))
    weights, weights_val = (weights_of(fitted.weights, rows) for rows in (split.train, split.validation))
    data = RivalData(train, y[split.train], validation, y[split.validation], len(model.classes), weights, weights_val)
    seed = context.settings.seed
    found = {"linear": fit_linear(data, model.description.scaler, seed=seed)}
    if against:
        found[against] = fit_library(against, data, seed=seed, threads=context.settings.threads)
    return {name: Rival(rival, _calibration(rival, data)) for name, rival in found.items()}


def _calibration(rival: FittedRival, data: RivalData) -> Calibration:
    return fit_calibration(data.y_val, rival.predict_proba(data.validation), data.weights_val)
