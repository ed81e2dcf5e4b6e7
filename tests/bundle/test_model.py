import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from program import Program
from safetensors.numpy import load, save

from nncli.bundle.folder import read_file, read_manifest, write_folder
from nncli.bundle.model import load_model, load_with_heldout
from nncli.errors import ModelError
from nncli.evaluation.blend import blend

ROLES = {"model": "json", **dict.fromkeys(("weights", "fast", "trees", "heldout"), "safetensors")}


def with_description(folder: Path, source: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A model folder whose description was changed, with a manifest that fits it."""
    manifest = read_manifest(source)
    files = {f"{role}.{extension}": read_file(source, manifest, role) for role, extension in ROLES.items()}
    description = json.loads(files["model.json"])
    change(description)
    write_folder(folder, {**files, "model.json": json.dumps(description).encode()}, {})
    return folder


DECISION = {
    "rule": {"positive": 1, "costs": None, "precision": 0.9},
    **dict.fromkeys(("network", "trees", "blend", "fast"), 0.5),
}
CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "more numbers than columns": lambda d: d["networks"][0].update(n_num=10**12),
    "a wider student": lambda d: d["student"].update(layers=[10**6, 10**6]),
    "a student of another table": lambda d: d["student"].update(n_num=1),
    "wider layers": lambda d: d["networks"][0].update(layers=[10**6, 10**6]),
    "another activation": lambda d: d["networks"][0].update(activation="__import__"),
    "a class more": lambda d: d["schema"]["classes"].append("Dodo"),
    "a column less": lambda d: d["schema"]["columns"].pop(),
    "a level more": lambda d: d["encoder"]["categories"][0]["levels"].append("Atlantis"),
    "a value more": lambda d: d["scaler"]["numeric"][0]["coded"].append(7.0),
    "more nets with values than nets": lambda d: d["networks"][0].update(n_value_nets=99),
    "a scale less": lambda d: d["scaler"]["numeric"].pop(),
    "more trees": lambda d: d["trees"].update(n_iterations=10**9),
    "a typical cell less": lambda d: d["reference"].pop(),
    "a side that answers for none": lambda d: d.update(default_side="trees"),
    "several sides that answer": lambda d: d.update(default_side=["network", "blend"]),
    "a decision of three classes": lambda d: d.update(decision=DECISION),
    "a decision without thresholds": lambda d: d.update(decision=DECISION["rule"]),
    "a weight below zero": lambda d: d["provenance"]["weights"].update(classes=[{"name": "Adelie", "weight": -1.0}]),
    "an unknown key": lambda d: d.update(loader="os.system"),
    "a missing key": lambda d: d.pop("class_shares"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, penguins_model: Path, name: str) -> None:
    folder = with_description(tmp_path / "m", penguins_model, CHANGES[name])
    with pytest.raises(ModelError, match=r"damaged|not those"):
        load_model(folder)


def test_weights_that_the_held_out_rows_lack_are_missed(tmp_path: Path, penguins_model: Path) -> None:
    folder = with_description(
        tmp_path / "m", penguins_model, lambda d: d["provenance"]["weights"].update(balanced=True)
    )
    with pytest.raises(ModelError, match="heldout: its arrays are not those"):
        load_with_heldout(folder)


@pytest.mark.parametrize("hashes", [[], [2**18, 2**31]])
def test_texts_come_back_from_disk_and_hashes_that_cannot_be_are_refused(nncli: Program, hashes: list[int]) -> None:
    words = ["kind", "unkind", "warm", "cold", "near", "far"]
    texts = [f"{words[i % 6]} {words[i * i % 5]} and {words[i // 7 % 6]} {i}" for i in range(120)]
    rows = [f"{text},{'yes' if text.startswith('un') else 'no'}" for text in texts]
    (nncli.folder / "t.csv").write_text("\n".join(["text,y", *rows]))
    assert nncli("train", "t.csv", "--effort", "quick", "-q").code == 0
    source, folder = nncli.folder / "nncli-model", nncli.folder / "m"
    manifest = read_manifest(source)
    files = {f"{role}.{extension}": read_file(source, manifest, role) for role, extension in ROLES.items()}
    arrays = load(files["weights.safetensors"])
    arrays["text.0.buckets"][: len(hashes)] = hashes
    write_folder(folder, {**files, "weights.safetensors": save(arrays)}, {})
    outcome = nncli("predict", "t.csv", "-m", folder)
    if hashes:
        assert (outcome.code, outcome.out) == (4, "")
        assert "damaged" in outcome.err
    else:
        assert (outcome.code, outcome.out.count("\n")) == (0, 121)


def test_what_is_unchanged_still_loads(tmp_path: Path, penguins_model: Path) -> None:
    folder = with_description(tmp_path / "m", penguins_model, lambda _: None)
    assert load_model(folder).classes == load_model(penguins_model).classes
    shutil.copytree(penguins_model, tmp_path / "moved")
    assert load_model(tmp_path / "moved").sha256 == load_model(penguins_model).sha256


def test_held_out_rows_hold_labels_and_probabilities_only(penguins_model: Path) -> None:
    model, heldout = load_with_heldout(penguins_model)
    assert heldout.test.labels.shape == (model.description.provenance.n_test,)
    assert list(heldout.test.probabilities) == ["network", "trees", "trees_default", "majority", "fast"]
    assert heldout.validation.labels.shape == (model.description.provenance.n_validation,)
    assert list(heldout.validation.probabilities) == ["network", "trees", "fast"]
    labels, proba = heldout.answers("trees")
    assert labels.size == len(proba) == heldout.validation.labels.size + heldout.test.labels.size
    np.testing.assert_array_equal(proba[-1], heldout.test.probabilities["trees"][-1])
    np.testing.assert_array_equal(
        heldout.answers("blend")[1], blend(heldout.answers("network")[1], heldout.answers("trees")[1])
    )
    for proba in heldout.test.probabilities.values():
        assert proba.sum(axis=1) == pytest.approx(1)
