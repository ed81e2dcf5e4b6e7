import os
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads
from threadpoolctl import threadpool_info
from torch import nn
from torch.nn import functional as F

from nncli.bundle.architecture import Architecture
from nncli.bundle.forward import NumpyNetwork
from nncli.errors import DeviceError
from nncli.evaluation.metrics import score
from nncli.features.scaling import NetworkInputs
from nncli.network.mlp import MLP
from nncli.settings import Optimizer, TrainingSettings, choose_threads
from nncli.training.budget import Plan
from nncli.training.device import choose_device, use_threads
from nncli.training.loop import (
    Arrays,
    Conditions,
    LabelledInputs,
    Progress,
    TrainedNetwork,
    continue_network,
    train_network,
)
from nncli.training.optimisers import AdamW, Muon, default_learning_rate, make_optimisers, orthogonalised

CPU = torch.device("cpu")
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
GENERATOR = torch.Generator().manual_seed(0)


def rings(n_rows: int, seed: int) -> LabelledInputs:
    """Two classes that no line parts: inside and outside of a circle."""
    random = np.random.default_rng(seed)
    x_num = random.normal(size=(n_rows, 2)).astype(np.float32)
    labels = ((x_num**2).sum(axis=1) > 1.4).astype(np.int64)
    x_cat = random.integers(0, 3, size=(n_rows, 1)).astype(np.int32)
    return LabelledInputs(NetworkInputs(x_num, x_cat, np.zeros((n_rows, 0), np.float32), x_cat[:, :0]), labels)


def plan(n_members: int = 4, n_bins: int = 8, max_epochs: int = 30, optimizer: Optimizer = "muon") -> Plan:
    architecture = Architecture(
        n_num=2, n_dense=0, cat_cardinalities=(3,), n_classes=2, layers=(16, 16), activation="relu",
        n_nets=2, n_members=n_members, n_bins=n_bins, d_embedding=4,
    )  # fmt: skip
    rate = default_learning_rate(optimizer)
    return Plan(architecture, optimizer, rate, 3e-4, dropout=0.1, batch_size=32, max_epochs=max_epochs)


def train(chosen: Plan, settings: TrainingSettings | None = None, seed: int = 0, deadline: float | None = None):  # type: ignore[no-untyped-def]
    return train_network(
        rings(600, 1), rings(200, 2), chosen, Conditions(settings or TrainingSettings(), seed, CPU, deadline)
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "muon"])
@pytest.mark.parametrize(("n_members", "n_bins"), [(1, 0), (4, 8)])
def test_learns_what_no_line_can_part(optimizer, n_members: int, n_bins: int) -> None:  # type: ignore[no-untyped-def]
    trained = train(plan(n_members, n_bins, max_epochs=60, optimizer=optimizer), TrainingSettings(patience=60))
    test = rings(500, 3)
    proba = NumpyNetwork(trained.plan.architecture, trained.arrays).predict_proba(test.inputs)
    assert score(test.labels, proba).accuracy > 0.9


def test_what_is_a_name_and_no_quantity_is_learned_from_vectors_of_values() -> None:
    """Each of 40 values has a class of its own, without any order; bins are too few to tell them apart."""

    def named(n_rows: int, seed: int) -> LabelledInputs:
        values = np.random.default_rng(seed).integers(0, 40, n_rows)
        x_num, nothing = (values[:, None] / 13 - 1.5).astype(np.float32), np.zeros((n_rows, 0))
        inputs = NetworkInputs(x_num, nothing.astype(np.int32), nothing.astype(np.float32), values[:, None] + 1)
        return LabelledInputs(inputs, np.random.default_rng(0).integers(0, 2, 40)[values])

    found = {}
    for n_value_nets in (0, 2):
        a = replace(plan().architecture, n_num=1, cat_cardinalities=(), value_cardinalities=(41,), n_bins=2)
        chosen = replace(plan(), architecture=replace(a, n_value_nets=n_value_nets))
        trained = train_network(named(1000, 1), named(300, 2), chosen, Conditions(TrainingSettings(), 0, CPU))
        test = named(500, 3)
        proba = NumpyNetwork(trained.plan.architecture, trained.arrays).predict_proba(test.inputs)
        found[n_value_nets] = score(test.labels, proba).accuracy
    assert found[2] > 0.95
    assert found[0] < 0.85


