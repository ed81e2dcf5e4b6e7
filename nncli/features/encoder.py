"""Rows of text cells become arrays, by rules that were learned from training rows only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.features.columns import (
    DATE_PARTS,
    CategoryLevels,
    Encoded,
    encode_boolean,
    encode_date,
    encode_levels,
    encode_numeric,
    fit_levels,
)
from nncli.features.text import TextProjection, TextShape, encode_text, fit_text
from nncli.table.schema import Schema


@dataclass(frozen=True)
class Place:
    """Where a column of the table stands in :class:`Features`."""

    array: Literal["x_num", "x_cat", "x_text"]
    columns: slice


@dataclass(frozen=True)
class Features:
    """What both sides learn from.

    Shape:
        x_num: ``(n_rows, n_num)``, float64, NaN where missing.
        x_cat: ``(n_rows, n_cat)``, int32 codes from 0, code 0 for levels without one.
        x_text: ``(n_rows, n_text)``, float32.
    """

    x_num: NDArray[np.float64]
    x_cat: NDArray[np.int32]
    x_text: NDArray[np.float32]
    unknown: Mapping[str, int]
    """Cells of each column that are not missing and still count as missing: no number, or a level without a code."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.x_num)

    def take(self, rows: NDArray[np.int64] | slice) -> "Features":
        """Some rows, by position."""
        return replace(self, x_num=self.x_num[rows], x_cat=self.x_cat[rows], x_text=self.x_text[rows])

    def with_column(self, place: Place, row: "Features") -> "Features":
        """The same rows but for one column: in all of them it is as in the only row of ``row``."""
        values = getattr(self, place.array).copy()
        values[:, place.columns] = getattr(row, place.array)[:, place.columns]
        return replace(self, **{place.array: values})


@dataclass(frozen=True)
class FeatureEncoder:
    """The learned rules: which columns, which kind, and the levels of the categorical ones."""

    numeric: tuple[str, ...]
    dates: tuple[str, ...]
    booleans: tuple[str, ...]
    categories: tuple[CategoryLevels, ...]
    texts: tuple[TextShape, ...]
    projections: tuple[TextProjection, ...] = field(default=(), compare=False, metadata={"stored": "arrays"})
    """Of the texts; they are too large for JSON."""

    @property
    def columns(self) -> list[str]:
        """Names of the columns that rows must have."""
        categories = [column.name for column in self.categories]
        return [*self.numeric, *self.dates, *self.booleans, *categories, *(text.name for text in self.texts)]

    @property
    def n_num(self) -> int:
        """Columns of ``x_num``."""
        return len(self.numeric) + len(self.dates) * len(DATE_PARTS)

    @property
    def cat_cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each column of ``x_cat``."""
        return (*(3 for _ in self.booleans), *(column.cardinality for column in self.categories))

    @property
    def n_text(self) -> int:
        """Columns of ``x_text``."""
        return sum(text.width for text in self.texts)

    @property
    def places(self) -> list[Place]:
        """Where each of :attr:`columns` stands."""
        widths: dict[Literal["x_num", "x_cat", "x_text"], list[int]] = {
            "x_num": [*(1 for _ in self.numeric), *(len(DATE_PARTS) for _ in self.dates)],
            "x_cat": [1 for _ in self.cat_cardinalities],
            "x_text": [text.width for text in self.texts],
        }
        return [
            Place(array, slice(end - width, end))
            for array, some in widths.items()
            for width, end in zip(some, accumulate(some), strict=True)
        ]

    def is_sound(self, schema: Schema) -> bool:
        """Whether it reads the columns of a schema, each by its kind."""
        groups = {
            "numeric": self.numeric,
            "date": self.dates,
            "boolean": self.booleans,
            "categorical": tuple(column.name for column in self.categories),
            "text": tuple(text.name for text in self.texts),
        }
        fits = all(names == schema.of_kind(kind) for kind, names in groups.items())
        return fits and all(column.is_sound() for column in self.categories)

    def encode(self, rows: pa.RecordBatch) -> Features:
        """Encodes rows, each for itself: no row's arrays depend on another row.

        Args:
            rows: text cells; columns in any order, others are ignored.
        """
        n_rows, unknown = rows.num_rows, dict[str, int]()

        def counted(name: str, encoded: Encoded) -> NDArray[Any]:
            values, unknown[name] = encoded
            return values

        x_num = [counted(name, encode_numeric(rows[name])) for name in self.numeric]
        x_num += [counted(name, encode_date(rows[name])) for name in self.dates]
        x_cat = [counted(name, encode_boolean(rows[name])) for name in self.booleans]
        x_cat += [counted(column.name, encode_levels(column, rows[column.name])) for column in self.categories]
        return Features(
            _stacked(x_num, n_rows, np.float64),
            _stacked([codes[:, None] for codes in x_cat], n_rows, np.int32),
            _stacked(self._text_blocks(rows), n_rows, np.float32),
            unknown,
        )

    def _text_blocks(self, rows: pa.RecordBatch) -> list[NDArray[np.float32]]:
        pairs = zip(self.texts, self.projections, strict=True)
        return [encode_text(rows[text.name], projection) for text, projection in pairs]


def fit_encoder(rows: pa.RecordBatch, schema: Schema) -> FeatureEncoder:
    """Learns the rules from training rows.

    Args:
        rows: training rows only, text cells.
        schema: the kind of each column.
    """
    projections = {name: fit_text(rows[name]) for name in schema.of_kind("text")}
    return FeatureEncoder(
        numeric=schema.of_kind("numeric"),
        dates=schema.of_kind("date"),
        booleans=schema.of_kind("boolean"),
        categories=tuple(fit_levels(name, rows[name]) for name in schema.of_kind("categorical")),
        texts=tuple(TextShape(name, *projection.components.shape) for name, projection in projections.items()),
        projections=tuple(projections.values()),
    )


def _stacked(blocks: list[NDArray[Any]], n_rows: int, dtype: type[np.generic]) -> NDArray[Any]:
    if not blocks:
        return np.zeros((n_rows, 0), dtype=dtype)
    return np.hstack(blocks).astype(dtype, copy=False)
