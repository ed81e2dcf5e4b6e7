"""Other libraries' boosted trees, where they are installed: nncli needs none of them, so each is imported when it is
fitted.

The settings have the care of scikit-learn's careful trees: slow learning, a penalty on the leaves, early stopping with
patience on the validation rows' log loss. They began as the tuned defaults of Holzmüller et al. 2024, "Better by
default: strong pre-tuned MLPs and boosted trees on tabular data". Those were tuned for accuracy and have no penalty;
with one, and LightGBM and XGBoost slower, log loss was lower on most of nine real tables.
"""

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncli.baseline.rival import FittedRival, RivalData, fit_known_classes
from nncli.bundle.trees import tree_inputs
from nncli.errors import UsageError
from nncli.evaluation.metrics import Floats
from nncli.features.encoder import Features
from nncli.settings import Library

if TYPE_CHECKING:
    import pandas as pd

_MOST_ITERATIONS, _PATIENCE = 2000, 100
"""Iterations of boosting, and those without a better validation loss before it stops; the best one is kept."""
_SETTINGS: dict[Library, dict[str, Any]] = {
    "lightgbm": {
        "learning_rate": 0.04,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "min_sum_hessian_in_leaf": 1e-7,
        "lambda_l2": 1.0,
        "bagging_fraction": 0.75,
        "bagging_freq": 1,
    },
    "xgboost": {
        "learning_rate": 0.04,
        "max_depth": 6,
        "reg_lambda": 1.0,
        "colsample_bylevel": 0.9,
        "subsample": 0.75,
        "tree_method": "hist",
    },
    "catboost": {
        "learning_rate": 0.08,
        "depth": 7,
        "l2_leaf_reg": 1.0,
        "random_strength": 0.8,
        "one_hot_max_size": 15,
        "boosting_type": "Plain",
        "bootstrap_type": "Bernoulli",
        "subsample": 0.9,
        "leaf_estimation_iterations": 1,
    },
}
_NAMES: dict[Library, str] = {"lightgbm": "LightGBM", "xgboost": "XGBoost", "catboost": "CatBoost"}
_PACKAGES: dict[Library, str] = {"lightgbm": "lightgbm", "xgboost": "xgboost-cpu", "catboost": "catboost"}
"""What to install. The package ``xgboost`` brings a library for several GPUs that can keep torch from loading."""

_Boosted = tuple[Callable[[Features], Any], int]
"""Probabilities as a library gives them, which of two classes may be the second one's alone; and how many iterations
predict."""


def require_library(name: Library) -> None:
    """Refuses a library that is not installed, without importing it.

    Raises:
        UsageError: it is not; the message says how to install it.
    """
    if find_spec(name) is None:
        raise UsageError(f"--against {name}: needs {_NAMES[name]}; install it with pip install {_PACKAGES[name]}")


def fit_library(name: Library, data: RivalData, *, seed: int, threads: int) -> FittedRival:
    """Fits a library's boosted trees: categories declared as such, missing numbers as NaN, as the trees get them.

    Args:
        name: of the library.
        data: what to learn from, and the rows that say when to stop.
        seed: of the draws; the same seed and threads give the same trees.
        threads: of the CPU.

    Raises:
        UsageError: the library is not installed.
    """
    require_library(name)
    boost = {"lightgbm": _boost_lightgbm, "xgboost": _boost_xgboost, "catboost": _boost_catboost}[name]

    def fit(known: RivalData) -> FittedRival:
        start = time.monotonic()
        predict, n_iterations = boost(known, seed % 2**31, threads)  # what the libraries take
        told = f"learning rate {_SETTINGS[name]['learning_rate']}, {n_iterations} iterations"
        return FittedRival(lambda rows: _as_columns(predict(rows)), time.monotonic() - start, 1, told)

    return fit_known_classes(data, _single_precision, fit)