def test_the_best_epoch_is_restored() -> None:
    trained = train(replace(plan(), learning_rate=0.02))
    losses = [epoch.validation_loss for epoch in trained.history]
    assert trained.best_epoch == int(np.argmin(losses)) + 1
    validation = rings(200, 2)
    proba = NumpyNetwork(trained.plan.architecture, trained.arrays).predict_proba(validation.inputs)
    assert score(validation.labels, proba).log_loss == pytest.approx(min(losses), abs=1e-5)


def test_stops_when_validation_does_not_improve() -> None:
    trained = train(replace(plan(max_epochs=500), learning_rate=0.02), TrainingSettings(patience=3))
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


def test_a_loss_that_is_never_finite_leaves_a_network_that_learned_nothing() -> None:
    rows = rings(100, 1)
    huge = replace(rows.inputs, x_num=np.full_like(rows.inputs.x_num, np.inf))
    broken = LabelledInputs(huge, rows.labels)
    network = train_network(broken, broken, plan(1, 0), Conditions(TrainingSettings(), 0, CPU))
    assert (network.stop, network.best_epoch, network.loss) == ("diverged", 0, float("inf"))
    assert all(np.isfinite(array).all() for array in network.arrays.values())


def test_learning_on_takes_every_epoch_and_starts_from_what_was_learned() -> None:
    """With next to no learning rate the weights stay; with the usual one and more rows they get better."""
    first, x = train(plan(max_epochs=2)), rings(2000, 3)
    plan_on = plan(max_epochs=4)
    still = continue_network(first, x, replace(plan_on, learning_rate=1e-9), Conditions(TrainingSettings(), 0, CPU))
    assert (still.stop, still.best_epoch, len(still.history)) == ("epochs", 4, 4)
    for name, array in first.arrays.items():
        np.testing.assert_allclose(still.arrays[name], array, atol=1e-5)
    more = continue_network(first, x, plan_on, Conditions(TrainingSettings(), 0, CPU))
    assert more.history[0].train_loss < first.history[0].train_loss
    test = rings(500, 4)
    before, after = (NumpyNetwork(n.plan.architecture, n.arrays).predict_proba(test.inputs) for n in (first, more))
    assert score(test.labels, after).log_loss < 0.8 * score(test.labels, before).log_loss


def test_learning_on_ends_at_the_deadline() -> None:
    first, conditions = train(plan(max_epochs=1)), Conditions(TrainingSettings(), 0, CPU, time.monotonic())
    more = continue_network(first, rings(2000, 1), replace(plan(max_epochs=10_000), batch_size=1), conditions)
    assert more.stop == "time limit"
    assert len(more.history) == 1


@pytest.mark.parametrize("n_good_epochs", [0, 2])
def test_learning_on_keeps_the_last_weights_that_are_numbers(
    monkeypatch: pytest.MonkeyPatch, n_good_epochs: int
) -> None:
    first, conditions = train(plan(max_epochs=1)), Conditions(TrainingSettings(), 0, CPU)
    expected = first
    if n_good_epochs:
        expected = continue_network(first, rings(600, 1), plan(max_epochs=n_good_epochs), conditions)
    right, losses = F.cross_entropy, iter([1.0] * 20 * n_good_epochs)  # 18 steps an epoch
    monkeypatch.setattr(F, "cross_entropy", lambda *x: right(*x) * next(losses, float("nan")))
    more = continue_network(first, rings(600, 1), plan(), conditions)
    assert (more.stop, more.best_epoch, len(more.history)) == ("diverged", n_good_epochs, n_good_epochs + 1)
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(array, more.arrays[name])


