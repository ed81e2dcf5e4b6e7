"""Friedman's H: what is planted is found, what adds up has none, and the trees' short way is the long way's result."""

from itertools import combinations

import numpy as np
import pytest
from made_models import ENCODABLE, NUMERIC, SOFT, made_model, rows_for

from nncli.bundle.model import Model
from nncli.explain.interactions import _dependence, pair_interactions
from nncli.explain.scores import contrast
from nncli.features.encoder import Features

COLUMNS = (*NUMERIC, *ENCODABLE, "day", "note")


def test_a_product_acts_together_and_a_sum_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made_model(2, NUMERIC)
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 3))
    empty = np.zeros((50, 0))
    features = Features(x, empty.astype(np.int32), empty.astype(np.float32), {})

    def made(_: Model, features: Features, side: str) -> np.ndarray:
        a, b, c = features.x_num.T
        positive = 1 / (1 + np.exp(-(0.8 * a * b + c)))
        return np.column_stack([1 - positive, positive])

    monkeypatch.setattr(Model, "raw_proba", made)
    found = pair_interactions(model, features, NUMERIC, ["network"])
    strengths = {pair.columns: pair.sides["network"] for pair in found.pairs}
    a, b, _ = x.T
    joint = 0.8 * a * b
    alone = 0.8 * (a * b.mean() + a.mean() * b)
    missed = (joint - joint.mean()) - (alone - alone.mean())
    assert found.n_rows == 50
    assert found.pairs[0].columns == NUMERIC[:2]
    planted = strengths[NUMERIC[:2]]
    assert planted.effect == pytest.approx(np.sqrt(np.mean(missed**2)), rel=1e-6)
    assert planted.h == pytest.approx(np.sqrt(np.mean(missed**2) / np.var(joint)), rel=1e-6)
    assert all(strengths[pair].h < 1e-9 for pair in strengths if pair != NUMERIC[:2])


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("class_number", [None, 1])
def test_dependence_on_the_trees_is_what_walking_every_row_gives(n_classes: int, class_number: int | None) -> None:
    model = made_model(n_classes, COLUMNS, calibration=SOFT)
    features, places = model.encode(rows_for(model, 15)), model.description.encoder.places
    every = np.arange(15)
    columns = range(0, len(places), 2)
    sets = [*((c,) for c in columns), *combinations(columns, 2)]
    classes = range(n_classes) if class_number is None else [class_number]
    weights = np.array([contrast(n_classes, c) for c in classes]) / SOFT.temperature
    found = _dependence(model, "trees", features, sets, class_number)
    for some in sets:
        rows, given = features.take(np.tile(every, 15)), features.take(np.repeat(every, 15))
        for column in some:
            rows = rows.with_column(places[column], given)
        scores = np.log(model.raw_proba(rows, "trees")) @ weights.T
        expected = scores.reshape(15, 15, -1).mean(axis=1)
        np.testing.assert_allclose(found[some] - found[some].mean(axis=0), expected - expected.mean(axis=0), atol=1e-9)
