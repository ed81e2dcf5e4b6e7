import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pytest
from made_models import ENCODABLE, NUMERIC, SHARP, SOFT, made_model, rows_for
from onnx.reference import ReferenceEvaluator

from nncli.bundle.model import Model
from nncli.errors import NncliError, UsageError
from nncli.evaluation.calibration import UNCALIBRATED
from nncli.evaluation.decisions import Border, Decision, DecisionRule
from nncli.export.graph import ML_DOMAIN
from nncli.export.onnx_check import check_onnx
from nncli.export.onnx_file import make_onnx
from nncli.export.probe import probe_features, probe_rows
from nncli.settings import Activation, Side

MODELS = {
    "two classes": {},
    "five classes": {"n_classes": 5},
    "several networks": {"n_classes": 3, "nets": (2, 1, 3)},
    "numbers as they are": {"n_bins": 0},
    "a plain mlp": {"n_bins": 0, "n_members": 1, "nets": (1,)},
    "one net": {"nets": (1,)},
    "softened": {"n_classes": 3, "calibration": SOFT},
    "sharpened": {"calibration": SHARP},
    "numbers only": {"columns": NUMERIC},
    "categories only": {"columns": ENCODABLE, "n_classes": 3},
    "one number": {"columns": ("size",), "n_bins": 0},
    "one category": {"columns": ("city",)},
}


def feeds_of(model: Model, rows: pa.RecordBatch) -> dict[str, np.ndarray]:
    """Raw cells, as a user of the file has them."""
    feeds = {}
    for column in model.description.schema.columns:
        cells = rows[column.name].to_pylist()
        if column.kind == "numeric":
            feeds[column.name] = np.array([float(cell) if cell not in ("", "NA") else np.nan for cell in cells])
        else:
            feeds[column.name] = np.array(cells, dtype=object)
    return feeds


def assert_same(model: Model, side: Side, rows: pa.RecordBatch, label: str = "label") -> None:
    session = onnxruntime.InferenceSession(make_onnx(model, side).SerializeToString())
    expected = model.predict_proba(model.encode(rows), side)
    for n_rows in (rows.num_rows, 7, 1, 0):
        labels, proba = session.run(None, feeds_of(model, rows.slice(0, n_rows)))
        assert proba.dtype == np.float32
        np.testing.assert_allclose(proba, expected[:n_rows], rtol=0, atol=2e-6)
        assert labels.tolist() == [model.classes[i] for i in expected[:n_rows].argmax(axis=1)]


@pytest.mark.parametrize("side", ["network", "trees", "blend"])
@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_says_what_predict_says(name: str, side: Side) -> None:
    model = made_model(**MODELS[name])  # type: ignore[arg-type]
    assert_same(model, side, rows_for(model, 1000))


@pytest.mark.parametrize("side", ["network", "trees", "blend"])
@pytest.mark.parametrize("positive", [0, 1])
def test_labels_follow_the_models_threshold(positive: int, side: Side) -> None:
    model = made_model()
    rows = rows_for(model, 1000)
    proba = model.predict_proba(model.encode(rows), side)
    threshold = float(np.quantile(proba[:, positive], 0.7)) + 1e-3
    decided = model.with_decision(Decision(DecisionRule(positive, None, None), threshold, threshold, threshold, None))
    content = make_onnx(decided, side).SerializeToString()
    labels, _ = onnxruntime.InferenceSession(content).run(None, feeds_of(model, rows))
    near = np.abs(proba[:, positive] - threshold) < 1e-5
    expected = np.array(model.classes)[Border(positive, threshold).predicted(proba)]
    assert (expected[~near] == labels[~near]).all()
    assert (expected != np.array(model.classes)[proba.argmax(axis=1)]).mean() > 0.05
    check_onnx(content, decided, side)
    with pytest.raises(NncliError, match="labels differ"):
        check_onnx(content, model, side)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "selu", "silu", "sigmoid"])
def test_every_activation_is_the_same(activation: Activation) -> None:
    model = made_model(activation=activation)
    assert_same(model, "network", rows_for(model, 300))


def test_another_runtime_reads_the_same_from_the_file() -> None:
    """The specification's own evaluator, which shares no code with ONNX Runtime. (It cannot read trees in doubles.)"""
    model = made_model(n_classes=3, calibration=SOFT)
    rows = rows_for(model, 40)
    with np.errstate(all="ignore"):
        _, proba = ReferenceEvaluator(make_onnx(model, "network")).run(None, feeds_of(model, rows))
    np.testing.assert_allclose(proba, model.predict_proba(model.encode(rows)), rtol=0, atol=1e-5)


