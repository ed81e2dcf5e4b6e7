"""Answers after a swap, against a table in which the cells were really exchanged."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from made_models import SOFT, made_model, rows_for

from nncli.baseline.trees import TreeData, fit_careful_trees
from nncli.bundle.model import Model
from nncli.bundle.trees import Trees, tree_inputs
from nncli.explain.swaps import Swap, column_of_inputs, swapped_proba
from nncli.explain.tree_swaps import swapped_raw
from nncli.features.encoder import Features
from nncli.settings import Side, TreesSettings
from nncli.table.arrow import number_array

COLUMNS = ("size", "limit", "é [%]", "flag", "label", "city", "once", "day", "note")
RANDOM = np.random.default_rng(0)


def exchanged(rows: pa.RecordBatch, givers: pa.RecordBatch, column: str, donors: np.ndarray) -> pa.RecordBatch:
    cells = {name: rows[name] for name in rows.schema.names}
    return pa.record_batch({**cells, column: givers[column].take(number_array(donors))})


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("side", ["network", "trees", "blend", "fast"])
def test_a_swap_answers_as_rows_with_the_other_cells_do(side: Side, n_classes: int) -> None:
    model = made_model(n_classes, columns=COLUMNS, calibration=SOFT)
    rows, givers = rows_for(model, 120), rows_for(model, 200).slice(120)
    columns = model.description.encoder.columns
    swaps = [Swap(column, RANDOM.integers(80, size=120)) for column in [*range(len(columns)), 0]]
    found = list(swapped_proba(model, side, model.encode(rows), model.encode(givers), swaps))
    assert len(found) == len(swaps)
    for swap, proba in zip(swaps, found, strict=True):
        other = exchanged(rows, givers, columns[swap.column], swap.donors)
        np.testing.assert_allclose(proba, model.predict_proba(model.encode(other), side), atol=1e-7)


def grown(max_leaf_nodes: int, n_classes: int) -> tuple[Model, Trees, Features]:
    """Trees of that many leaves on the features of a made model."""
    model = made_model(n_classes, columns=COLUMNS)
    features = model.encode(rows_for(model, 1500))
    x, y = tree_inputs(features), RANDOM.integers(n_classes, size=1500)
    data = TreeData(x[:1200], y[:1200], x[1200:], y[1200:], features.x_cat.shape[1])
    settings = TreesSettings(max_leaf_nodes=max_leaf_nodes, min_samples_leaf=2, learning_rate=0.2)
    fitted = fit_careful_trees(data, settings, 4, seed=0).trees
    return model, fitted, features


@pytest.mark.parametrize("max_leaf_nodes", [2, 31, 64, 65, 128])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_trees_of_any_size_answer_as_their_walk_does(
    max_leaf_nodes: int, n_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncli.explain.tree_swaps._SETS_AT_ONCE", 40_000)  # several blocks
    model, trees, features = grown(max_leaf_nodes, n_classes)
    assert trees.is_leaf.sum() > trees.roots.size * max_leaf_nodes / 2
    some = features.take(slice(0, 100))
    x, owners = tree_inputs(some), column_of_inputs(model)
    swaps = [(column, RANDOM.permutation(100)) for column in range(len(COLUMNS))]
    for (column, donors), raw in zip(swaps, swapped_raw(trees, x, x, owners, swaps), strict=True):
        other = np.where(owners == column, x[donors], x)
        np.testing.assert_allclose(trees.to_proba(raw), trees.predict_proba(other), atol=1e-12)


def test_trees_that_are_single_leaves_answer_their_value() -> None:
    model, trees, features = grown(2, 2)
    leaf = np.flatnonzero(trees.is_leaf == 1)[:1].astype(np.int32)
    stump = replace(trees, roots=leaf[:, None])
    x = tree_inputs(features.take(slice(0, 5)))
    raw = swapped_raw(stump, x, x, column_of_inputs(model), [(0, np.arange(5))])
    np.testing.assert_allclose(raw, trees.baseline[0] + trees.value[leaf[0]])
