"""The columns of the page that can be moved: what they may hold, and where along them one looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.errors import show
from nncli.features.columns import LARGEST_NUMBER, CategoryLevels, encode_boolean
from nncli.features.encoder import Features, Place
from nncli.features.scaling import NumericScale
from nncli.report.touch_network import Input
from nncli.report.touch_numbers import packed
from nncli.table.arrow import text_array

MOST_COLUMNS = 12
_GRID_POINTS, _MOST_LEVELS = 33, 24
"""Values along a number, and levels of a category, that the what-if line goes through."""
_SKEWED = 4.0
"""The outer tenth is so much longer than the next four: such a column is spread by rank."""
_LONGEST_NAME = 60
_MIXTURES, _MOVED_SHARE = 256, 0.7
"""Rows that are made up to try a network, and of each column the share of them in which it is moved."""


@dataclass(frozen=True)
class Movable:
    """A column that can be moved."""

    name: str
    kind: Literal["numeric", "boolean", "categorical"]
    input: Input
    place: Place
    scale: NumericScale | None = None
    """Of a number."""
    labels: tuple[str, ...] = ()
    """Of each code."""

    @property
    def grid(self) -> list[float]:
        """Numbers, or codes."""
        if self.scale is None:
            return list(range(min(len(self.labels), _MOST_LEVELS)))
        share = np.linspace(0, 1, _GRID_POINTS)
        values, scores = np.array(self.scale.values), np.array(self.scale.scores)
        if self.by_rank:
            found = np.interp(scores[0] + share * (scores[-1] - scores[0]), scores, values)
        else:
            found = values[0] + share * (values[-1] - values[0])
        if self.is_whole:
            found = np.rint(found)
        return sorted({_number(value) for value in found})

    @property
    def is_whole(self) -> bool:
        """Whether all its values are whole numbers."""
        return self.scale is not None and all(value == int(value) for value in self.scale.values)

    @property
    def by_rank(self) -> bool:
        """Whether values are so skewed that a ruler would show a few of them only."""
        assert self.scale is not None
        low, tenth, middle, last_tenth, high = np.interp(
            [-9, -1.28, 0, 1.28, 9], self.scale.scores, self.scale.values
        ).tolist()
        return high - last_tenth > _SKEWED * (last_tenth - middle) or tenth - low > _SKEWED * (middle - tenth)

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        found = {"name": show(self.name, _LONGEST_NAME), "kind": self.kind, "grid": self.grid}
        if self.scale is None:
            return found | {"labels": [show(label, _LONGEST_NAME) for label in self.labels]}
        values = np.array(self.scale.values)
        return found | {
            "first": values[0],
            "values": packed(values - values[0], 32),  # from the first on: single precision is of their range
            "scores": packed(np.array(self.scale.scores), 16),
            "coded": [_number(value) for value in self.scale.coded],
            "missing": self.scale.has_missing,
            "whole": self.is_whole,
            "byRank": self.by_rank,
        }


def _number(value: float) -> float:
    """Short in JSON: whole numbers have no point, others seven digits."""
    return int(value) if value == int(value) else value


def movable_columns(model: Model, document: Mapping[str, Any]) -> list[Movable]:
    """The most important columns that can be moved, the most important first; the schema's order where that is unknown.

    Args:
        model: that predicts.
        document: of the report.
    """
    schema = model.description.schema.names
    importances = (document.get("importances") or {}).get("columns") or []
    order = list(dict.fromkeys([*(found["column"] for found in importances), *schema]))
    known = {column.name: column for column in _all_movable(model, document.get("examples"))}
    return [known[name] for name in order if name in known][:MOST_COLUMNS]


def _all_movable(model: Model, examples: Mapping[str, Any] | None) -> list[Movable]:
    """In the encoder's order.

    What holds one value only says nothing; of a range that single precision does not hold nothing can be drawn.
    """
    encoder, scaler = model.description.encoder, model.description.scaler
    places = dict(zip(encoder.columns, encoder.places, strict=True))
    found = []
    for j, name in enumerate(encoder.numeric):
        scale = scaler.numeric[j]
        has_range = scale.values[-1] - scale.values[0] <= LARGEST_NUMBER
        if has_range and (scale.scores[0] < scale.scores[-1] or scale.has_missing):
            indicator = sum(other.has_missing for other in scaler.numeric[:j]) if scale.has_missing else None
            found.append(Movable(name, "numeric", Input(number=j, indicator=indicator), places[name], scale))
    for c, name in enumerate(encoder.booleans):
        labels = "missing", *(_spelling(examples, name, code) for code in (1, 2))
        found.append(Movable(name, "boolean", Input(category=c), places[name], labels=labels))
    for c, column in enumerate(encoder.categories, start=len(encoder.booleans)):
        if column.levels:
            labels = _labels(column)
            found.append(Movable(column.name, "categorical", Input(category=c), places[column.name], labels=labels))
    return found


def _labels(column: CategoryLevels) -> tuple[str, ...]:
    rest = "any other" if "" in column.levels else "any other, or missing"
    return (f"({rest})", *(level or "(missing)" for level in column.levels))


def _spelling(examples: Mapping[str, Any] | None, name: str, code: int) -> str:
    """How the rows write a truth; in plain words where none does."""
    cells = column_cells(examples, name) if examples else []
    spellings = (cell for cell in cells if int(encode_boolean(text_array([cell]))[0][0]) == code)
    return next(spellings, ("false", "true")[code - 1])


def column_cells(examples: Mapping[str, Any], name: str) -> list[str]:
    """A column's cells in the example rows; empty ones where the rows lack it."""
    names = list(examples["columns"])
    if name not in names:
        return [""] * len(examples["rows"])
    return [row["cells"][names.index(name)] for row in examples["rows"]]


def values_of(columns: Sequence[Movable], features: Features) -> list[list[float | None]]:
    """What each row holds in each column: a number, a code, or nothing."""
    found = [getattr(features, column.place.array)[:, column.place.columns.start] for column in columns]
    return [[_value(cells[row]) for cells in found] for row in range(len(features))]


def _value(cell: Any) -> float | None:
    return None if np.isnan(cell) else _number(float(cell))


def moved(features: Features, row: int, column: Movable) -> Features:
    """One row as often as the column's grid is long, moved along it."""
    grid = column.grid
    rows: Features = features.take(np.full(len(grid), row))
    values: NDArray[Any] = getattr(rows, column.place.array)
    values[:, column.place.columns.start] = grid
    return rows


def mixtures(features: Features, columns: Sequence[Movable]) -> Features:
    """The rows, and many more like them whose columns are moved, each by chance."""
    random = np.random.default_rng(0)
    rows = features.take(np.concatenate([np.arange(len(features)), random.integers(len(features), size=_MIXTURES)]))
    for column in columns:
        chosen = len(features) + np.flatnonzero(random.random(_MIXTURES) < _MOVED_SHARE)
        values: NDArray[Any] = getattr(rows, column.place.array)
        values[chosen, column.place.columns.start] = random.choice(column.grid, size=chosen.size)
    return rows
