"""The boosted trees in ONNX: the same leaves as :class:`~nncli.bundle.trees.Trees` finds.

ONNX's trees of this version know no sets of categories. A split by a set becomes a chain of splits by a threshold, one
for each place where the codes before it and after it go different ways. All links of a chain lead to the same two
children.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx.numpy_helper import from_array

from nncli.bundle.trees import Trees
from nncli.export.columns import EncodedColumns
from nncli.export.graph import ML_DOMAIN, Graph, Tensor


@dataclass(frozen=True)
class _Links:
    """The nodes of the ONNX trees: a leaf or numeric split is one, a split by a set is a chain.

    Shape:
        ``(n_links,)``; ``true`` and ``false`` are positions in it.
    """

    node: NDArray[np.int64]
    threshold: NDArray[np.float64]
    true: NDArray[np.int64]
    false: NDArray[np.int64]


def trees_proba(graph: Graph, trees: Trees, columns: EncodedColumns) -> Tensor:
    """Adds the trees; gives their probabilities. Shape: ``(n_rows, n_classes)``, float64."""
    codes = [graph.cast(codes, np.float64) for codes in columns.codes]
    x = graph.side_by_side([*codes, *columns.numbers])
    raw = graph.add("Add", graph.cast(_sums(graph, trees, x), np.float64), trees.baseline)
    if trees.baseline.size > 1:
        return graph.add("Softmax", raw, axis=1)
    positive = graph.add("Sigmoid", raw)
    return graph.add("Concat", graph.add("Sub", np.float64(1), positive), positive, axis=1)


def _sums(graph: Graph, trees: Trees, x: Tensor) -> Tensor:
    """Of the leaves' values. Shape: ``(n_rows, n_outputs)``, float32.

    Thresholds in double precision: a number at a threshold goes the way it went in training.
    """
    links = _links(trees)
    is_leaf = trees.is_leaf[links.node] == 1
    leaves, positions = np.flatnonzero(is_leaf), np.arange(links.node.size)
    roots = trees.roots.ravel()
    tree = np.searchsorted(roots, links.node, side="right") - 1
    return graph.add(
        "TreeEnsembleRegressor",
        x,
        domain=ML_DOMAIN,
        n_targets=trees.baseline.size,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=positions.tolist(),
        nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_featureids=trees.feature[links.node].tolist(),
        nodes_values_as_tensor=from_array(links.threshold, "nodes_values"),
        nodes_truenodeids=np.where(is_leaf, 0, links.true).tolist(),
        nodes_falsenodeids=np.where(is_leaf, 0, links.false).tolist(),
        nodes_missing_value_tracks_true=trees.missing_left[links.node].tolist(),
        target_treeids=tree[leaves].tolist(),
        target_nodeids=leaves.tolist(),
        target_ids=(tree[leaves] % trees.baseline.size).tolist(),
        target_weights_as_tensor=from_array(trees.value[links.node[leaves]], "target_weights"),
    )


def _links(trees: Trees) -> _Links:
    by_set = np.flatnonzero(trees.left_codes >= 0)
    goes_left = _codes_that_go_left(trees, by_set)
    split, code = np.nonzero(goes_left[:, 1:] != goes_left[:, :-1])
    count = np.ones(trees.feature.size, dtype=np.int64)
    count[by_set] = np.bincount(split, minlength=by_set.size)
    first = np.cumsum(count) - count
    node = np.repeat(np.arange(count.size), count)
    threshold, true_is_left = trees.threshold[node], np.ones(node.size, dtype=np.bool_)
    in_chain = trees.left_codes[node] >= 0
    threshold[in_chain], true_is_left[in_chain] = code + 0.5, goes_left[split, code]
    last_is_left = np.zeros(count.size, dtype=np.bool_)
    last_is_left[by_set] = goes_left[:, -1]
    left, right = first[trees.left[node]], first[trees.right[node]]
    is_last = np.arange(node.size) == (first + count - 1)[node]
    following = np.where(last_is_left[node], left, right)
    return _Links(
        node=node,
        threshold=threshold,
        true=np.where(true_is_left, left, right),
        false=np.where(is_last, following, np.arange(node.size) + 1),
    )


def _codes_that_go_left(trees: Trees, nodes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For splits by a set. Shape: ``(n_splits, 256)``."""
    known, chosen = (
        np.unpackbits(sets.astype("<u4").view(np.uint8), axis=1, bitorder="little").astype(np.bool_)
        for sets in (trees.known_codes[trees.feature[nodes]], trees.code_sets[trees.left_codes[nodes]])
    )
    return np.where(known, chosen, trees.missing_left[nodes, None] == 1)
