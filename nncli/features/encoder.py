"""A frame of text cells becomes arrays, by rules that were learned from training rows only."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nncli.features.columns import (
    DATE_PARTS,
    CategoryLevels,
    encode_boolean,
    encode_date,
    encode_levels,
    encode_numeric,
    fit_levels,
)
from nncli.features.text import TEXT_WIDTH, hash_text
from nncli.table.schema import Schema


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
    unseen: Mapping[str, int]
    """Cells of each categorical column whose level has no code."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.x_num)

    def take(self, rows: NDArray[np.int64]) -> "Features":
        """The features of some rows."""
        return Features(self.x_num[rows], self.x_cat[rows], self.x_text[rows], self.unseen)


@dataclass(frozen=True)
class FeatureEncoder:
    """The learned rules: which columns, which kind, and the levels of the categorical ones."""

    numeric: tuple[str, ...]
    dates: tuple[str, ...]
    booleans: tuple[str, ...]
    categories: tuple[CategoryLevels, ...]
    texts: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Names of the columns that a frame must have."""
        categories = [column.name for column in self.categories]
        return [*self.numeric, *self.dates, *self.booleans, *categories, *self.texts]

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
        return len(self.texts) * TEXT_WIDTH

    def encode(self, frame: pd.DataFrame) -> Features:
        """Encodes rows, each for itself: no row's arrays depend on another row.

        Args:
            frame: text cells; columns in any order, others are ignored.
        """
        n_rows = len(frame)
        x_num = [encode_numeric(frame[name])[:, None] for name in self.numeric]
        x_num += [encode_date(frame[name]) for name in self.dates]
        x_cat = [encode_boolean(frame[name]) for name in self.booleans]
        unseen = {}
        for column in self.categories:
            codes, unseen[column.name] = encode_levels(column, frame[column.name])
            x_cat.append(codes)
        return Features(
            _stacked(x_num, n_rows, np.float64),
            _stacked([codes[:, None] for codes in x_cat], n_rows, np.int32),
            _stacked([hash_text(frame[name]) for name in self.texts], n_rows, np.float32),
            unseen,
        )


def fit_encoder(frame: pd.DataFrame, schema: Schema) -> FeatureEncoder:
    """Learns the rules from training rows.

    Args:
        frame: training rows only, text cells.
        schema: the kind of each column.
    """

    def of_kind(kind: str) -> tuple[str, ...]:
        return tuple(column.name for column in schema.columns if column.kind == kind)

    return FeatureEncoder(
        numeric=of_kind("numeric"),
        dates=of_kind("date"),
        booleans=of_kind("boolean"),
        categories=tuple(fit_levels(name, frame[name]) for name in of_kind("categorical")),
        texts=of_kind("text"),
    )


def _stacked(blocks: list[NDArray], n_rows: int, dtype: type[np.generic]) -> NDArray:  # type: ignore[type-arg]
    if not blocks:
        return np.zeros((n_rows, 0), dtype=dtype)
    return np.hstack(blocks).astype(dtype, copy=False)
