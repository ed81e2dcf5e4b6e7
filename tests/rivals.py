"""Tables as the network's opponents get them, and the opponents."""

import numpy as np
import pytest

from nncli.baseline.libraries import fit_library
from nncli.baseline.linear import fit_linear
from nncli.baseline.rival import FittedRival, RivalData
from nncli.features.encoder import Features
from nncli.features.scaling import fit_scaler

OPPONENTS = ("linear", "lightgbm", "xgboost", "catboost")


def features_of(
    x_num: np.ndarray | None = None, x_cat: np.ndarray | None = None, x_text: np.ndarray | None = None
) -> Features:
    n_rows = next(len(x) for x in (x_num, x_cat, x_text) if x is not None)
    none = np.zeros((n_rows, 0))
    return Features(
        none if x_num is None else x_num,
        (none if x_cat is None else x_cat).astype(np.int32),
        (none if x_text is None else x_text).astype(np.float32),
        {},
    )


def halves(features: Features, y: np.ndarray, n_classes: int) -> RivalData:
    """The first half to learn from, the second to validate."""
    half = len(y) // 2
    train, validation = features.take(slice(0, half)), features.take(slice(half, None))
    return RivalData(train, y[:half], validation, y[half:], n_classes)


def mixed(n_rows: int = 800, n_classes: int = 2, seed: int = 0) -> RivalData:
    """Two categories, three numbers with missing values, two dimensions of a text; all of them matter."""
    random = np.random.default_rng(seed)
    codes = np.column_stack([random.integers(0, 6, n_rows), random.choice([0, 3, 40, 254], n_rows)])
    numbers, text = random.normal(size=(n_rows, 3)), random.normal(size=(n_rows, 2))
    numbers[random.uniform(size=numbers.shape) < 0.2] = np.nan
    signal = 2 * (codes[:, 0] % 3) + (codes[:, 1] == 40) + np.nan_to_num(numbers[:, 0]) + text[:, 0]
    signal += np.isnan(numbers[:, 1]) + random.normal(scale=0.5, size=n_rows)
    y = np.searchsorted(np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1]), signal)
    return halves(features_of(numbers, codes, text), y, n_classes)


def fit(opponent: str, data: RivalData, seed: int = 0) -> FittedRival:
    """Skips the test where the opponent's library is not installed."""
    if opponent == "linear":
        return fit_linear(data, fit_scaler(data.train), seed=seed)
    pytest.importorskip(opponent)
    return fit_library(opponent, data, seed=seed, threads=1)  # type: ignore[arg-type]
