"""A column as levels: one number per row, so that a count of rows by level and class holds all that it alone tells."""

from dataclasses import dataclass
from math import isnan

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.table.arrangement import Labels
from nncli.table.arrow import distinct_numbers, numpy_array
from nncli.table.cells import is_missing, to_dates, to_numbers
from nncli.table.schema import Kind

_MOST_LEVELS = 256
_ROWS_A_BIN = 10
_N_FOLDS = 5
_FEWEST_RANKED = 10
"""Rows of a class, for an area under the curve."""
_PSEUDO_ROWS = 0.1
"""Of the classes' shares, added to each level; so few that small tables do not blur what is exact."""
_TOO_MUCH, _NEARLY_ALL, _TOO_WELL_RANKED = 0.9, 0.98, 0.98
"""Explained entropy that few honest columns reach, and that none does; area under the curve that few reach."""


@dataclass(frozen=True)
class Levels:
    """The distinct values of a column; missing cells are one of them, the last."""

    codes: NDArray[np.int64]
    """The level of each row, from 0. Shape: ``(n_rows,)``."""
    n_levels: int
    values: NDArray[np.float64] | None
    """Of numbers and dates, ascending, NaN for missing cells. Shape: ``(n_levels,)``."""
    missing: int = -1
    """The level of missing cells; -1: there are none."""

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each level."""
        return np.bincount(self.codes, minlength=self.n_levels)

    def by_class(self, labels: Labels, n_classes: int) -> NDArray[np.int64]:
        """Rows of each level and class. Shape: ``(n_levels, n_classes)``."""
        return np.bincount(self.codes * n_classes + labels, minlength=self.n_levels * n_classes).reshape(-1, n_classes)


@dataclass(frozen=True)
class Told:
    """What a rule of one column achieves on rows that it was not made from."""

    explained: float
    """The share of the classes' entropy that is gone once the rule is known; 1: nothing is left to chance."""
    accuracy: float
    share_of_commonest: float
    """The accuracy of always naming the commonest class."""
    roc_auc: float
    """Of two classes; NaN where there are more, or hardly a row of one."""

    @property
    def is_too_much(self) -> bool:
        """Whether it is more than most honest columns tell."""
        return self.explained >= _TOO_MUCH or self.roc_auc >= _TOO_WELL_RANKED

    @property
    def is_nearly_all(self) -> bool:
        """Whether hardly anything is left to tell."""
        return self.explained >= _NEARLY_ALL

    @property
    def in_figures(self) -> str:
        """For people."""
        ranked = "" if isnan(self.roc_auc) else f", ROC AUC {self.roc_auc:.4f}"
        return f"right in {self.accuracy:.1%} of rows, the commonest class in {self.share_of_commonest:.1%}{ranked}"


def levels_of(kind: Kind, cells: pa.Array) -> Levels:
    """The levels of a column.

    Args:
        kind: of the column; numbers and dates count by what they mean, not by how they are written.
        cells: stripped.
    """
    missing = is_missing(cells)
    if kind in ("numeric", "date"):
        numbers = to_numbers(cells) if kind == "numeric" else _as_numbers(to_dates(cells))
        found, codes = distinct_numbers(np.where(np.isnan(numbers), np.inf, numbers))
        order = np.argsort(found)
        values = np.where(np.isinf(found[order]), np.nan, found[order])
        ranks: NDArray[np.int64] = np.argsort(order)[codes]
        return Levels(ranks, values.size, values, values.size - 1 if np.isnan(values[-1]) else -1)
    encoded = cells.dictionary_encode()
    texts = numpy_array(encoded.indices).astype(np.int64)
    of_texts, n_levels = _renumbered(np.where(missing, len(encoded.dictionary), texts))
    return Levels(of_texts, n_levels, None, n_levels - 1 if missing.any() else -1)


def _as_numbers(dates: NDArray[np.datetime64]) -> NDArray[np.float64]:
    return np.where(np.isnat(dates), np.nan, dates.astype(np.int64))


def _renumbered(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The same codes without gaps, in the same order; and how many there are."""
    used = np.bincount(codes) > 0
    return (np.cumsum(used) - 1)[codes], int(used.sum())


def coarse(levels: Levels) -> Levels:
    """Few enough levels to learn a share from each: quantile bins of ordered ones, else the rarest as one."""
    most, counts = max(2, min(_MOST_LEVELS, levels.codes.size // _ROWS_A_BIN)), levels.counts
    if levels.n_levels <= most:
        return levels
    if levels.values is None:
        kept = np.argsort(-counts, kind="stable")[: most - 1]
        merged = np.full(levels.n_levels, most - 1)
        merged[kept] = np.arange(kept.size)
    else:
        middle = np.cumsum(counts) - counts / 2
        merged = (middle * (most / levels.codes.size)).astype(np.int64)
        if levels.missing >= 0:
            merged[levels.missing] = most  # they stay alone
    return Levels(*_renumbered(merged[levels.codes]), None)


def tell(levels: Levels, labels: Labels, n_classes: int) -> Told:
    """How well the shares of classes in each level, from four fifths of the rows, foretell the other fifth's classes.

    Args:
        levels: few, see :func:`coarse`.
        labels: class numbers of the rows.
        n_classes: that there may be.
    """
    fold = np.random.default_rng(0).permutation(labels.size) % _N_FOLDS
    tables = Levels(fold * levels.n_levels + levels.codes, _N_FOLDS * levels.n_levels, None).by_class(labels, n_classes)
    tables = tables.reshape(_N_FOLDS, levels.n_levels, n_classes)
    known = tables.sum(axis=0) - tables
    of_class = known.sum(axis=1, keepdims=True) + 0.5
    prior = of_class / of_class.sum(axis=2, keepdims=True)
    shares = (known + _PSEUDO_ROWS * prior) / (known.sum(axis=2, keepdims=True) + _PSEUDO_ROWS)
    loss, loss_before = -(tables * np.log(shares)).sum(), -(tables * np.log(prior)).sum()
    is_ranked = n_classes == 2 and np.bincount(labels, minlength=2).min() >= _FEWEST_RANKED
    right = np.take_along_axis(tables, shares.argmax(axis=2)[..., None], axis=2).sum()
    return Told(
        explained=float(1 - loss / loss_before),
        accuracy=float(right / labels.size),
        share_of_commonest=float(np.bincount(labels).max() / labels.size),
        roc_auc=_roc_auc(tables.reshape(-1, 2), shares.reshape(-1, 2)[:, 1]) if is_ranked else float("nan"),
    )


def _roc_auc(counts: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Of rows of two classes that are counted where they have the same score."""
    places = np.unique(scores, return_inverse=True)[1]
    negative, positive = (np.bincount(places, counts[:, label]) for label in (0, 1))
    below = np.cumsum(negative) - negative / 2
    return float((positive * below).sum() / (positive.sum() * negative.sum()))
