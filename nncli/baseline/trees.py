"""What the network is measured against: scikit-learn's boosted trees, at defaults and at careful settings.

In: the same features and labels as the network's. Out: :class:`~nncli.bundle.trees.Trees`, plain arrays. The majority
class needs no fitting: it predicts the training shares.
"""

import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from nncli.bundle.trees import Trees
from nncli.settings import Range, TreesSettings

_TREES_BEFORE_LOOK = 25
"""Trees before the first look at the clock, where there is a time limit."""
_DEFAULT_ITERATIONS = 100
_DEFAULT_STOPPING_ROWS = 10_000
"""Above this many rows scikit-learn's defaults stop early."""
_MOST_CODES = 256

CAREFUL_RANGES = {
    "learning_rate": Range(0.01, 0.2, log=True),
    "max_leaf_nodes": Range(4, 128, log=True, step=1),
    "min_samples_leaf": Range(1, 100, log=True, step=1),
    "l2_regularization": Range(0.01, 30.0, log=True),
}
"""What a search may try for the careful trees."""

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]
Stop = Literal["patience", "iterations", "time limit"]


@dataclass(frozen=True)
class FittedTrees:
    """Trees, and how they came about."""

    trees: Trees
    iterations: int
    """Iterations kept: up to the best validation loss where boosting watched one, else all."""
    tried: int
    """Iterations fitted."""
    stop: Stop
    seconds: float
    loss: float = float("nan")
    """Log loss on the validation rows, where boosting watched it."""


@dataclass(frozen=True)
class TreeData:
    """What the trees learn from, and the rows that decide when to stop.

    Shape:
        x, x_val: ``(n_rows, n_features)``, categories first. y, y_val: ``(n_rows,)``.
        weights, weights_val: how much each row counts, ``(n_rows,)``; ``None``: all the same.
    """

    x: Matrix
    y: Labels
    x_val: Matrix
    y_val: Labels
    n_categories: int
    weights: Matrix | None = None
    weights_val: Matrix | None = None


def fit_careful_trees(
    data: TreeData, settings: TreesSettings, max_iter: int, *, seed: int, deadline: float | None = None
) -> FittedTrees:
    """Slow learning, early stopping with patience on the network's validation rows, the best iteration kept."""
    model = _careful_model(data, settings, max_iter, seed)
    model.set_params(early_stopping=True, n_iter_no_change=settings.patience, tol=0.0)
    start = time.monotonic()
    stop = _fit(model, data, max_iter, deadline)
    best = max(1, int(np.argmax(model.validation_score_)))  # the score before the first iteration comes first
    trees, loss = extract_trees(model, best), -float(model.validation_score_[best])
    return FittedTrees(trees, best, model.n_iter_, stop, time.monotonic() - start, loss)


def refit_careful_trees(
    data: TreeData, settings: TreesSettings, iterations: int, *, seed: int, deadline: float | None = None
) -> FittedTrees:
    """The careful trees on all rows, for as many iterations as were found best."""
    model = _careful_model(data, settings, iterations, seed)
    return _fitted_whole(model, data, iterations, deadline)


def _careful_model(data: TreeData, settings: TreesSettings, max_iter: int, seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=settings.learning_rate,
        max_leaf_nodes=settings.max_leaf_nodes,
        min_samples_leaf=settings.min_samples_leaf,
        l2_regularization=settings.l2_regularization,
        max_iter=max_iter,
        early_stopping=False,
        categorical_features=_categorical(data),
        random_state=seed,
    )


def fit_default_trees(data: TreeData, *, seed: int, deadline: float | None = None) -> FittedTrees:
    """scikit-learn's defaults, on training and validation rows together while those are at most 10,000.

    Above that the defaults hold back rows to stop early. The shared validation rows take that part, because
    scikit-learn's own draw refuses a class with one row.
    """
    n_rows = data.y.size + data.y_val.size
    stops_early = n_rows > _DEFAULT_STOPPING_ROWS
    if not stops_early:
        data = _with_validation_rows(data)
    model = HistGradientBoostingClassifier(
        early_stopping=stops_early, categorical_features=_categorical(data), random_state=seed
    )
    return _fitted_whole(model, data, _DEFAULT_ITERATIONS, deadline)


def _with_validation_rows(data: TreeData) -> TreeData:
    """The same with the validation rows among those that are learned from."""
    weighted = data.weights is not None and data.weights_val is not None
    weights = np.concatenate([data.weights, data.weights_val]) if weighted else None
    x, y = np.concatenate([data.x, data.x_val]), np.concatenate([data.y, data.y_val])
    return replace(data, x=x, y=y, weights=weights)


def _fitted_whole(
    model: HistGradientBoostingClassifier, data: TreeData, max_iter: int, deadline: float | None
) -> FittedTrees:
    """Fits, and keeps every iteration."""
    start = time.monotonic()
    stop = _fit(model, data, max_iter, deadline)
    trees = extract_trees(model, model.n_iter_)
    return FittedTrees(trees, model.n_iter_, model.n_iter_, stop, time.monotonic() - start)


