from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_models import made_model, rows_for
from rows import rows_of

from nncli.bundle.model import Model, load_model
from nncli.errors import UsageError
from nncli.evaluation.decisions import Decision, DecisionRule
from nncli.evaluation.priors import shift_prior
from nncli.prediction.answers import Answering
from nncli.prediction.prior import with_prior
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


@pytest.mark.parametrize("side", ["network", "trees", "blend"])
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


@pytest.mark.parametrize("positive", [0, 1])
def test_the_models_threshold_decides_for_each_side_and_another_only_if_asked(positive: int) -> None:
    model = made_model()
    rows = rows_for(model, 200)
    sides: tuple[Side, ...] = ("network", "trees", "blend")
    values_of = [model.predict_proba(model.encode(rows), side)[:, positive] for side in sides]
    thresholds = [float(np.float32(np.quantile(values, 0.8))) for values in values_of]  # ties: of rows that are there
    decided = model.with_decision(Decision(DecisionRule(positive, None, None), *thresholds, None))
    expected = [np.float32(values) >= np.float32(t) for values, t in zip(values_of, thresholds, strict=True)]
    frame, name = rows.to_pandas(), model.classes[positive]
    found = answers(decided, frame, sides=sides, proba="all")
    for column, is_positive, values, t in zip(
        ("prediction", "prediction_trees", "prediction_blend"), expected, values_of, thresholds, strict=True
    ):
        assert 0 < is_positive.sum() < 100
        assert ((found[column] == name) == is_positive).all()
        written = found[f"probability_{name}{column.removeprefix('prediction')}"]
        assert ((written >= np.float32(t)) == is_positive).all()
        np.testing.assert_array_equal(written, values.astype("f4"))
    fast = answers(decided, frame, sides=("fast",))  # there is none: the network answers, by its own threshold
    assert (fast.prediction == found.prediction).all()
    other = answers(decided, frame, threshold=0.3)
    assert ((other.prediction == name) == (values_of[0].astype("f4") >= np.float32(0.3))).all()


def test_a_prior_changes_probabilities_before_all_that_follows_from_them() -> None:
    model = made_model(n_classes=3)
    rows = rows_for(model, 100)
    shares = (0.7, 0.2, 0.1)
    expected = shift_prior(model.predict_proba(model.encode(rows), "network"), model.description.class_shares, shares)
    prior = with_prior(model, [("class 2", 0.1), ("class 0", 0.7)])
    found = answers(prior, rows.to_pandas(), proba="all", top=1, explain=1)
    for j, name in enumerate(model.classes):
        np.testing.assert_allclose(found[f"probability_{name}"], expected[:, j], rtol=1e-6)
    assert found.prediction.tolist() == found.top1.tolist() == [model.classes[j] for j in expected.argmax(axis=1)]
    row, column, predicted = rows.slice(0, 1).to_pandas(), found.reason1[0], int(expected[0].argmax())
    hidden = prior.encode(rows_of(row.assign(**{column: ""})))  # the typical cell of a made model
    effect = (
        expected[0, predicted]
        - shift_prior(model.predict_proba(hidden), model.description.class_shares, shares)[0, predicted]
    )
    assert found.reason1_effect[0] == pytest.approx(effect, abs=1e-6)
    assert prior.sha256 == model.sha256


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            [("class 9", 0.5)],
            "--prior: the model has no class 'class 9'; its classes are 'class 0', 'class 1', 'class 2'",
        ),
        ([("class 0", 0.5), ("class 1", 0.5)], "add up to 1 and leave nothing"),
        ([("class 0", 0.5), ("class 1", 0.7)], "add up to 1.2 and leave nothing"),
        ([("class 0", 0.5), ("class 1", 0.2), ("class 2", 0.2)], "add up to 0.9, not to 1; leave one out"),
    ],
)
def test_shares_that_make_no_whole_are_refused(named: list[tuple[str, float]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        with_prior(made_model(n_classes=3), named)


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
