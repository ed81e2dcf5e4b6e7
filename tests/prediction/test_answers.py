from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import rows_of

from nncli.bundle.model import Model, load_model
from nncli.errors import UsageError
from nncli.prediction.answers import Answering, predicted_classes
from nncli.settings import PredictSettings, Side


@pytest.fixture(scope="module")
def model(penguins_model: Path) -> Model:
    return load_model(penguins_model)


@pytest.fixture(scope="module")
def frame(samples: Path) -> pd.DataFrame:
    return pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)


def answers(model: Model, frame: pd.DataFrame, **settings: Any) -> pd.DataFrame:
    asked = Answering(model, PredictSettings(**settings))
    columns = asked.columns(model.encode(rows_of(frame)))
    return pd.DataFrame({name: column.to_pylist() for name, column in zip(asked.names, columns, strict=True)})


def test_top_classes_are_the_most_probable_ones(model: Model, frame: pd.DataFrame) -> None:
    found = answers(model, frame, top=3, proba="all", sides=("trees",))
    proba = model.predict_proba(model.encode(rows_of(frame)), "trees")
    for row, values in zip(found.to_dict("records"), proba, strict=True):
        expected = sorted(zip(-values, range(3), model.classes, strict=True))
        assert [row[f"top{k}"] for k in (1, 2, 3)] == [name for *_, name in expected]
        assert [row[f"top{k}_probability"] for k in (1, 2, 3)] == [np.float32(-p) for p, *_ in expected]


def test_both_models_answer_in_columns_of_their_own(model: Model, frame: pd.DataFrame) -> None:
    both = answers(model, frame, sides=("network", "trees"), proba="max", explain=1)
    network = answers(model, frame, proba="max", explain=1)
    trees = answers(model, frame, sides=("trees",), proba="max").add_suffix("_trees")
    names = ["prediction", "probability", "prediction_trees", "probability_trees", "reason1", "reason1_effect"]
    assert list(both) == names
    pd.testing.assert_frame_equal(both, pd.concat([network, trees], axis=1)[names])


@pytest.mark.parametrize("side", ["network", "trees"])
def test_reasons_are_the_columns_without_which_the_answer_changes_most(
    model: Model, frame: pd.DataFrame, side: Side
) -> None:
    """The oracle hides cells, not features, and predicts anew."""
    some = frame[::7].reset_index(drop=True)
    columns = model.description.encoder.columns
    proba = model.predict_proba(model.encode(rows_of(some)), side)
    best = proba.argmax(axis=1)[:, None]
    effects = {}
    for name, cell in zip(columns, model.description.reference, strict=True):
        hidden = model.predict_proba(model.encode(rows_of(some.assign(**{name: cell}))), side)
        effects[name] = np.take_along_axis(proba - hidden, best, axis=1)[:, 0]
    expected = pd.DataFrame(effects)
    found = answers(model, some, sides=(side,), explain=len(columns), proba="none")
    assert np.abs(expected).to_numpy().max() > 0.05
    for i, row in found.iterrows():
        order = sorted(columns, key=lambda name: -abs(expected.loc[i, name]))  # stable: ties in the columns' order
        assert [row[f"reason{k + 1}"] for k in range(len(columns))] == order
        values = [row[f"reason{k + 1}_effect"] for k in range(len(columns))]
        np.testing.assert_array_equal(values, expected.loc[i, order].astype("float32"))


def test_a_row_that_is_the_typical_one_has_no_reasons(model: Model) -> None:
    names, cells = model.description.encoder.columns, model.description.reference
    found = answers(model, pd.DataFrame([cells], columns=names), explain=len(names), decimals=3)
    assert [found[f"reason{k}_effect"][0] for k in range(1, len(names) + 1)] == [0.0] * len(names)
    assert [found[f"reason{k}"][0] for k in range(1, len(names) + 1)] == names


def test_blocks_of_reasons_do_not_matter(model: Model, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = answers(model, frame, explain=3)
    monkeypatch.setattr("nncli.prediction.occlusion._ROWS_AT_ONCE", 50)
    pd.testing.assert_frame_equal(answers(model, frame, explain=3), whole)


def test_the_threshold_decides_between_two_classes() -> None:
    proba = np.array([[0.3, 0.7], [0.7, 0.3], [0.5, 0.5], [1, 0], [1 - np.float64(0.69999999), 0.69999999]])
    assert predicted_classes(proba, 0.5).tolist() == [1, 0, 0, 0, 1]
    assert predicted_classes(proba, 0.3).tolist() == [1, 1, 1, 0, 1]
    assert predicted_classes(proba, 0.7).tolist() == [1, 0, 0, 0, 1]  # as written, in single precision
    assert predicted_classes(proba, 0.0).tolist() == [1] * 5
    assert predicted_classes(np.array([[0.2, 0.3, 0.5]]), 0.1).tolist() == [2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 0.3}, "--threshold: is for two classes; the model has 3"),
        ({"top": 4}, "--top: 4 is too many; the model has 3 classes"),
        ({"explain": 8}, "--explain: 8 is too many; the model has 7 columns"),
    ],
)
def test_what_the_model_has_not_got_is_refused(model: Model, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Answering(model, PredictSettings(**settings))
