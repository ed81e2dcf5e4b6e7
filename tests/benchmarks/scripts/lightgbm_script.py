"""The same with LightGBM: ``fit TRAIN TARGET MODEL``, then ``predict MODEL NEW OUT``."""

import sys

import joblib
import numpy as np
import pandas as pd
from hist_gradient_boosting import typed


def fit(train: str, target: str, path: str) -> None:
    import lightgbm

    frame = pd.read_csv(train)
    y = frame.pop(target)
    categories = {name: frame[name].astype("category").cat.categories for name in frame.select_dtypes(exclude="number")}
    columns = list(frame)
    frame.columns = [f"f{i}" for i in range(len(columns))]  # it refuses some characters in names
    named = {f"f{columns.index(name)}": levels for name, levels in categories.items()}
    model = lightgbm.LGBMClassifier(verbose=-1).fit(typed(frame, named), y)
    joblib.dump((model, columns, named), path)


def predict(path: str, new: str, out: str) -> None:
    model, columns, categories = joblib.load(path)
    frame = pd.read_csv(new)
    features = frame[columns].set_axis(model.feature_name_, axis=1)
    proba = model.predict_proba(typed(features, categories))
    frame["prediction"] = model.classes_[np.argmax(proba, axis=1)]
    for name, column in zip(model.classes_, proba.T, strict=True):
        frame[f"probability_{name}"] = column.astype("float32")
    frame.to_csv(out, index=False)


if __name__ == "__main__":
    {"fit": fit, "predict": predict}[sys.argv[1]](*sys.argv[2:])
