import time

import numpy as np
import pytest
import torch

from nncli.bundle.architecture import Architecture
from nncli.bundle.forward import NumpyNetwork
from nncli.errors import DeviceError, UsageError
from nncli.evaluation.metrics import score
from nncli.features.scaling import NetworkInputs
from nncli.network.mlp import MLP
from nncli.settings import TrainingSettings
from nncli.training.budget import Plan
from nncli.training.device import choose_device, choose_threads, use_threads
from nncli.training.loop import LabelledInputs, train_network
from nncli.training.optimisers import make_optimiser

CPU = torch.device("cpu")


def rings(n_rows: int, seed: int) -> LabelledInputs:
    """Two classes that no line parts: inside and outside of a circle."""
    random = np.random.default_rng(seed)
    x_num = random.normal(size=(n_rows, 2)).astype(np.float32)
    labels = ((x_num**2).sum(axis=1) > 1.4).astype(np.int64)
    x_cat = random.integers(0, 3, size=(n_rows, 1)).astype(np.int32)
    return LabelledInputs(NetworkInputs(x_num, x_cat, np.zeros((n_rows, 0), np.float32)), labels)


def plan(n_members: int = 4, n_bins: int = 8, max_epochs: int = 30) -> Plan:
    architecture = Architecture(
        n_num=2, n_dense=0, cat_cardinalities=(3,), n_classes=2, layers=(16, 16), activation="relu",
        n_members=n_members, n_bins=n_bins, d_embedding=4,
    )  # fmt: skip
    return Plan(architecture, dropout=0.1, batch_size=32, max_epochs=max_epochs)


def train(chosen: Plan, settings: TrainingSettings | None = None, seed: int = 0, deadline: float | None = None):  # type: ignore[no-untyped-def]
    return train_network(
        rings(600, 1), rings(200, 2), chosen, settings or TrainingSettings(), seed=seed, device=CPU, deadline=deadline
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize(("n_members", "n_bins"), [(1, 0), (4, 8)])
def test_learns_what_no_line_can_part(optimizer, n_members: int, n_bins: int) -> None:  # type: ignore[no-untyped-def]
    chosen = plan(n_members, n_bins, max_epochs=60)
    trained = train(chosen, TrainingSettings(optimizer=optimizer))
    test = rings(500, 3)
    proba = NumpyNetwork(trained.architecture, trained.arrays).predict_proba(test.inputs)
    assert score(test.labels, proba).accuracy > 0.9


def test_the_best_epoch_is_restored() -> None:
    trained = train(plan(), TrainingSettings(learning_rate=0.02))
    losses = [epoch.validation_loss for epoch in trained.history]
    assert trained.best_epoch == int(np.argmin(losses)) + 1
    validation = rings(200, 2)
    proba = NumpyNetwork(trained.architecture, trained.arrays).predict_proba(validation.inputs)
    assert score(validation.labels, proba).log_loss == pytest.approx(min(losses), abs=1e-5)


def test_stops_when_validation_does_not_improve() -> None:
    trained = train(plan(max_epochs=500), TrainingSettings(learning_rate=0.02, patience=3))
    assert trained.stop == "patience"
    assert len(trained.history) == trained.best_epoch + 3


def test_a_time_limit_ends_training_with_a_network() -> None:
    trained = train(plan(max_epochs=100_000), TrainingSettings(patience=100_000), deadline=time.monotonic() + 1)
    assert trained.stop == "time limit"
    assert train(plan(), deadline=time.monotonic() - 1).best_epoch == 1


def test_the_same_seed_gives_the_same_bits() -> None:
    first, again, other = train(plan()), train(plan()), train(plan(), seed=1)
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])
    assert any(not np.array_equal(array, other.arrays[name]) for name, array in first.arrays.items())


def test_a_loss_that_is_never_finite_is_wrong_use() -> None:
    rows = rings(100, 1)
    huge = NetworkInputs(np.full_like(rows.inputs.x_num, np.inf), rows.inputs.x_cat, rows.inputs.x_dense)
    broken = LabelledInputs(huge, rows.labels)
    with pytest.raises(UsageError, match="--learning-rate"):
        train_network(broken, broken, plan(1, 0), TrainingSettings(), seed=0, device=CPU)


def test_clipping_bounds_the_step() -> None:
    """A clip that came before the gradients or after the step would leave the steps as long as they were."""

    def one_epoch(learning_rate: float, clip: float):  # type: ignore[no-untyped-def]
        settings = TrainingSettings(optimizer="sgd", learning_rate=learning_rate, gradient_clip=clip)
        return train(plan(max_epochs=1), settings).arrays

    initial, clipped, free = one_epoch(1e-12, 1.0), one_epoch(1.0, 1e-4), one_epoch(1.0, 1e4)
    longest = 1e-4 * -(-600 // 32) / (1 - 0.9)  # steps, and what momentum makes of them
    assert 0 < max(np.abs(clipped[name] - initial[name]).max() for name in initial) <= longest
    assert max(np.abs(free[name] - initial[name]).max() for name in initial) > longest


def test_biases_and_linear_embeddings_do_not_decay() -> None:
    generator = torch.Generator().manual_seed(0)
    bins = torch.zeros(2, 8), torch.ones(2, 8)
    module = MLP(plan().architecture, bins, 0.0, generator, generator)
    decayed, undecayed = make_optimiser(module, TrainingSettings()).param_groups
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    assert {names[id(p)] for p in undecayed["params"]} == {
        "num.linear", "num.bias", "hidden.0.bias", "hidden.1.bias", "head_bias",
    }  # fmt: skip
    assert undecayed["weight_decay"] == 0 < decayed["weight_decay"]
    assert len(decayed["params"]) + len(undecayed["params"]) == len(names)


def test_devices_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(DeviceError, match="found cpu"):
        choose_device("cuda")
    assert choose_threads(7) == 7
    assert 1 <= choose_threads(None) <= 4
    before = torch.get_num_threads()
    with use_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_network_trained_on_a_gpu_is_plain_arrays() -> None:
    chosen = plan(max_epochs=40)
    trained = train_network(
        rings(600, 1), rings(200, 2), chosen, TrainingSettings(), seed=0, device=torch.device("cuda")
    )
    test = rings(500, 3)
    proba = NumpyNetwork(trained.architecture, trained.arrays).predict_proba(test.inputs)
    assert score(test.labels, proba).accuracy > 0.9
