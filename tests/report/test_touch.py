"""The network page's data, and what its scripts make of them: the same as ``predict``."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from made_models import KINDS, NUMERIC, SHARP, SOFT, made_model, model_of, raw_rows
from node import needs_node, run_script
from rows import rows_of

from nncli.bundle.model import Model, load_model
from nncli.evaluation.calibration import UNCALIBRATED
from nncli.evaluation.decisions import Decision, DecisionRule, decide
from nncli.features.encoder import Features
from nncli.report.touch import MOST_BYTES, TouchPage, touch_page
from nncli.settings import Activation
from nncli.table.schema import Column, Kind, Schema

ALL_COLUMNS = tuple(KINDS)


def document_of(model: Model, n_rows: int = 16, importances: list[str] | None = None) -> dict:
    names = list(model.description.schema.names)
    cells = raw_rows(n_rows, seed=5)
    rows = [
        {"number": i + 1, "true": model.classes[i % len(model.classes)], "cells": [cells[name][i] for name in names]}
        for i in range(n_rows)
    ]
    order = importances and {"columns": [{"column": name} for name in importances]}
    return {"examples": {"columns": names, "rows": rows}, "importances": order}


def page_of(model: Model, document: dict, most_bytes: int = MOST_BYTES) -> TouchPage:
    page = touch_page(model, document, most_bytes)
    assert page is not None
    return page


def as_they_are_and_moved(page: TouchPage, n_moves: int = 40) -> list[tuple[int, list]]:
    """A row and the values of its movable columns: those of the data, then others from all over their ranges."""
    data, random = json.loads(page.data), np.random.default_rng(3)
    found = [(row, values) for row, values in enumerate(data["values"])]
    for _ in range(n_moves):
        row = int(random.integers(len(data["values"])))
        values = [
            v if random.random() < 0.3 else _other(column, random)
            for column, v in zip(data["columns"], data["values"][row], strict=True)
        ]
        found.append((row, values))
    return found


def _other(column: dict, random: np.random.Generator) -> float | int | None:
    if column["kind"] != "numeric":
        return int(random.integers(len(column["labels"])))
    low, high = min(column["grid"]), max(column["grid"])
    if random.random() < 0.15:
        return None
    if column["coded"] and random.random() < 0.5:
        return column["coded"][int(random.integers(len(column["coded"])))]
    return float(random.uniform(low - 0.2 * (high - low), high + 0.2 * (high - low)))


def features_of(model: Model, page: TouchPage, document: dict, queries: list[tuple[int, list]]) -> Features:
    """The same rows as the program would encode them."""
    from nncli.report.touch import _Rows

    data = json.loads(page.data)
    rows = _Rows.of(model, document["examples"]).first(len(data["rows"])).features
    features = rows.take(np.array([row for row, _ in queries]))
    places = dict(zip(model.description.encoder.columns, model.description.encoder.places, strict=True))
    for j, column in enumerate(data["columns"]):
        place = places[column["name"]]
        for i, (_, values) in enumerate(queries):
            cell = np.nan if values[j] is None else values[j]
            getattr(features, place.array)[i, place.columns.start] = cell
    return features


def difference(folder: Path, model: Model, document: dict, most_bytes: int = MOST_BYTES) -> float:
    """Between the page and the program, the most of all probabilities."""
    page = page_of(model, document, most_bytes)
    queries = as_they_are_and_moved(page)
    expression = "given.map(([row, values]) => nncliTouch.forward(page, row, values))"
    script = f"{page.script}\nconst page = nncliTouch.decode({page.data})"
    found = run_script(folder, script, expression, queries)
    side = "fast" if page.kind == "student" else "network"
    expected = model.predict_proba(features_of(model, page, document, queries), side)
    return float(np.abs(np.array(found) - expected).max())


ACTIVATIONS: tuple[Activation, ...] = ("relu", "tanh", "gelu", "selu", "silu", "sigmoid")


@needs_node
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_gives_what_predict_gives(tmp_path: Path, activation: Activation) -> None:
    model = made_model(columns=ALL_COLUMNS, activation=activation)
    assert difference(tmp_path, model, document_of(model)) < 1e-3


@needs_node
@pytest.mark.parametrize(
    "form",
    [
        {"nets": (2, 1), "calibration": SOFT},
        {"n_classes": 26, "nets": (3,), "calibration": SHARP},
        {"n_members": 1, "nets": (1,)},
        {"n_members": 1, "nets": (1,), "n_bins": 0, "activation": "tanh"},
        {"columns": NUMERIC, "n_bins": 0, "n_classes": 3},
        {"columns": ("limit", "city", "note"), "nets": (4,), "calibration": SOFT},
        {"columns": ("flag", "label", "once", "day")},
    ],
)  # fmt: skip
def test_every_form_gives_what_predict_gives(tmp_path: Path, form: dict) -> None:
    model = made_model(**{"columns": ALL_COLUMNS, **form})
    assert difference(tmp_path, model, document_of(model)) < 1e-3


@needs_node
def test_a_trained_model_gives_what_predict_gives(tmp_path: Path, penguins_model: Path, samples: Path) -> None:
    import csv

    model = load_model(penguins_model)
    with (samples / "penguins.csv").open() as file:
        cells = list(csv.DictReader(file))[::25]
    names = model.description.schema.names
    rows = [
        {"number": i, "true": r["species"], "cells": [r[name] for name in reversed(names)]} for i, r in enumerate(cells)
    ]
    document = {"examples": {"columns": names[::-1], "rows": rows}}
    assert difference(tmp_path, model, document) < 1e-3


@needs_node
@pytest.mark.parametrize("kind", ["student", "member"])
def test_smaller_networks_stand_in_for_an_ensemble_that_is_too_large(tmp_path: Path, kind: str) -> None:
    model = made_model(columns=ALL_COLUMNS, nets=(6,), n_members=30, n_classes=26)
    if kind == "student":
        small = made_model(columns=ALL_COLUMNS, nets=(1,), n_members=1, n_classes=26)
        model = model.with_student(small.description.networks[0], small.weights[0])
    page = page_of(model, document_of(model))
    assert page.kind == kind
    if kind == "student":
        assert difference(tmp_path, model, document_of(model)) < 1e-3
    else:
        first = alone(model)
        data = page.data.replace('"kind":"member"', '"kind":"ensemble"')
        found = run_script(
            tmp_path, f"{page.script}\nconst page = nncliTouch.decode({data})",
            "page.values.map((values, row) => nncliTouch.forward(page, row, values))",
        )  # fmt: skip
        document = document_of(model)
        queries = as_they_are_and_moved(page, 0)
        expected = first.predict_proba(features_of(model, page, document, queries))
        assert np.abs(np.array(found) - expected).max() < 1e-3


def alone(model: Model) -> Model:
    """The first member of the first net as a model: scaling by scaling, as the ensemble has it."""
    a, arrays = model.description.networks[0], model.weights[0]
    one = {name: array if name.startswith("num.l") and array.ndim == 2 else array[:1] for name, array in arrays.items()}
    one["num.left"], one["num.inverse_width"] = arrays["num.left"], arrays["num.inverse_width"]
    one["hidden.0.weight"] = arrays["hidden.0.weight"][:1] * arrays["scale"][:1, :, :1]
    one |= {name: arrays[name][:1, :1] for name in ("head.weight", "head.bias")}
    for name in ("scale", "values"):
        one.pop(name, None)
    architecture = replace(a, n_nets=1, n_members=1, n_value_nets=0)
    return replace(model, description=replace(model.description, networks=(architecture,)), weights=[one])


@needs_node
def test_the_class_is_that_of_the_threshold(tmp_path: Path) -> None:
    plain = made_model()
    document = document_of(plain)
    queries = as_they_are_and_moved(page_of(plain, document))
    features = features_of(plain, page_of(plain, document), document, queries)
    threshold = float(np.median(plain.predict_proba(features)[:, 0]))
    rule = DecisionRule(positive=0, costs=None, precision=None)
    model = plain.with_decision(Decision(rule, threshold, 0.5, 0.5, None))
    page = page_of(model, document)
    expression = "given.map(([row, values]) => nncliTouch.decide(nncliTouch.forward(page, row, values), page.border))"
    found = run_script(tmp_path, f"{page.script}\nconst page = nncliTouch.decode({page.data})", expression, queries)
    proba = model.predict_proba(features)
    clear = np.abs(proba[:, 0] - threshold) > 1e-3
    assert np.array_equal(np.array(found)[clear], decide(proba, model.description.border("network"))[clear])
    assert len(set(found)) == 2


@needs_node
@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_trees_lines_are_what_the_trees_say(tmp_path: Path, n_classes: int) -> None:
    model = made_model(n_classes=n_classes, columns=("size", "limit", "flag", "label"))
    document = document_of(model)
    page = page_of(model, document)
    data = json.loads(page.data)
    queries, asked = [], []
    for row, values in enumerate(data["values"]):
        for j, column in enumerate(data["columns"]):
            point = len(column["grid"]) // 2
            queries.append((row, [*values[:j], column["grid"][point], *values[j + 1 :]]))
            asked.append([row, queries[-1][1]])
    script = f"{page.script}\nconst page = nncliTouch.decode({page.data})"
    expression = "given.map(([row, values]) => nncliTouch.treesAnswer(page, { row, values }).proba)"
    found = run_script(tmp_path, script, expression, asked)
    expected = model.predict_proba(features_of(model, page, document, queries), "trees")
    known = [
        (f, e) for fs, es in zip(found, expected, strict=True) for f, e in zip(fs, es, strict=True) if f is not None
    ]
    assert len(known) >= 2 * len(queries)
    assert max(abs(f - e) for f, e in known) < 1e-3


@needs_node
def test_without_rows_the_typical_row_is_there(tmp_path: Path) -> None:
    model = made_model(columns=ALL_COLUMNS)
    page = page_of(model, {"examples": None})
    assert not page.has_rows
    assert json.loads(page.data)["rows"] == []
    assert difference(tmp_path, model, {"examples": None}) < 1e-3


def test_columns_come_by_importance() -> None:
    model = made_model(columns=ALL_COLUMNS)
    order = ["note", "label", "size", "day", "flag"]
    found = json.loads(page_of(model, document_of(model, importances=order)).data)["columns"]
    assert [column["name"] for column in found][:3] == ["label", "size", "flag"]
    assert {"note", "day"}.isdisjoint(column["name"] for column in found)


def test_nothing_can_be_moved_where_there_are_texts_only() -> None:
    model = made_model(columns=("note", "day"))
    assert touch_page(model, document_of(model)) is None


def test_hostile_names_stay_text() -> None:
    bad = "</script><img src=x onerror=alert(1)>\u2028&amp;<!--"
    model = made_model(columns=("size", "label"))
    description = model.description
    schema = replace(description.schema, classes=(bad, description.schema.classes[1]))
    levels = replace(description.encoder.categories[0], levels=(bad, *description.encoder.categories[0].levels[1:]))
    encoder = replace(description.encoder, categories=(levels,))
    hostile = replace(model, description=replace(description, schema=schema, encoder=encoder))
    document = document_of(hostile)
    document["examples"]["rows"][0]["true"] = bad
    page = page_of(hostile, document)
    assert not set("<>&\u2028") & set(page.data)
    assert json.loads(page.data)["classes"][0].startswith("</script>")
    for script in (page.script, page.style):
        assert "</" not in script


def test_scripts_make_no_markup_and_evaluate_nothing() -> None:
    script = page_of(made_model(), {"examples": None}).script
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "fetch(", "http:"):
        assert word not in script.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("n_classes", [2, 26])
def test_the_section_stays_small(n_classes: int) -> None:
    model = made_model(columns=ALL_COLUMNS, nets=(4,), n_members=8, n_classes=n_classes)
    page = page_of(model, document_of(model))
    assert len((page.data + page.script + page.style).encode()) < MOST_BYTES


def test_no_page_where_no_network_fits() -> None:
    model = made_model(columns=ALL_COLUMNS)
    assert touch_page(model, document_of(model), most_bytes=80_000) is None


def test_three_hundred_columns_fit() -> None:
    """Numbers of 300 quantiles, codes for 254 values, categories of 254 levels, and the whole ensemble beside them."""
    model = wide_model()
    assert len(model.description.schema.columns) == 300
    cells = ["1.5"] * 296 + ["level 7"] * 4
    rows = [{"number": i, "true": "class 0", "cells": cells} for i in range(16)]
    document = {"examples": {"columns": model.description.schema.names, "rows": rows}}
    page = page_of(model, document)
    assert len((page.data + page.script + page.style).encode()) < MOST_BYTES
    assert len(json.loads(page.data)["columns"]) >= 6


@cache
def wide_model() -> Model:
    """A model of 300 columns; its network has random weights."""
    random, n_rows = np.random.default_rng(0), 9000
    cells = {f"number {j}": random.normal(size=n_rows).round(5) for j in range(290)}
    cells |= {f"value {j}": random.integers(0, 254, n_rows) for j in range(6)}
    cells |= {f"level {j}": [f"level {i}" for i in random.integers(0, 300, n_rows)] for j in range(4)}
    kinds: list[Kind] = ["categorical" if name.startswith("level") else "numeric" for name in cells]
    labels = np.arange(n_rows) % 2
    schema = Schema(tuple(map(Column, cells, kinds)), "y", ("class 0", "class 1"))
    return model_of(rows_of(cells), schema, labels, (1,), layers=(64, 64, 64), n_members=8, n_bins=24)


@needs_node
def test_a_small_network_of_two_numbers_is_its_own_lesson(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(1500, 2))
    rows = rows_of({"a": x[:, 0], "b": x[:, 1]})
    schema = Schema((Column("a", "numeric"), Column("b", "numeric")), "y", ("class 0", "class 1", "class 2"))
    labels = (x.sum(axis=1) > 0).astype(np.int64) + (x[:, 0] > 1)
    model = model_of(rows, schema, labels, (1,), layers=(5,), n_members=1, n_bins=0, activation="tanh")
    examples = [{"number": i, "true": f"class {labels[i]}", "cells": [str(v) for v in x[i]]} for i in range(9)]
    page = page_of(model, {"examples": {"columns": ["a", "b"], "rows": examples}})
    script = f"{page.script}\nconst page = nncliTouch.decode({page.data}), own = nncliTouch.lessonOwn(page)"
    expression = "nncliTouch.lessonPoints(page).points.map(({ x }) => nncliTouch.lessonForward(own, x).proba)"
    found = run_script(tmp_path, script, expression)
    assert np.abs(np.array(found) - model.predict_proba(model.encode(rows).take(slice(9)))).max() < 1e-3


def test_calibration_is_embedded() -> None:
    assert json.loads(page_of(made_model(calibration=SOFT), {"examples": None}).data)["calibration"] == [1.7, 0.01]
    assert json.loads(page_of(made_model(calibration=UNCALIBRATED), {"examples": None}).data)["calibration"] == [1, 0]


@pytest.mark.parametrize(
    ("huge", "moved"),
    [(["1.7e308", "-1.7e308"], ["b"]), (["-1.7e308"], ["odd", "b"]), (["1e300", "1e299", "1e39"], ["odd", "b"])],
)
def test_a_range_that_no_page_can_draw_is_not_moved(huge: list[str], moved: list[str]) -> None:
    """Beyond single precision; a half of that can be."""
    random = np.random.default_rng(1)
    x = random.normal(size=(1500, 2))
    odd = [huge[i // 40 % len(huge)] if i % 40 == 0 else str(value) for i, value in enumerate(x[:, 0])]
    rows = rows_of({"odd": odd, "b": x[:, 1]})
    schema = Schema((Column("odd", "numeric"), Column("b", "numeric")), "y", ("class 0", "class 1"))
    labels = (x.sum(axis=1) > 0).astype(np.int64)
    model = model_of(rows, schema, labels, (1,))
    examples = [{"number": i, "true": f"class {labels[i]}", "cells": [odd[i], str(x[i, 1])]} for i in range(9)]
    page = page_of(model, {"examples": {"columns": ["odd", "b"], "rows": examples}})
    columns = json.loads(page.data)["columns"]
    assert [column["name"] for column in columns] == moved
    assert np.isfinite(np.concatenate([np.array(column["grid"], dtype=float) for column in columns])).all()
