"""The way from the root to each leaf of boosted trees, column by column."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.bundle.trees import Trees
from nncli.evaluation.metrics import Floats

_LEAVES_AT_ONCE = 50_000
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Paths:
    """Paths of some leaves. A part of a path is all of its splits on one column.

    Shape:
        output, value, first: ``(n_leaves,)``. leaf, column, start: ``(n_parts,)``, sorted by leaf and column.
        split, is_left, ratio: ``(n_splits,)``, in the order of their parts.
    """

    output: Numbers
    value: Floats
    first: Numbers
    """The first part of each leaf."""
    leaf: Numbers
    """From 0, of each part."""
    column: Numbers
    start: Numbers
    """The first split of each part."""
    split: Numbers
    """An inner node."""
    is_left: NDArray[np.bool_]
    """Whether the path goes left there."""
    ratio: Floats
    """The share of the node's training rows that take the path."""

    @property
    def cover(self) -> Floats:
        """The share of training rows that follow each part, split by split. Shape: ``(n_parts,)``."""
        found: Floats = np.multiply.reduceat(self.ratio, self.start)
        return found

    def followed(self, trees: Trees, x: Floats) -> NDArray[np.bool_]:
        """Whether rows follow each part. Shape: ``(n_rows, n_features)`` to ``(n_parts, n_rows)``."""
        nodes, place = np.unique(self.split, return_inverse=True)
        left = goes_left(trees, nodes, x)
        found: NDArray[np.bool_] = np.logical_and.reduceat(left[place] == self.is_left[:, None], self.start)
        return found


def leaf_paths(trees: Trees, column_of: Numbers) -> Iterator[Paths]:
    """The paths of all leaves, some at a time; trees of a single leaf have none.

    Args:
        trees: of which.
        column_of: the column of each of their inputs, shape ``(n_features,)``.
    """
    inner = np.flatnonzero(trees.is_leaf == 0)
    parent = np.full(trees.feature.size, -1)
    parent[trees.left[inner]] = parent[trees.right[inner]] = inner
    leaves = np.flatnonzero((trees.is_leaf != 0) & (parent >= 0))
    for start in range(0, leaves.size, _LEAVES_AT_ONCE):
        yield _paths(trees, column_of, parent, leaves[start : start + _LEAVES_AT_ONCE])


def constant(trees: Trees) -> Floats:
    """What the trees predict that have no paths. Shape: ``(n_outputs,)``."""
    alone = np.where(trees.is_leaf[trees.roots] != 0, trees.value[trees.roots], 0.0)
    total: Floats = trees.baseline + alone.sum(axis=0)
    return total


def _paths(trees: Trees, column_of: Numbers, parent: Numbers, leaves: Numbers) -> Paths:
    leaf, child = _climbed(parent, leaves)
    split = parent[child]
    column = column_of[trees.feature[split]]
    order = np.lexsort([column, leaf])
    leaf, child, split, column = leaf[order], child[order], split[order], column[order]
    is_new = np.ones(leaf.size, dtype=np.bool_)
    is_new[1:] = (leaf[1:] != leaf[:-1]) | (column[1:] != column[:-1])
    start = np.flatnonzero(is_new)
    tree = np.searchsorted(trees.roots.ravel(), leaves, side="right") - 1
    return Paths(
        output=tree % trees.baseline.size,
        value=trees.value[leaves],
        first=np.searchsorted(leaf[start], np.arange(leaves.size)),
        leaf=leaf[start],
        column=column[start],
        start=start,
        split=split,
        is_left=trees.left[split] == child,
        ratio=trees.count[child] / trees.count[split],
    )


def _climbed(parent: Numbers, leaves: Numbers) -> tuple[Numbers, Numbers]:
    """Every node on the way up from each leaf but the root, and the number of the leaf that it is above."""
    at, leaf = leaves, np.arange(leaves.size)
    found = []
    while at.size:
        found.append((leaf, at))
        at = parent[at]
        is_below = parent[at] >= 0
        leaf, at = leaf[is_below], at[is_below]
    numbers, nodes = zip(*found, strict=True)
    return np.concatenate(numbers), np.concatenate(nodes)


def goes_left(trees: Trees, nodes: Numbers, x: Floats) -> NDArray[np.bool_]:
    """Whether rows go left at nodes, as :meth:`Trees.predict_proba` sends them. Shape: ``(n_nodes, n_rows)``."""
    values = x.T[trees.feature[nodes]]
    missing = np.isnan(values)
    left = values <= trees.threshold[nodes][:, None]
    codes = trees.left_codes[nodes]
    by_code = np.flatnonzero(codes >= 0)
    if by_code.size:
        cells = values[by_code].astype(np.int64)
        left[by_code] = np.take_along_axis(_bits(trees.code_sets[codes[by_code]]), cells, axis=1)
        known = _bits(trees.known_codes[trees.feature[nodes[by_code]]])
        missing[by_code] = ~np.take_along_axis(known, cells, axis=1)
    return np.where(missing, trees.missing_left[nodes][:, None] == 1, left)


def _bits(sets: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Shape: ``(n_sets, 8)`` words to ``(n_sets, 256)``."""
    return np.unpackbits(np.ascontiguousarray(sets).astype("<u4").view(np.uint8), axis=1, bitorder="little").astype(
        bool
    )
