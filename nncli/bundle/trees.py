"""Boosted trees as arrays of nodes, and their walk in numpy: the same leaves as scikit-learn, the same sums.

The arrays hold every tree one after another. The walk follows ``HistGradientBoostingClassifier``: missing values
and categories that training did not see go the way that was learned for missing values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.features.encoder import Features

Nodes = NDArray[np.int32] | NDArray[np.int64]
_WORDS = 8
"""32-bit words of a set of category codes: 256 bits."""
_ROWS_AT_ONCE = 4096
_DTYPES = {
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "value": np.float64,
    "is_leaf": np.uint8,
    "missing_left": np.uint8,
    "left_codes": np.int32,
    "count": np.int32,
    "code_sets": np.uint32,
    "known_codes": np.uint32,
    "roots": np.int32,
    "baseline": np.float64,
}


@dataclass(frozen=True)
class TreesShape:
    """The sizes from which the shape of every array follows."""

    n_iterations: int
    n_outputs: int
    """Trees of one iteration: one for two classes, else one a class."""
    n_nodes: int
    n_code_sets: int
    n_categories: int
    """Categorical features; they come first."""

    def array_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every array."""
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_DTYPES, (self.n_nodes,))
        shapes["code_sets"] = (self.n_code_sets, _WORDS)
        shapes["known_codes"] = (self.n_categories, _WORDS)
        shapes["roots"] = (self.n_iterations, self.n_outputs)
        shapes["baseline"] = (self.n_outputs,)
        return shapes

    def array_dtypes(self) -> dict[str, type]:
        """Name and type of every array."""
        return dict(_DTYPES)


@dataclass(frozen=True)
class Trees:
    """A fitted ensemble of trees.

    Shape:
        feature, threshold, left, right, value, is_leaf, missing_left: ``(n_nodes,)``; ``left`` and ``right`` are
            node numbers.
        left_codes: ``(n_nodes,)``, the set of category codes that go left, -1 for a numeric split.
        count: ``(n_nodes,)``, training rows that passed each node; each counts once, whatever its weight.
        code_sets: ``(n_code_sets, 8)``, 256 bits each.
        known_codes: ``(n_categories, 8)``, the codes that training saw.
        roots: ``(n_iterations, n_outputs)``, node numbers. baseline: ``(n_outputs,)``, raw.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    is_leaf: NDArray[np.uint8]
    missing_left: NDArray[np.uint8]
    left_codes: NDArray[np.int32]
    count: NDArray[np.int32]
    code_sets: NDArray[np.uint32]
    known_codes: NDArray[np.uint32]
    roots: NDArray[np.int32]
    baseline: NDArray[np.float64]

    @property
    def shape(self) -> TreesShape:
        """Sizes of the arrays."""
        n_iterations, n_outputs = self.roots.shape
        return TreesShape(n_iterations, n_outputs, self.feature.size, len(self.code_sets), len(self.known_codes))

    def is_sound(self, n_features: int) -> bool:
        """Whether every walk ends in a leaf: children come after their parents, numbers point at what is there.

        And whether the rows of both children are those of their parent.
        """
        inner = np.flatnonzero(self.is_leaf == 0)
        children = np.concatenate([self.left[inner], self.right[inner]])
        codes, features = self.left_codes[inner], self.feature[inner]
        count = self.count.astype(np.int64)
        return bool(
            (children > np.tile(inner, 2)).all()
            and (children < self.feature.size).all()
            and ((features >= 0) & (features < n_features)).all()
            and ((codes >= -1) & (codes < len(self.code_sets))).all()
            and (features[codes >= 0] < len(self.known_codes)).all()
            and ((self.roots >= 0) & (self.roots < self.feature.size)).all()
            and (count > 0).all()
            and (count[inner] == count[children].reshape(2, -1).sum(axis=0)).all()
        )

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities. Shape: ``(n_rows, n_features)`` to ``(n_rows, n_classes)``."""
        blocks = [self.raw(x[start : start + _ROWS_AT_ONCE]) for start in range(0, len(x), _ROWS_AT_ONCE)]
        return self.to_proba(np.concatenate(blocks) if blocks else np.zeros((0, self.baseline.size)))

    def to_proba(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of raw predictions. Shape: ``(n_rows, n_outputs)`` to ``(n_rows, n_classes)``."""
        if self.baseline.size == 1:
            positive = 1 / (1 + np.exp(np.minimum(-raw[:, 0], 700)))
            return np.column_stack([1 - positive, positive])
        exponentials = np.exp(raw - raw.max(axis=1, keepdims=True))
        proba: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
        return proba

    def raw(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """What becomes probabilities. Shape: ``(n_rows, n_features)`` to ``(n_rows, n_outputs)``."""
        raw = np.tile(self.baseline, (len(x), 1))
        for roots in self.roots:
            for output, root in enumerate(roots):
                raw[:, output] += self.value[self._leaves(x, root)]
        return raw

    def _leaves(self, x: NDArray[np.float64], root: int) -> NDArray[np.int32]:
        """The leaf of one tree that each row falls into."""
        node = np.full(len(x), root, dtype=np.int32)
        walking = np.flatnonzero(self.is_leaf[node] == 0)
        while walking.size:
            at = node[walking]
            node[walking] = np.where(self.goes_left(x, walking, at), self.left[at], self.right[at])
            walking = walking[self.is_leaf[node[walking]] == 0]
        return node

    def goes_left(self, x: NDArray[np.float64], rows: NDArray[np.int64], at: Nodes) -> NDArray[np.bool_]:
        """Whether rows go left at inner nodes. Shape: ``(n,)`` row numbers and nodes to ``(n,)``."""
        feature = self.feature[at]
        values = x[rows, feature]
        left = values <= self.threshold[at]
        missing = np.isnan(values)
        categorical = np.flatnonzero(self.left_codes[at] >= 0)
        if categorical.size:
            codes = values[categorical].astype(np.int64)
            left[categorical] = _contains(self.code_sets[self.left_codes[at[categorical]]], codes)
            known = _contains(self.known_codes[feature[categorical]], codes)
            missing[categorical] = ~known
        return np.where(missing, self.missing_left[at] == 1, left)


def tree_inputs(features: Features) -> NDArray[np.float64]:
    """What the trees see: categories first, then numbers with NaN, then text. Shape: ``(n_rows, n_features)``."""
    return np.hstack([features.x_cat, features.x_num, features.x_text]).astype(np.float64, copy=False)


def _contains(sets: NDArray[np.uint32], codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    words = sets[np.arange(codes.size), codes >> 5]
    contained: NDArray[np.bool_] = (words >> (codes & 31).astype(np.uint32)) & np.uint32(1) != 0
    return contained
