"""Fits one peer at its defaults in a process of its own and prints one JSON line.

``python peers.py MODEL TRAIN.csv TEST.csv DESCRIPTION.json``: the description names target, ID, text and date columns.
The features are those that a competent user would give: no IDs, dates in parts and as a number of days, texts as hashed
n-grams (CatBoost has texts of its own), categories declared as such and, where a library needs it, capped.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import LabelEncoder

N_TEXT_FEATURES = 64
MOST_HGB_LEVELS = 254
MISSING = "(missing)"


def main(model: str, train_path: str, test_path: str, description: dict[str, Any]) -> None:
    train, test = pd.read_csv(train_path), pd.read_csv(test_path)
    labels = LabelEncoder().fit(train[description["target"]].astype(str))
    y = labels.transform(train.pop(description["target"]).astype(str))
    test = test.drop(columns=description["target"])
    x, x_test = features(train, test, description, own_texts=model == "catboost")
    fit, package = PEERS[model]
    start = time.monotonic()
    predict_proba = fit(x, y)
    seconds = time.monotonic() - start
    start = time.monotonic()
    proba = np.asarray(predict_proba(x_test), dtype=np.float64)
    predict_seconds = time.monotonic() - start
    record = {
        "classes": labels.classes_.tolist(),
        "proba": proba.tolist(),
        "seconds": seconds,
        "predict_seconds": predict_seconds,
        "memory_mb": peak_memory(),
        "version": version(package),
    }
    print(json.dumps(record))


def peak_memory() -> float:
    """In MB, of this process since it began."""
    [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024


def features(
    train: pd.DataFrame, test: pd.DataFrame, description: dict[str, Any], own_texts: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    both = pd.concat([train, test], ignore_index=True).drop(columns=description["id_columns"])
    for name in description["date_columns"]:
        when = pd.to_datetime(both.pop(name), errors="coerce", utc=True)
        both[f"{name}_days"] = (when - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        for part in ("year", "month", "day", "dayofweek", "hour"):
            both[f"{name}_{part}"] = getattr(when.dt, part).astype(float)
    for name in description["text_columns"]:
        text = both.pop(name).fillna("").astype(str)
        both[f"{name}_length"] = text.str.len()
        if own_texts:
            both[name] = text
            continue
        hashed = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 3), n_features=N_TEXT_FEATURES).transform(text)
        names = [f"{name}_{i}" for i in range(N_TEXT_FEATURES)]
        both = pd.concat([both, pd.DataFrame(hashed.toarray(), columns=names)], axis=1)
    for name in both.columns.difference(description["text_columns"]):
        if not pd.api.types.is_numeric_dtype(both[name]) or both[name].dtype == bool:
            both[name] = both[name].astype(object).where(both[name].notna(), MISSING).astype(str).astype("category")
    both.columns = [f"f{i}_" + "".join(c if c.isalnum() else "_" for c in str(n)) for i, n in enumerate(both.columns)]
    return both.iloc[: len(train)], both.iloc[len(train) :]


def categories(x: pd.DataFrame) -> list[str]:
    return [name for name in x.columns if isinstance(x[name].dtype, pd.CategoricalDtype)]


Predict = Callable[[pd.DataFrame], Any]
Fit = Callable[[pd.DataFrame, Any], Predict]


def capped(x: pd.DataFrame) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Keeps the commonest categories of each column: more than 255 are refused by HistGradientBoosting."""
    kept = {name: x[name].value_counts().index[:MOST_HGB_LEVELS].tolist() for name in categories(x)}

    def cap(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for name, levels in kept.items():
            frame[name] = pd.Categorical(frame[name].astype(object), categories=levels)
        return frame

    return cap


def fit_hgb(x: pd.DataFrame, y: Any) -> Predict:
    cap = capped(x)
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0).fit(cap(x), y)
    return lambda rows: model.predict_proba(cap(rows))


def fit_hgb_careful(x: pd.DataFrame, y: Any) -> Predict:
    cap = capped(x)
    rarest = np.bincount(y).min()
    model = HistGradientBoostingClassifier(
        categorical_features="from_dtype",
        learning_rate=0.04,
        max_iter=1000,
        l2_regularization=1.0,
        early_stopping=bool(rarest >= 2),
        validation_fraction=0.15,
        n_iter_no_change=50,
        random_state=0,
    ).fit(cap(x), y)
    return lambda rows: model.predict_proba(cap(rows))


def fit_lightgbm(x: pd.DataFrame, y: Any) -> Predict:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(random_state=0, verbose=-1).fit(x, y).predict_proba


def fit_xgboost(x: pd.DataFrame, y: Any) -> Predict:
    from xgboost import XGBClassifier

    return XGBClassifier(enable_categorical=True, random_state=0).fit(x, y).predict_proba


def fit_catboost(x: pd.DataFrame, y: Any) -> Predict:
    from catboost import CatBoostClassifier

    texts = [name for name in x.columns if not pd.api.types.is_numeric_dtype(x[name]) and name not in categories(x)]
    model = CatBoostClassifier(
        cat_features=categories(x), text_features=texts, random_seed=0, verbose=False, allow_writing_files=False
    ).fit(x, y)
    return model.predict_proba


def fit_pytabkit(name: str) -> Fit:
    def fit(x: pd.DataFrame, y: Any) -> Predict:
        import pytabkit

        means = x.mean(numeric_only=True)  # its networks refuse missing numbers

        def filled(rows: pd.DataFrame) -> pd.DataFrame:
            return rows.fillna(means.to_dict())

        model = getattr(pytabkit, name)(random_state=0, device="cpu")
        model.fit(filled(x), y, cat_col_names=categories(x))
        return lambda rows: model.predict_proba(filled(rows))

    return fit


PEERS: dict[str, tuple[Fit, str]] = {
    "hgb": (fit_hgb, "scikit-learn"),
    "hgb-careful": (fit_hgb_careful, "scikit-learn"),
    "lightgbm": (fit_lightgbm, "lightgbm"),
    "xgboost": (fit_xgboost, "xgboost-cpu"),
    "catboost": (fit_catboost, "catboost"),
    "realmlp-td": (fit_pytabkit("RealMLP_TD_Classifier"), "pytabkit"),
    "tabm-d": (fit_pytabkit("TabM_D_Classifier"), "pytabkit"),
}

if __name__ == "__main__":
    main(*sys.argv[1:4], json.loads(Path(sys.argv[4]).read_text()))
