"""The rows that both sides learn from, and those that say when to stop, as they are encoded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.baseline.trees import TreeData
from nncli.bundle.trees import tree_inputs
from nncli.errors import memory_stage
from nncli.features.encoder import FeatureEncoder, Features, fit_encoder
from nncli.features.scaling import Scaler, fit_scaler
from nncli.guard.examine import ExaminedTable
from nncli.settings import WeightSettings
from nncli.table.split import Split
from nncli.table.weights import Weights, row_weights, weights_of
from nncli.training.loop import LabelledInputs


@dataclass(frozen=True)
class EncodedRows:
    """Rows with their labels and how much each counts; ``None``: all the same."""

    features: Features
    labels: NDArray[np.int64]
    weights: Weights | None

    def take(self, rows: NDArray[np.int64]) -> "EncodedRows":
        """Some of them."""
        return EncodedRows(self.features.take(rows), self.labels[rows], weights_of(self.weights, rows))

    def inputs(self, scaler: Scaler) -> LabelledInputs:
        """What the network sees of them."""
        return LabelledInputs(scaler.scale(self.features), self.labels, self.weights)


@dataclass(frozen=True)
class EncodedSplit:
    """Training and validation rows; what encodes them has seen the training rows alone."""

    encoder: FeatureEncoder
    scaler: Scaler
    train: EncodedRows
    validation: EncodedRows
    weights: Weights | None
    """How much each row of the table counts; ``None``: all the same."""

    @property
    def tree_data(self) -> TreeData:
        """What the trees see."""
        train, validation = self.train, self.validation
        return TreeData(
            tree_inputs(train.features),
            train.labels,
            tree_inputs(validation.features),
            validation.labels,
            train.features.x_cat.shape[1],
            train.weights,
            validation.weights,
        )


@memory_stage("encoding the columns", "use fewer rows or columns")
def encode_split(table: ExaminedTable, split: Split, settings: WeightSettings) -> EncodedSplit:
    """Fits the encoding to the training rows, and encodes these and the validation rows.

    Args:
        table: examined.
        split: its test rows are not looked at.
        settings: by what rows are weighted.
    """
    weights = row_weights(settings, table.target, table.weights, split.train)
    encoder = fit_encoder(table.rows.take(split.train), table.schema)

    def encoded(rows: NDArray[np.int64]) -> EncodedRows:
        return EncodedRows(encoder.encode(table.rows.take(rows)), table.target.labels[rows], weights_of(weights, rows))

    train = encoded(split.train)
    return EncodedSplit(encoder, fit_scaler(train.features), train, encoded(split.validation), weights)