def test_the_weights_that_predict_are_the_moving_average_of_those_that_learn() -> None:
    """After one step from w0 to w1 the average is w0 + (1 - decay) (w1 - w0): with decay 0 it is w1 itself."""
    one_step = replace(plan(max_epochs=1), batch_size=600)

    def after(decay: float):  # type: ignore[no-untyped-def]
        return train(one_step, TrainingSettings(average_decay=decay)).arrays

    start, moved, average = after(1.0), after(0.0), after(0.75)
    assert any(not np.array_equal(start[name], moved[name]) for name in start)
    for name in start:
        np.testing.assert_allclose(average[name], start[name] + 0.25 * (moved[name] - start[name]), atol=1e-6)


def test_a_batch_that_does_not_fit_the_memory_is_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same gradients, so the same network within rounding."""
    chosen = replace(plan(max_epochs=2), batch_size=100)
    whole, forward, sizes, said = train(chosen), MLP.forward, set[int](), list[int]()

    def starved(self: MLP, x_num: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        if self.training and len(x_num) > 30:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.add(len(x_num))
        return forward(self, x_num, *rest)

    monkeypatch.setattr(MLP, "forward", starved)
    parts = train_network(
        rings(600, 1), rings(200, 2), chosen, Conditions(TrainingSettings(), 0, CPU, on_parts=said.append)
    )
    assert 25 in sizes
    assert said == [2, 4]
    for name, array in whole.arrays.items():
        np.testing.assert_allclose(parts.arrays[name], array, atol=2e-3)
    losses = [[epoch.train_loss for epoch in network.history] for network in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_one_row_that_does_not_fit_the_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(MLP, "forward", starved)
    with pytest.raises(torch.OutOfMemoryError):
        train(plan())


def test_a_net_learns_as_if_it_were_alone() -> None:
    """The gradient of a net's weights is that of its own loss, whatever stands in the stack beside it."""
    rows = rings(64, 1)
    module = MLP(plan().architecture, (torch.zeros(2, 8), torch.ones(2, 8)), 0.0, GENERATOR, GENERATOR)
    x = rows.inputs
    inputs = [torch.from_numpy(array) for array in (x.x_num, x.x_cat, x.x_dense, x.x_value)]
    logits = module(*inputs)
    targets = torch.from_numpy(rows.labels).expand(4, -1).flatten()
    own = [F.cross_entropy(net.flatten(0, 1), targets) for net in logits]
    weights = list(module.parameters())
    together = torch.autograd.grad(torch.stack(own).sum(), weights, retain_graph=True)
    alone = torch.autograd.grad(own[0], weights)
    for both, first in zip(together, alone, strict=True):
        torch.testing.assert_close(both[0], first[0])
        assert not first[1].any()


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    for shape in ((3, 20, 50), (3, 50, 20)):
        singular = torch.linalg.svdvals(orthogonalised(torch.randn(shape, generator=GENERATOR)))
        assert 0.5 < float(singular.min()) <= float(singular.max()) < 1.3
    u, s, v = torch.linalg.svd(torch.randn(20, 20, generator=GENERATOR))
    found = orthogonalised((u @ torch.diag(s.clamp_min(0.5)) @ v).unsqueeze(0))[0]
    assert float((found * (u @ v)).sum()) / 20 > 0.85  # near the polar factor, the nearest orthogonal matrix


