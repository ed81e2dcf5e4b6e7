"""Partial dependence against tables in which every row has the same cell, and against scikit-learn's grid."""

import numpy as np
import pytest
from made_models import made_model, rows_for
from rows import cells_of

from nncli.evaluation.sampling import Sample
from nncli.explain.dependence import Dependence, partial_dependence
from nncli.table.schema import Kind

COLUMNS = ("size", "limit", "é [%]", "flag", "label", "city", "day", "note")
MODELS = {n: made_model(n, columns=COLUMNS) for n in (2, 3)}
ROWS = rows_for(MODELS[2], 300)


def dependence(n_classes: int, **options: object) -> dict[str, Dependence]:
    model = MODELS[n_classes]
    found = partial_dependence(model, model.encode(ROWS), COLUMNS, seconds=10, **options)  # type: ignore[arg-type]
    return {each.grid.column: each for each in found}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_the_mean_answer_to_rows_that_all_have_the_value(n_classes: int) -> None:
    model, weights = MODELS[n_classes], np.random.default_rng(0).random(300)
    found = dependence(n_classes, positive=1, sample=Sample(300, weights))
    assert list(found) == ["size", "limit", "é [%]", "flag", "label", "city"]
    for column, each in found.items():
        assert each.class_number == 1
        for value, *means in zip(each.grid.names, each.sides["network"], each.sides["trees"], strict=True):
            cell = {"missing": "", "true": "Yes", "false": "no", "other": "new"}.get(str(value), str(value))
            rows = ROWS.set_column(ROWS.schema.get_field_index(column), column, cells_of([cell] * 300))
            features = model.encode(rows)
            for side, mean in zip(("network", "trees"), means, strict=True):
                proba = model.predict_proba(features, side)[:, 1]  # type: ignore[arg-type]
                assert mean == pytest.approx(np.average(proba, weights=weights), abs=1e-6)


def test_grids_are_values_that_there_are() -> None:
    found = dependence(2, positive=1)
    kinds: dict[str, Kind] = {"size": "numeric", "limit": "numeric", "é [%]": "numeric", "flag": "boolean"}
    assert {name: each.grid.kind for name, each in found.items()} == {
        **kinds,
        **dict.fromkeys(("label", "city"), "categorical"),
    }
    features = MODELS[2].encode(ROWS)
    sizes = features.x_num[:, 0][~np.isnan(features.x_num[:, 0])]
    grid = np.array(found["size"].grid.names)
    assert np.isin(grid, sizes).all()
    assert 12 <= grid.size <= 20
    assert (np.diff(grid) > 0).all()
    for rank in np.linspace(0.01, 0.99, 12):
        assert np.abs((sizes[:, None] <= grid).mean(axis=0) - rank).min() < 0.01
    assert found["limit"].grid.names == (0.0, 1.0, 2.5, 10.0, 99.0)
    assert np.diff(grid).max() <= np.ptp(grid) / 9 + np.diff(np.sort(sizes)).max()  # no wide gap, however skewed
    deciles = found["size"].grid.deciles
    assert deciles is not None
    np.testing.assert_allclose((sizes[:, None] <= deciles).mean(axis=0), np.arange(1, 10) / 10, atol=0.01)
    assert found["city"].grid.deciles is None
    assert len(found["city"].grid.names) == 12  # of about sixty, the most frequent
    cities = [cell for cell in ROWS["city"].to_pylist() if cell]
    counts = [cities.count(name) for name in found["city"].grid.names if name not in ("missing", "other")]
    assert counts == sorted(counts, reverse=True)


def test_of_many_classes_the_one_that_moves_most_is_told() -> None:
    for column, each in dependence(3).items():
        moved = [np.ptp(dependence(3, positive=c)[column].sides["network"]) for c in range(3)]
        assert each.class_number == np.argmax(moved)


def test_so_many_columns_as_wanted_and_none_without_two_values() -> None:
    model = MODELS[2]
    features = model.encode(ROWS.slice(0, 1))
    assert partial_dependence(model, features, COLUMNS) == []
    found = partial_dependence(model, model.encode(ROWS), ["day", "note", "city", "size"], most=1)
    assert [each.grid.column for each in found] == ["city"]
