"""Permutation importance: a known truth, honest intervals, scikit-learn's own."""

import numpy as np
import pytest
from made_models import SHARP, labels_of, made_model, raw_rows, rows_for
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.metrics import log_loss

from nncli.evaluation.sampling import Sample
from nncli.explain.importance import Importances, permutation_importance
from nncli.explain.work import swap_seconds
from nncli.features.encoder import Features

MODEL = made_model(2, columns=("size", "limit", "é [%]", "flag", "label", "city", "day"), calibration=SHARP)
COLUMNS = MODEL.description.encoder.columns
FEATURES = MODEL.encode(rows_for(MODEL, 6000))
RANDOM = np.random.default_rng(0)


def drawn_labels(features: Features) -> np.ndarray:
    """Labels of which the trees' probabilities are true."""
    return (RANDOM.random(len(features)) < MODEL.predict_proba(features, "trees")[:, 1]).astype(np.int64)


def by_column(found: Importances) -> dict[str, dict[str, tuple[float, float, float]]]:
    return {each.column: {s: (i.low, i.value, i.high) for s, i in each.sides.items()} for each in found.columns}


def test_intervals_of_columns_that_say_nothing_hold_zero_as_often_as_they_promise() -> None:
    """The model listens to every column, and the labels to none: whatever it says, shuffling costs nothing."""
    held = []
    for seed in range(100):
        rows = RANDOM.choice(len(FEATURES), 150, replace=False)
        found = permutation_importance(
            MODEL, FEATURES.take(rows), RANDOM.integers(2, size=150), seed=seed, seconds=0.02
        )
        held += [i.low <= 0 <= i.high for each in found.columns for i in each.sides.values() if i.low < i.high]
    assert len(held) > 1200
    assert 0.93 < np.mean(held) < 0.98


def test_groups_of_alike_rows_make_intervals_as_honest() -> None:
    held, groups = [], np.repeat(np.arange(60), 5)
    for seed in range(60):
        labels = RANDOM.integers(2, size=60)[groups]
        rows = FEATURES.take(RANDOM.choice(len(FEATURES), 60, replace=False)[groups])
        sample = Sample(300, None, groups)
        found = permutation_importance(MODEL, rows, labels, seed=seed, sample=sample, seconds=0.02)
        held += [i.low <= 0 <= i.high for each in found.columns for i in each.sides.values() if i.low < i.high]
    assert np.mean(held) > 0.92


def test_planted_columns_come_first_and_intervals_of_noise_hold_zero() -> None:
    """Labels follow limit, label and city, and nothing else; so the trees learned, as far as rows allow."""
    cells, planted = raw_rows(6000, seed=1), {"limit", "label", "city"}
    found = permutation_importance(MODEL, FEATURES, labels_of(cells, 2), ("trees", "network"))
    assert {each.column for each in found.columns[:3]} == planted
    values = by_column(found)
    assert all(values[column]["trees"][0] > 0.05 for column in planted)
    noise = [values[column]["trees"] for column in set(COLUMNS) - planted]
    assert all(low <= 0 <= high for low, _, high in noise)
    assert any(low < high for low, _, high in noise)
    assert [each.sides["trees"].value for each in found.columns] == sorted(
        (each.sides["trees"].value for each in found.columns), reverse=True
    )


def test_values_are_those_of_scikit_learn() -> None:
    some = FEATURES.take(slice(0, 400))
    labels = drawn_labels(some)
    n_num = some.x_num.shape[1]
    singles = [name for name in COLUMNS if name != "day"]  # a date is several numbers, which it would shuffle apart

    def score(_: object, x: np.ndarray, y: np.ndarray) -> float:
        features = Features(x[:, :n_num], x[:, n_num:].astype(np.int32), some.x_text, {})
        return -log_loss(y, MODEL.predict_proba(features, "network"))

    class Fitted:
        def fit(self) -> None: ...

    x = np.hstack([some.x_num, some.x_cat])
    theirs = sklearn_importance(Fitted(), x, labels, scoring=score, n_repeats=20, random_state=0)
    ours = by_column(permutation_importance(MODEL, some, labels))
    places = dict(zip(COLUMNS, MODEL.description.encoder.places, strict=True))
    for name in singles:
        at = places[name].columns.start + (n_num if places[name].array == "x_cat" else 0)
        spread = theirs.importances_std[at]
        assert ours[name]["network"][1] == pytest.approx(theirs.importances_mean[at], abs=4 * spread + 1e-9)


def test_the_same_seed_gives_the_same_numbers_and_few_seconds_few_rows() -> None:
    labels = drawn_labels(FEATURES)
    cost = sum(swap_seconds(MODEL, side, len(COLUMNS)) for side in ("network", "trees"))
    first, again, other = (
        permutation_importance(MODEL, FEATURES, labels, seed=s, seconds=500 * cost) for s in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert first.n_rows in (499, 500)
    assert permutation_importance(MODEL, FEATURES, labels, seconds=0.0).n_rows == 100


def test_rows_count_their_weights() -> None:
    some = FEATURES.take(slice(0, 300))
    labels, weights = drawn_labels(some), np.repeat([1.0, 1e-9], 150)
    whole = by_column(permutation_importance(MODEL, some, labels, sample=Sample(300, weights)))
    low, value, high = whole["city"]["trees"]
    half = np.arange(150)
    other = by_column(permutation_importance(MODEL, some.take(half), labels[half]))["city"]["trees"]
    assert value == pytest.approx(other[1], rel=0.5)
    assert high - low == pytest.approx(other[2] - other[0], rel=0.3)


@pytest.mark.parametrize("n_rows", [1, 2])
def test_one_row_or_two_say_next_to_nothing(n_rows: int) -> None:
    found = permutation_importance(MODEL, FEATURES.take(slice(0, n_rows)), np.zeros(n_rows, dtype=np.int64))
    assert found.n_rows == n_rows
    assert n_rows == 2 or all(i.low == -np.inf for each in found.columns for i in each.sides.values())