def test_muon_moves_hidden_weights_and_adamw_the_rest() -> None:
    module = MLP(plan().architecture, (torch.zeros(2, 8), torch.ones(2, 8)), 0.0, GENERATOR, GENERATOR)
    muon, adamw = make_optimisers(module, "muon", rate=0.02, weight_decay=0.1)
    assert (type(muon), type(adamw)) == (Muon, AdamW)
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    moved = [names[id(parameter)] for parameter in muon.parameters]  # type: ignore[attr-defined]
    assert moved == ["hidden.0.weight", "hidden.1.weight"]
    assert len(moved) + len(adamw.parameters) == len(names)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("optimizer", "oracle"),
    [
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True)),
        ("adam", lambda p: torch.optim.Adam(p, lr=0.02)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1)),
    ],
)
def test_optimisers_step_as_torchs_own_do(optimizer: Optimizer, oracle) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = (nn.Linear(5, 3, bias=False) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    [optimiser], expected = make_optimisers(ours, optimizer, rate=0.02, weight_decay=0.1), oracle(theirs.parameters())
    for _ in range(6):
        gradient = torch.randn(3, 5, generator=GENERATOR)
        ours.weight.grad, theirs.weight.grad = gradient.clone(), gradient.clone()
        optimiser.step()
        expected.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_training_loads_no_compiler() -> None:
    """It would take a second, half of what a small table takes."""
    code = (
        "import sys, numpy as np, torch\n"
        "from nncli.training.optimisers import make_optimisers\n"
        "for name in ('sgd', 'adam', 'adamw', 'muon'):\n"
        "    module = torch.nn.Sequential(torch.nn.Linear(3, 2))\n"
        "    module.hidden = torch.nn.Module(); module.hidden.weight = torch.nn.Parameter(torch.ones(1, 3, 2))\n"
        "    for p in module.parameters(): p.grad = torch.ones_like(p)\n"
        "    for optimiser in make_optimisers(module, name, 0.1, 0.1): optimiser.step()\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_devices_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(DeviceError, match="found cpu"):
        choose_device("cuda")
    assert choose_threads(7) == 7
    assert 1 <= choose_threads(None) <= 4
    before, told = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    for threads in (1, 3):  # more than there may be cores
        with use_threads(threads):
            assert (torch.get_num_threads(), _openmp_effective_n_threads()) == (threads, threads)
            assert {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"} == {1}
    assert (torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")) == (before, told)


class CutOff(Exception):
    """What ends a run."""


class InMemory:
    """Keeps networks in memory, and ends the run before every so many steps."""

    def __init__(self, steps: int) -> None:
        self._steps, self._asked = steps, 0
        self.states: dict[str, tuple[Progress, dict[str, NDArray[Any]]]] = {}
        self.networks: dict[str, TrainedNetwork] = {}

    def attending(self) -> nullcontext[None]:
        return nullcontext()

    def finished(self, identity: str) -> TrainedNetwork | None:
        return self.networks.get(identity)

    def unfinished(self, identity: str, like: Arrays) -> tuple[Progress, Arrays] | None:
        found = self.states.get(identity)
        if found:
            assert {name: (a.shape, a.dtype) for name, a in like.items()} == {
                name: (a.shape, a.dtype) for name, a in found[1].items()
            }
        return found

    def is_due(self) -> bool:
        self._asked += 1
        return self._asked % self._steps == 0

    def keep(self, identity: str, progress: Progress, arrays: Arrays) -> None:
        self.states[identity] = progress, {name: array.copy() for name, array in arrays.items()}
        raise CutOff

    def finish(self, identity: str, network: TrainedNetwork) -> None:
        self.networks[identity] = network


def without_seconds(network: TrainedNetwork) -> list[list[float]]:
    return [[e.number, e.train_loss, e.validation_loss, e.gradient_norm] for e in network.history]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "muon"])
@pytest.mark.parametrize("goes_on", [False, True], ids=["from scratch", "from a network"])
@pytest.mark.parametrize("steps", [1 + 18, 7, 18 * 4 + 1], ids=["at every epoch's end", "within epochs", "seldom"])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_GPU)])
def test_a_network_that_is_cut_off_again_and_again_has_the_same_bits(
    optimizer: Optimizer, goes_on: bool, steps: int, device: str
) -> None:
    """Cut at step boundaries of 18 steps an epoch; what was on the way is dropped, as a new process drops it."""
    rows, validation, chosen = rings(600, 1), rings(200, 2), plan(max_epochs=5, optimizer=optimizer)
    kept, n_cuts = InMemory(steps), 0
    first = train(plan(max_epochs=2))

    def trained(keeper: InMemory | None) -> TrainedNetwork:
        conditions = Conditions(TrainingSettings(), 0, torch.device(device), keeper=keeper)
        if goes_on:
            return continue_network(first, rows, chosen, conditions)
        return train_network(rows, validation, chosen, conditions)

    expected, found = trained(None), None
    while found is None:
        try:
            found = trained(kept)
        except CutOff:
            n_cuts += 1
    assert n_cuts == (18 * 5 - 1) // (steps - 1)
    assert (found.best_epoch, found.stop) == (expected.best_epoch, expected.stop)
    np.testing.assert_array_equal(without_seconds(found), without_seconds(expected))
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
    assert trained(kept) is found  # a finished network is not trained again