def _categorical(data: TreeData) -> NDArray[np.bool_] | None:
    return np.arange(data.x.shape[1]) < data.n_categories if data.n_categories else None


def _fit(model: HistGradientBoostingClassifier, data: TreeData, max_iter: int, deadline: float | None) -> Stop:
    """Fits in one go, or in slices that stop at the deadline; says why it ended. The slices give the same trees."""
    others = {"X_val": data.x_val, "y_val": data.y_val, "sample_weight_val": data.weights_val}
    told = {"sample_weight": data.weights, **(others if model.early_stopping else {})}
    # scikit-learn fails on a column without any value; one that is constant is never split on.
    x = np.where(np.isnan(data.x).all(axis=0), 0.0, data.x)
    if deadline is None:
        model.fit(x, data.y, **told)
        return "patience" if model.n_iter_ < max_iter else "iterations"
    model.set_params(warm_start=True)
    start = time.monotonic()
    wanted = min(max_iter, max(1, _TREES_BEFORE_LOOK // np.unique(data.y).size))
    while True:
        model.set_params(max_iter=wanted).fit(x, data.y, **told)
        now = time.monotonic()
        if model.n_iter_ < wanted:
            return "patience"
        if wanted == max_iter:
            return "iterations"
        affordable = wanted * (deadline - start) / (now - start)
        if affordable < wanted + 1:
            return "time limit"
        # A slice prepares the rows anew and scores them by all earlier trees: doubled slices are few.
        wanted = int(min(2 * wanted, affordable, max_iter))


def extract_trees(model: HistGradientBoostingClassifier, n_iterations: int) -> Trees:
    """The first iterations of a fitted model as arrays; category sets are over our codes, not the encoder's."""
    predictors = [tree for iteration in model._predictors[:n_iterations] for tree in iteration]
    nodes = np.concatenate([tree.nodes for tree in predictors])
    sizes = np.array([len(tree.nodes) for tree in predictors])
    first_node = np.repeat(np.cumsum(sizes) - sizes, sizes)
    n_sets = np.array([len(tree.raw_left_cat_bitsets) for tree in predictors])
    set_number = nodes["bitset_idx"] + np.repeat(np.cumsum(n_sets) - n_sets, sizes)
    is_leaf = nodes["is_leaf"] == 1
    categorical = (nodes["is_categorical"] == 1) & ~is_leaf
    sets = np.concatenate([tree.raw_left_cat_bitsets for tree in predictors]).reshape(-1, 8)
    set_feature = np.zeros(len(sets), dtype=np.int64)
    set_feature[set_number[categorical]] = nodes["feature_idx"][categorical]
    known = _known_codes(model)
    # A threshold of infinity splits missing from present; every present number is below the largest one.
    threshold = np.minimum(nodes["num_threshold"], np.finfo(np.float64).max)
    return Trees(
        feature=nodes["feature_idx"].astype(np.int32),
        threshold=np.where(is_leaf | categorical, 0.0, threshold),
        left=np.where(is_leaf, 0, nodes["left"] + first_node).astype(np.int32),
        right=np.where(is_leaf, 0, nodes["right"] + first_node).astype(np.int32),
        value=nodes["value"].astype(np.float64),
        is_leaf=is_leaf.astype(np.uint8),
        missing_left=nodes["missing_go_to_left"].astype(np.uint8),
        left_codes=np.where(categorical, set_number, -1).astype(np.int32),
        count=nodes["count"].astype(np.int32),
        code_sets=_as_code_sets(sets, set_feature, known),
        known_codes=_packed([np.isin(np.arange(_MOST_CODES), codes) for codes in known]),
        roots=(np.cumsum(sizes) - sizes).reshape(n_iterations, -1).astype(np.int32),
        baseline=model._baseline_prediction.ravel().astype(np.float64),
    )


def _known_codes(model: HistGradientBoostingClassifier) -> list[NDArray[np.int64]]:
    """The codes that training saw, for each categorical feature, in the encoder's order."""
    if model._preprocessor is None:
        return []
    categories = model._preprocessor.named_transformers_["encoder"].categories_
    return [codes.astype(np.int64) for codes in categories]


def _as_code_sets(
    sets: NDArray[np.uint32], set_feature: NDArray[np.int64], known: list[NDArray[np.int64]]
) -> NDArray[np.uint32]:
    """Sets over the encoder's positions become sets over our codes."""
    positions = np.unpackbits(np.ascontiguousarray(sets).view(np.uint8), axis=1, bitorder="little")
    members = np.zeros((len(sets), _MOST_CODES), dtype=np.bool_)
    for feature, codes in enumerate(known):
        of_feature = np.flatnonzero(set_feature == feature)
        members[np.ix_(of_feature, codes)] = positions[of_feature, : codes.size]
    return _packed(list(members))


def _packed(members: list[NDArray[np.bool_]]) -> NDArray[np.uint32]:
    """Sets of 256 codes as eight 32-bit words each. Shape: ``(n_sets, 8)``."""
    bits = np.reshape(members, (-1, _MOST_CODES))
    return np.packbits(bits.astype(np.bool_), axis=1, bitorder="little").view(np.uint32)
