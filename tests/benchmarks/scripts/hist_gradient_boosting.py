"""What a competent user writes instead of nncli: ``fit TRAIN TARGET MODEL``, then ``predict MODEL NEW OUT``."""

import sys

import joblib
import pandas as pd


def fit(train: str, target: str, path: str) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    frame = pd.read_csv(train)
    y = frame.pop(target)
    categories = {name: frame[name].astype("category").cat.categories for name in frame.select_dtypes(exclude="number")}
    model = HistGradientBoostingClassifier(categorical_features="from_dtype").fit(typed(frame, categories), y)
    joblib.dump((model, categories), path)


def typed(frame: pd.DataFrame, categories: dict[str, pd.Index]) -> pd.DataFrame:
    return frame.assign(**{name: pd.Categorical(frame[name], levels) for name, levels in categories.items()})


def predict(path: str, new: str, out: str) -> None:
    model, categories = joblib.load(path)
    frame = pd.read_csv(new)
    proba = model.predict_proba(typed(frame, categories)[model.feature_names_in_])
    frame["prediction"] = model.classes_[proba.argmax(axis=1)]
    for name, column in zip(model.classes_, proba.T, strict=True):
        frame[f"probability_{name}"] = column.astype("float32")
    frame.to_csv(out, index=False)


if __name__ == "__main__":
    {"fit": fit, "predict": predict}[sys.argv[1]](*sys.argv[2:])