def test_whatever_goes_into_a_network_tells_it_from_others() -> None:
    rows, validation, chosen = rings(60, 1), rings(40, 2), plan(max_epochs=1)
    kept, conditions = InMemory(10**6), Conditions(TrainingSettings(), 0, CPU)
    start = train(chosen).arrays

    def trained(rows=rows, validation=validation, chosen=chosen, conditions=conditions, start=None) -> None:  # type: ignore[no-untyped-def]
        train_network(rows, validation, chosen, replace(conditions, keeper=kept), start)

    labels = rows.labels.copy()
    labels[0] = 1 - labels[0]
    trained()
    trained(rows=replace(rows, labels=labels))
    trained(rows=replace(rows, weights=np.ones(60)))
    trained(validation=rings(40, 3))
    trained(chosen=replace(chosen, dropout=0.2))
    trained(conditions=replace(conditions, seed=1))
    trained(conditions=replace(conditions, settings=TrainingSettings(patience=4)))
    trained(conditions=replace(conditions, goal=0.1))
    trained(start=start)
    assert len(kept.networks) == 9
    trained()
    trained(start=dict(reversed(start.items())))
    assert len(kept.networks) == 9


@NEEDS_GPU
def test_a_network_trained_on_a_gpu_is_plain_arrays() -> None:
    chosen = plan(max_epochs=40)
    trained = train_network(
        rings(600, 1), rings(200, 2), chosen, Conditions(TrainingSettings(), 0, torch.device("cuda"))
    )
    test = rings(500, 3)
    proba = NumpyNetwork(trained.plan.architecture, trained.arrays).predict_proba(test.inputs)
    assert score(test.labels, proba).accuracy > 0.9


def test_the_validation_loss_is_that_of_weighted_rows() -> None:
    weights = np.random.default_rng(0).lognormal(size=200)
    validation = replace(rings(200, 2), weights=weights)
    trained = train_network(rings(600, 1), validation, plan(), Conditions(TrainingSettings(), 0, CPU))
    proba = NumpyNetwork(trained.plan.architecture, trained.arrays).predict_proba(validation.inputs)
    assert trained.loss == pytest.approx(score(validation.labels, proba, weights).log_loss, abs=1e-5)
    assert trained.loss == min(epoch.validation_loss for epoch in trained.history)


def test_a_row_of_weight_two_moves_the_network_as_two_rows_do() -> None:
    """One batch an epoch, no dropout and no bins: nothing but the mean loss depends on how rows are told."""
    rows, weights = rings(60, 1), np.random.default_rng(0).integers(0, 3, 60)
    repeated = np.repeat(np.arange(60), weights)
    once = LabelledInputs(rows.inputs, rows.labels, weights * 60 / repeated.size)
    twice = LabelledInputs(rows.inputs.take(repeated), rows.labels[repeated])
    chosen = replace(plan(1, 0, max_epochs=8, optimizer="sgd"), batch_size=200, dropout=0.0)
    found, expected, plain = (
        train_network(some, rings(50, 2), chosen, Conditions(TrainingSettings(), 0, CPU))
        for some in (once, twice, rows)
    )
    assert [epoch.train_loss for epoch in found.history] == pytest.approx(
        [epoch.train_loss for epoch in expected.history], rel=1e-4
    )
    for name, array in expected.arrays.items():
        np.testing.assert_allclose(found.arrays[name], array, atol=1e-5)
    assert abs(plain.history[-1].train_loss - found.history[-1].train_loss) > 1e-3


def test_weights_of_one_are_no_weights() -> None:
    rows = rings(300, 1)
    found, expected = (
        train_network(some, rings(100, 2), plan(max_epochs=3), Conditions(TrainingSettings(), 0, CPU))
        for some in (replace(rows, weights=np.ones(300)), rows)
    )
    assert found.loss == pytest.approx(expected.loss, abs=1e-3)