def _as_columns(proba: Any) -> Floats:
    """Of every class; sums that single precision rounded become one."""
    found: Floats = np.asarray(proba, dtype=np.float64)
    columns = np.column_stack([1 - found, found]) if found.ndim == 1 else found
    shares: Floats = columns / columns.sum(axis=1, keepdims=True)
    return shares


def _boost_lightgbm(data: RivalData, seed: int, threads: int) -> _Boosted:
    import lightgbm

    many = {"objective": "multiclass", "num_class": data.n_classes}
    objective = many if data.n_classes > 2 else {"objective": "binary"}
    run = {"seed": seed, "num_threads": threads, "deterministic": True, "force_row_wise": True, "verbosity": -1}
    categories = list(range(data.train.x_cat.shape[1]))
    train = lightgbm.Dataset(tree_inputs(data.train), data.y, weight=data.weights, categorical_feature=categories)
    validation = lightgbm.Dataset(tree_inputs(data.validation), data.y_val, weight=data.weights_val, reference=train)
    booster = lightgbm.train(
        {**_SETTINGS["lightgbm"], **objective, **run},
        train,
        _MOST_ITERATIONS,
        valid_sets=[validation],
        callbacks=[lightgbm.early_stopping(_PATIENCE, verbose=False)],
    )
    return lambda features: booster.predict(tree_inputs(features)), booster.best_iteration


def _boost_xgboost(data: RivalData, seed: int, threads: int) -> _Boosted:
    import xgboost

    def matrix(features: Features, labels: Any = None, weights: Any = None) -> Any:
        n_cat = features.x_cat.shape[1]
        x = _single_precision(features)
        types = ["c" if column < n_cat else "q" for column in range(x.shape[1])]
        return xgboost.DMatrix(x, labels, weight=weights, feature_types=types, enable_categorical=True, nthread=threads)

    many = {"objective": "multi:softprob", "num_class": data.n_classes}
    objective = many if data.n_classes > 2 else {"objective": "binary:logistic"}
    booster = xgboost.train(
        {**_SETTINGS["xgboost"], **objective, "seed": seed, "nthread": threads, "verbosity": 0},
        matrix(data.train, data.y, data.weights),
        _MOST_ITERATIONS,
        evals=[(matrix(data.validation, data.y_val, data.weights_val), "validation")],
        early_stopping_rounds=_PATIENCE,
        verbose_eval=False,
    )
    n_iterations = booster.best_iteration + 1
    return lambda features: booster.predict(matrix(features), iteration_range=(0, n_iterations)), n_iterations


def _boost_catboost(data: RivalData, seed: int, threads: int) -> _Boosted:
    from catboost import CatBoostClassifier, Pool

    def pool(features: Features, labels: Any = None, weights: Any = None) -> Any:
        categories = list(range(features.x_cat.shape[1]))
        return Pool(_mixed_frame(features), labels, cat_features=categories, weight=weights, thread_count=threads)

    model = CatBoostClassifier(
        **_SETTINGS["catboost"],
        iterations=_MOST_ITERATIONS,
        early_stopping_rounds=_PATIENCE,
        use_best_model=True,
        random_seed=seed,
        thread_count=threads,
        verbose=False,
        allow_writing_files=False,
    )
    train, validation = pool(data.train, data.y, data.weights), pool(data.validation, data.y_val, data.weights_val)
    model.fit(train, eval_set=validation)
    return lambda features: model.predict_proba(pool(features), thread_count=threads), model.tree_count_


def _mixed_frame(features: Features) -> "pd.DataFrame":
    """CatBoost takes no categories that are written as fractions."""
    import pandas as pd

    codes, numbers = pd.DataFrame(features.x_cat), pd.DataFrame(np.hstack([features.x_num, features.x_text]))
    return pd.concat([codes, numbers], axis=1, ignore_index=True)


def _single_precision(features: Features) -> NDArray[np.float32]:
    """What scikit-learn's trees see, as the libraries read it; a number too large for that is the largest there is."""
    largest = np.finfo(np.float32).max
    return np.clip(tree_inputs(features), -largest, largest).astype(np.float32)
