import numpy as np
import pytest
import torch

from nncli.bundle.architecture import Architecture
from nncli.features.scaling import NetworkInputs
from nncli.settings import TrainingSettings
from nncli.training.budget import Plan
from nncli.training.health import dead_units
from nncli.training.loop import Conditions, LabelledInputs, TrainedNetwork, train_network


def trained(activation: str = "relu") -> tuple[TrainedNetwork, NetworkInputs]:
    random = np.random.default_rng(0)
    x_num = random.normal(size=(300, 2)).astype(np.float32)
    none = np.zeros((300, 0))
    inputs = NetworkInputs(x_num, none.astype(np.int32), none.astype(np.float32), none.astype(np.int32))
    rows = LabelledInputs(inputs, (x_num[:, 0] > 0).astype(np.int64))
    architecture = Architecture(
        n_num=2, n_dense=0, cat_cardinalities=(), n_classes=2, layers=(8, 4), activation=activation,  # type: ignore[arg-type]
        n_nets=2, n_members=3, n_bins=0, d_embedding=0,
    )  # fmt: skip
    plan = Plan(architecture, "adam", 0.01, 0.0, dropout=0.0, batch_size=32, max_epochs=3)
    conditions = Conditions(TrainingSettings(), 0, torch.device("cpu"))
    return train_network(rows, rows, plan, conditions), inputs


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_unit_that_says_the_same_of_every_row_is_dead(activation: str) -> None:
    network, inputs = trained(activation)
    alive = dead_units(network, inputs)
    assert max(alive) < 0.3
    for bias, units in ((network.arrays["hidden.0.bias"], 3), (network.arrays["hidden.1.bias"], 1)):
        bias[:, :units] = -1e6  # far below zero, where neither activation moves
    first, second = dead_units(network, inputs)
    assert first >= 3 / 8
    assert second >= 1 / 4
    assert (first, second) == pytest.approx((3 / 8, 1 / 4), abs=max(alive))


def test_every_epoch_tells_the_norm_of_its_last_gradient() -> None:
    network, _ = trained()
    norms = [epoch.gradient_norm for epoch in network.history]
    assert all(np.isfinite(norms))
    assert min(norms) > 0
