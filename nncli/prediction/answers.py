"""A model's answers to rows, as named Arrow columns: classes, probabilities, the most probable, the reasons."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.errors import UsageError
from nncli.evaluation.conformal import ConformalRule
from nncli.evaluation.decisions import Border, decide
from nncli.features.encoder import Features
from nncli.prediction.occlusion import strongest_columns, typical_features
from nncli.settings import PredictSettings, Side
from nncli.table.arrow import number_array, text_array

PREDICTION = "prediction"
SET_SEPARATOR = "|"
"""Between the classes of a set."""


@dataclass(frozen=True)
class Answering:
    """A model, and what is asked of it for each row.

    Raises:
        UsageError: something is asked that this model has not got.
    """

    model: Model
    settings: PredictSettings
    rules: Mapping[Side, ConformalRule] = field(default_factory=dict)
    """Of the sets that are asked for, by side."""

    def __post_init__(self) -> None:
        settings, n_classes = self.settings, len(self.model.classes)
        n_columns = len(self.model.description.encoder.columns)
        if settings.threshold is not None and n_classes != 2:
            raise UsageError(f"--threshold: is for two classes; the model has {n_classes}; leave it out")
        for option, wanted, most, what in (
            ("top", settings.top, n_classes, "classes"),
            ("explain", settings.explain, n_columns, "columns"),
        ):
            if wanted is not None and wanted > most:
                raise UsageError(f"--{option}: {wanted} is too many; the model has {most} {what}")

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        of_a_side = list(self._names_of_a_side())
        suffixes = ["", *(f"_{side}" for side in self.settings.sides[1:])]
        answers = [f"{name}{suffix}" for suffix in suffixes for name in of_a_side]
        reasons = range(1, (self.settings.explain or 0) + 1)
        return [*answers, *(name for k in reasons for name in (f"reason{k}", f"reason{k}_effect"))]

    def _names_of_a_side(self) -> Iterator[str]:
        yield PREDICTION
        if self.settings.written_proba == "max":
            yield "probability"
        elif self.settings.written_proba == "all":
            yield from (f"probability_{name}" for name in self.model.classes)
        for k in range(1, (self.settings.top or 0) + 1):
            yield from (f"top{k}", f"top{k}_probability")
        if self.settings.coverage is not None:
            yield from ("set", "set_size")

    def columns(self, features: Features) -> list[pa.Array]:
        """The columns for some rows: numbers, or names by a dictionary."""
        probas = [self.model.predict_proba(features, side) for side in self.settings.sides]
        classes = [decide(proba, self._border(side)) for side, proba in zip(self.settings.sides, probas, strict=True)]
        columns = [
            column
            for side, proba, predicted in zip(self.settings.sides, probas, classes, strict=True)
            for column in self._of_a_side(side, proba, predicted)
        ]
        return [*columns, *self._reasons(features, classes[0])]

    def _border(self, side: Side) -> Border | None:
        wanted, decision = self.settings.threshold, self.model.description.decision
        if wanted is None:
            return self.model.description.border(side)
        return Border(decision.rule.positive if decision else 1, wanted)

    def _of_a_side(self, side: Side, proba: NDArray[np.float64], predicted: NDArray[np.int64]) -> Iterator[pa.Array]:
        yield _named(predicted, self._classes)
        if self.settings.written_proba == "max":
            yield self._numbers(np.take_along_axis(proba, predicted[:, None], axis=1)[:, 0])
        elif self.settings.written_proba == "all":
            yield from map(self._numbers, proba.T)
        if self.settings.top:
            order = np.argsort(-proba, axis=1, kind="stable")[:, : self.settings.top]
            for best, values in zip(order.T, np.take_along_axis(proba, order, axis=1).T, strict=True):
                yield from (_named(best, self._classes), self._numbers(values))
        if side in self.rules:
            yield from _sets(self.rules[side].sets(proba), self.model.classes)

    def _reasons(self, features: Features, predicted: NDArray[np.int64]) -> Iterator[pa.Array]:
        if self.settings.explain:
            columns, effects = strongest_columns(
                self.model, self.settings.sides[0], features, predicted, self._reference, self.settings.explain
            )
            for column, effect in zip(columns.T, effects.T, strict=True):
                yield from (_named(column, self._columns), self._numbers(effect))

    def _numbers(self, values: NDArray[np.float64]) -> pa.Array:
        """In single precision, or rounded; never minus zero."""
        decimals = self.settings.decimals
        return number_array(values.astype(np.float32) if decimals is None else np.round(values, decimals) + 0.0)

    @cached_property
    def _classes(self) -> pa.Array:
        return text_array(self.model.classes)

    @cached_property
    def _columns(self) -> pa.Array:
        return text_array(self.model.description.encoder.columns)

    @cached_property
    def _reference(self) -> Features:
        return typical_features(self.model)


def _named(positions: NDArray[np.int64], names: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(number_array(positions.astype(np.int32)), names)


def _sets(members: NDArray[np.bool_], classes: Sequence[str]) -> Iterator[pa.Array]:
    """The classes of each row's set, as text, and how many they are."""
    distinct, places = np.unique(members, axis=0, return_inverse=True)
    names = [SET_SEPARATOR.join(name for name, is_in in zip(classes, row, strict=True) if is_in) for row in distinct]
    yield _named(places.ravel(), text_array(names))
    yield number_array(members.sum(axis=1).astype(np.int32))
