"""What each column adds to the trees' answer for a row: Shapley values, exact, by the trees' own training rows.

Source: Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for trees"
(path-dependent TreeSHAP). A column that is not known splits a row in proportion to the training rows on either side.

For a leaf of value v, let o be 1 where a row follows the path's splits on a column and else 0, and z the share of
training rows that do. The Shapley value of column i is v times the integral from 0 to 1 of (o_i - z_i) times the
product over the other columns j of t o_j + (1 - t) z_j. The integrand is a polynomial in t of a degree below the number
of columns, so a Gauss-Legendre sum of half as many points is exact.
"""

from dataclasses import dataclass

import numpy as np

from nncli.bundle.trees import Trees
from nncli.evaluation.metrics import Floats
from nncli.explain.tree_paths import Numbers, Paths, constant, leaf_paths


@dataclass(frozen=True)
class TreeShap:
    """A row's raw predictions, taken apart.

    Shape:
        expected: ``(n_outputs,)``, the mean by training rows. parts: ``(n_outputs, n_columns)``. Together they are the
        raw prediction.
    """

    expected: Floats
    parts: Floats


def tree_shap(trees: Trees, x: Floats, column_of: Numbers, n_columns: int) -> TreeShap:
    """Takes the answer to one row apart.

    Args:
        trees: that answer.
        x: their inputs, shape ``(1, n_features)``.
        column_of: each input's column, shape ``(n_features,)``; inputs of one column count as one player.
        n_columns: how many there are.
    """
    n_outputs = trees.baseline.size
    expected, parts = constant(trees), np.zeros(n_outputs * n_columns)
    for paths in leaf_paths(trees, column_of):
        share = np.multiply.reduceat(paths.cover, paths.first)
        expected += np.bincount(paths.output, paths.value * share, n_outputs)
        followed = paths.followed(trees, x)[:, 0].astype(np.float64)
        place = paths.output[paths.leaf] * n_columns + paths.column
        parts += np.bincount(place, _values(paths, followed), parts.size)
    return TreeShap(expected, parts.reshape(n_outputs, n_columns))


def _values(paths: Paths, followed: Floats) -> Floats:
    """The Shapley value of each part of each path. Shape: ``(n_parts,)``."""
    cover, values = paths.cover, np.zeros(paths.leaf.size)
    most_columns = int(np.bincount(paths.leaf).max())
    for point, weight in zip(*np.polynomial.legendre.leggauss((most_columns + 1) // 2), strict=True):
        t = (point + 1) / 2
        factor = t * followed + (1 - t) * cover
        leaf_value = weight / 2 * paths.value * np.multiply.reduceat(factor, paths.first)
        values += leaf_value[paths.leaf] / factor * (followed - cover)
    return values