def test_words_for_missing_and_for_truth_are_those_of_predict() -> None:
    model = made_model()
    rows = rows_for(model, 12)
    words = ["", "NA", "null", "#N/A", "TRUE", "yEs", "t", "1.0", "False", "N", "0", "maybe"]
    changed = {
        name: pa.array(words, pa.large_string()) if name in ENCODABLE else rows[name] for name in rows.schema.names
    }
    assert_same(model, "network", pa.record_batch(changed))
    assert_same(model, "trees", pa.record_batch(changed))


def test_numbers_that_are_not_finite_are_missing() -> None:
    model = made_model()
    feeds = feeds_of(model, rows_for(model, 3))
    session = onnxruntime.InferenceSession(make_onnx(model, "network").SerializeToString())
    found = [session.run(None, feeds | {"size": np.full(3, value)})[1] for value in (np.nan, np.inf, -np.inf)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_the_file_says_what_goes_in_and_comes_out() -> None:
    model = made_model(n_classes=3)
    made = make_onnx(model, "network")
    onnx.checker.check_model(made, full_check=True)
    double, string = onnx.TensorProto.DOUBLE, onnx.TensorProto.STRING
    kinds = {port.name: port.type.tensor_type.elem_type for port in made.graph.input}
    assert kinds == {**dict.fromkeys(NUMERIC, double), **dict.fromkeys(ENCODABLE, string)}
    # A column is called "label": the output steps aside, and says so.
    assert [port.name for port in made.graph.output] == ["label_", "probabilities"]
    assert "label_" in made.doc_string
    metadata = {entry.key: entry.value for entry in made.metadata_props}
    assert json.loads(metadata["classes"]) == list(model.classes)
    assert metadata["model_sha256"] == model.sha256
    assert {entry.domain: entry.version for entry in made.opset_import} == {"": 17, ML_DOMAIN: 3}


@pytest.mark.parametrize("columns", [("size", "day"), ("size", "note")])
def test_dates_and_texts_are_refused_by_name(columns: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=f"'{columns[1]}'"):
        make_onnx(made_model(columns=columns), "network")


@pytest.mark.parametrize("side", ["network", "trees"])
def test_a_file_of_another_model_is_found_out(side: Side) -> None:
    model = made_model(n_classes=3)
    content = make_onnx(model, side).SerializeToString()
    assert 0 <= check_onnx(content, model, side).difference < 2e-6
    slightly = replace(SOFT, temperature=1.001, uniform_share=0.0)
    with pytest.raises(NncliError, match="differs"):
        check_onnx(content, model.with_calibrations(slightly, slightly), side)


def test_a_file_with_other_labels_is_found_out() -> None:
    model = made_model(n_classes=3)
    made = make_onnx(model, "network")
    for node in made.graph.node:
        if node.op_type == "ArgMax":
            node.op_type = "ArgMin"
    with pytest.raises(NncliError, match="labels differ"):
        check_onnx(made.SerializeToString(), model, "network")


def test_most_trees_with_a_threshold_moved_by_one_bit_are_found_out() -> None:
    model = made_model(columns=("size",), calibration=UNCALIBRATED)
    trees, content = model.trees, make_onnx(model, "trees").SerializeToString()
    inner = np.flatnonzero(trees.is_leaf == 0)
    found_out = 0
    for node in inner[:20]:
        threshold = trees.threshold.copy()
        threshold[node] = np.nextafter(threshold[node], np.inf)
        try:
            check_onnx(content, replace(model, trees=replace(trees, threshold=threshold)), "trees")
        except NncliError:
            found_out += 1
    assert found_out >= 12


def test_made_up_rows_take_every_turn() -> None:
    model = made_model(n_classes=3)
    features = probe_features(model)
    encoded = model.encode(probe_rows(model.description, features))
    np.testing.assert_array_equal(encoded.x_num, features.x_num)
    np.testing.assert_array_equal(encoded.x_cat, features.x_cat)
    for codes, cardinality in zip(features.x_cat.T, model.description.encoder.cat_cardinalities, strict=True):
        assert np.unique(codes).tolist() == list(range(cardinality))
    for numbers, scale in zip(features.x_num.T, model.description.scaler.numeric, strict=True):
        assert np.isnan(numbers).any()
        assert np.isin(scale.coded, numbers).all()
        assert (numbers < scale.values[0]).any()
        assert (numbers > scale.values[-1]).any()
