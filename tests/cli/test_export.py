import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from program import Program, without

from nncli.bundle.model import load_model


@pytest.fixture(scope="module")
def attrition_model(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """Two classes, booleans, categories, numbers whose values have codes."""
    folder = tmp_path_factory.mktemp("model")
    args = ("--target", "Attrition", "--effort", "quick", "--epochs", "4")
    outcome = Program(folder)("train", samples / "hr_attrition.csv", *args)
    assert outcome.code == 0, outcome.err
    return folder / "nncli-model"


def as_its_users_read_it(data: Path, model: Path) -> dict[str, np.ndarray]:
    """The columns of a CSV file as a script with pandas would feed them."""
    encoder = load_model(model).description.encoder
    table = pd.read_csv(data, dtype=dict.fromkeys(set(encoder.columns) - set(encoder.numeric), "str"))
    return {
        name: table[name].to_numpy(np.float64) if name in encoder.numeric else table[name].fillna("").to_numpy(object)
        for name in encoder.columns
    }


@pytest.mark.parametrize("side", ["network", "trees"])
@pytest.mark.parametrize(("table", "fixture"), [("penguins", "penguins_model"), ("hr_attrition", "attrition_model")])
def test_a_file_predicts_real_rows_as_predict_does(
    nncli: Program, samples: Path, request: pytest.FixtureRequest, table: str, fixture: str, side: str
) -> None:
    model, data = request.getfixturevalue(fixture), samples / f"{table}.csv"
    outcome = nncli("export", "-m", model, "--with", side)
    assert (outcome.code, outcome.out) == (0, ""), outcome.err
    feeds = as_its_users_read_it(data, model)
    assert outcome.err.startswith("model.onnx: ")
    assert f"{len(feeds)} inputs; 1,000 rows agree with predict within" in outcome.err
    labels, proba = onnxruntime.InferenceSession(nncli.folder / "model.onnx").run(None, feeds)
    assert nncli("predict", data, "-m", model, "--with", side, "-o", "out.csv").code == 0
    expected = pd.read_csv(nncli.folder / "out.csv")
    assert labels.tolist() == expected["prediction"].tolist()
    np.testing.assert_allclose(proba, expected.drop(columns="prediction"), rtol=0, atol=2e-6)


def test_a_torch_program_is_written_and_told_as_json(nncli: Program, penguins_model: Path) -> None:
    outcome = nncli("export", "-m", penguins_model, "--format", "torch", "--json", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    told = json.loads(outcome.out)
    assert (told["schema_version"], told["command"], told["path"]) == (1, "export", "model.pt2")
    assert told["bytes"] == (nncli.folder / "model.pt2").stat().st_size
    assert told["checked"]["rows"] == 1000
    assert told["checked"]["largest_difference"] <= 1e-5
    assert len(torch.export.load(nncli.folder / "model.pt2").example_inputs[0]) == 4


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--format", "pickle"], 2, "choose one of onnx, torch"),
        (["--with", "forest"], 2, "choose one of network, trees"),
        (["--format", "torch", "--with", "trees"], 2, "choose --format onnx"),
        (["-o", "there.onnx"], 2, "replace it with --force"),
        (["-o", ".", "--force"], 2, "is no file"),
        (["-o", "nowhere/model.onnx"], 5, "there is no folder nowhere"),
        (["-m", "nothing"], 4, "is no model folder"),
    ],
)
def test_what_cannot_be_exported_gets_one_line(
    nncli: Program, penguins_model: Path, args: list[str], code: int, message: str
) -> None:
    (nncli.folder / "there.onnx").write_text("precious")
    outcome = nncli("export", *([] if "-m" in args else ["-m", penguins_model]), *args)
    assert (outcome.code, outcome.out) == (code, "")
    (line,) = outcome.err.splitlines()
    assert message in line
    assert {path.name for path in nncli.folder.iterdir()} == {"there.onnx"}
    assert (nncli.folder / "there.onnx").read_text() == "precious"


def test_a_file_is_replaced_on_demand(nncli: Program, penguins_model: Path) -> None:
    (nncli.folder / "model.onnx").write_text("old")
    assert nncli("export", "-m", penguins_model, "--force").code == 0
    assert onnxruntime.InferenceSession(nncli.folder / "model.onnx").get_outputs()[0].name == "label"
    assert {path.name for path in nncli.folder.iterdir()} == {"model.onnx"}


def test_without_its_packages_the_line_that_mends_it_is_said(nncli: Program, penguins_model: Path) -> None:
    outcome = nncli("export", "-m", penguins_model, env=without(nncli.folder, "onnxruntime"))
    assert outcome.code == 2
    assert "pip install 'nncli-tabular[onnx]'" in outcome.err
    assert len(outcome.err.splitlines()) == 1
