"""Exact Shapley values of the trees, against their definition."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from nncli.baseline.trees import TreeData, fit_careful_trees
from nncli.bundle.trees import Trees
from nncli.explain.shapley import tree_shap
from nncli.settings import TreesSettings

COLUMN_OF = np.array([0, 1, 1, 2])
"""Two of the inputs belong to one column."""


def fitted(n_classes: int) -> tuple[Trees, np.ndarray]:
    """A few trees over a category and three numbers with gaps, and rows with codes that they do not know."""
    random = np.random.default_rng(0)
    x = np.column_stack([random.choice([0, 3, 40, 254], 900), random.normal(size=(900, 3))])
    x[:, 1:][random.random((900, 3)) < 0.2] = np.nan
    signal = (x[:, 0] % 3) + np.nan_to_num(x[:, 1] * x[:, 3], nan=1) + np.nan_to_num(x[:, 2])
    y = np.searchsorted(np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1]), signal)
    data = TreeData(x[:600], y[:600], x[600:], y[600:], n_categories=1)
    settings = TreesSettings(learning_rate=0.3, max_leaf_nodes=12, min_samples_leaf=5)
    trees = fit_careful_trees(data, settings, 4, seed=0).trees
    rows = x[600:612].copy()
    rows[::3, 0] = 7
    return trees, rows


def expectation(trees: Trees, x: np.ndarray, node: int, known: set[int]) -> float:
    """Of one tree, where the other columns split a row as they split the training rows."""
    if trees.is_leaf[node]:
        return float(trees.value[node])
    left, right = int(trees.left[node]), int(trees.right[node])
    if COLUMN_OF[trees.feature[node]] in known:
        goes_left = trees.goes_left(x, np.array([0]), np.array([node]))[0]
        return expectation(trees, x, left if goes_left else right, known)
    share = trees.count[left] / trees.count[node]
    return share * expectation(trees, x, left, known) + (1 - share) * expectation(trees, x, right, known)


def game(trees: Trees, x: np.ndarray, known: set[int]) -> np.ndarray:
    values = np.array([[expectation(trees, x, int(root), known) for root in roots] for roots in trees.roots])
    return trees.baseline + values.sum(axis=0)


def shapley(trees: Trees, x: np.ndarray, column: int, n_columns: int) -> np.ndarray:
    others = [c for c in range(n_columns) if c != column]
    total = np.zeros(trees.baseline.size)
    for size in range(n_columns):
        weight = factorial(size) * factorial(n_columns - size - 1) / factorial(n_columns)
        for some in combinations(others, size):
            total += weight * (game(trees, x, {*some, column}) - game(trees, x, set(some)))
    return total


@pytest.mark.parametrize("n_classes", [2, 3])
def test_values_are_those_of_the_definition_and_add_up_to_the_prediction(n_classes: int) -> None:
    trees, rows = fitted(n_classes)
    assert (trees.left_codes >= 0).any()
    for row in rows:
        x = row[None]
        found = tree_shap(trees, x, COLUMN_OF, 4)
        np.testing.assert_allclose(found.expected, game(trees, x, set()), atol=1e-12)
        expected = np.column_stack([shapley(trees, x, column, 3) for column in range(3)])
        np.testing.assert_allclose(found.parts[:, :3], expected, atol=1e-12)
        assert not found.parts[:, 3].any()  # a column that no tree has
        raw = np.column_stack([found.expected + found.parts.sum(axis=1)]).T
        np.testing.assert_allclose(trees.to_proba(raw), trees.predict_proba(x), atol=1e-12)


def test_trees_without_splits_leave_nothing_to_take_apart() -> None:
    x, y = np.zeros((60, 1)), np.arange(60) % 2
    data = TreeData(x[:40], y[:40], x[40:], y[40:], n_categories=0)
    trees = fit_careful_trees(data, TreesSettings(), 3, seed=0).trees
    assert trees.is_leaf.all()
    found = tree_shap(trees, x[:1], np.zeros(1, dtype=np.int64), 1)
    assert not found.parts.any()
    np.testing.assert_allclose(trees.to_proba(found.expected[None]), trees.predict_proba(x[:1]))
