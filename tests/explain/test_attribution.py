"""What columns add to an answer: the parts add up, and belong to the columns that they are said to belong to."""

from dataclasses import replace

import numpy as np
import pytest
from made_models import ENCODABLE, NUMERIC, made_model, rows_for

from nncli.bundle.model import Model
from nncli.evaluation.calibration import UNCALIBRATED, Calibration
from nncli.explain.attribution import network_attribution, trees_attribution
from nncli.explain.networks import restored_networks
from nncli.explain.trace import trace_row
from nncli.prediction.occlusion import typical_features

COLUMNS = (*NUMERIC, *ENCODABLE, "day", "note")
WARM = Calibration(1.7, 0.0)


def score(proba: np.ndarray, c: int) -> float:
    """Of a class: log-odds of two, else the log-probability less the mean."""
    logs = np.log(proba)
    return float(logs[c] - logs[1 - c]) if logs.size == 2 else float(logs[c] - logs.mean())


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    ("nets", "calibration", "n_members", "n_bins"),
    [((2,), UNCALIBRATED, 3, 6), ((2, 1), WARM, 3, 6), ((1,), WARM, 1, 0)],
)
def test_both_sides_add_up_to_the_score_of_what_predict_says(
    n_classes: int, nets: tuple[int, ...], calibration: Calibration, n_members: int, n_bins: int
) -> None:
    model = made_model(n_classes, COLUMNS, nets, calibration, n_members=n_members, n_bins=n_bins)
    networks, features = restored_networks(model), model.encode(rows_for(model, 3))
    for number in range(3):
        row = features.take(slice(number, number + 1))
        for c in (0, n_classes - 1):
            network, trees = network_attribution(networks, row, c), trees_attribution(model, row, c)
            assert network.score == pytest.approx(score(model.predict_proba(row, "network")[0], c), abs=1e-4)
            assert trees.score == pytest.approx(score(model.predict_proba(row, "trees")[0], c), abs=1e-9)
            assert network.start + network.parts.sum() == pytest.approx(network.score, abs=2e-3)
            assert abs(network.residual) <= 2e-3
            assert abs(trees.residual) < 1e-9


def test_a_column_that_alone_differs_from_the_typical_row_gets_the_whole_difference() -> None:
    model = made_model(2, COLUMNS, (2, 1))
    networks, encoder = restored_networks(model), model.description.encoder
    typical = typical_features(model)
    mean = np.array([model.description.scaler.text_mean], dtype=np.float32)
    typical = replace(typical, x_text=mean)
    other = model.encode(rows_for(model, 40))
    for number, (name, place) in enumerate(zip(encoder.columns, encoder.places, strict=True)):
        moved = []
        for row in range(0, 40, 4):
            changed = typical.with_column(place, other.take(slice(row, row + 1)))
            found = network_attribution(networks, changed, 1)
            assert found.parts[number] == pytest.approx(found.score - found.start, abs=2e-3), name
            assert not np.delete(found.parts, number).any(), name
            moved.append(abs(found.parts[number]) > 1e-4)
        assert any(moved) or name == "once", name  # no level of this one comes up again


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_forward_pass_ends_in_what_predict_says(n_classes: int, activation: str) -> None:
    model: Model = made_model(n_classes, COLUMNS, (2, 1), Calibration(0.3, 0.001), activation=activation)
    networks, features = restored_networks(model), model.encode(rows_for(model, 4))
    for number in range(4):
        row = features.take(slice(number, number + 1))
        found = trace_row(networks, row)
        np.testing.assert_allclose(found.calibrated, model.predict_proba(row)[0], atol=1e-6)
        np.testing.assert_allclose(found.mean, model.raw_proba(row, "network")[0], atol=1e-6)
        for network, architecture in zip(found.networks, model.description.networks, strict=True):
            a = architecture
            shapes = [(a.n_nets, a.d_in), *((a.n_nets, a.n_members, units) for units in a.layers)]
            assert [layer.shape for layer in network.layers] == [*shapes, (a.n_nets, a.n_members, n_classes)]
            hidden = network.layers[1:-1]
            for layer in network.layers:
                assert layer.low <= layer.mean <= layer.high
            if activation == "relu":
                assert all(layer.low == 0 and 0 < layer.off < 1 for layer in hidden)
            else:
                assert all(layer.low >= -1 and layer.high <= 1 and layer.off is None for layer in hidden)
