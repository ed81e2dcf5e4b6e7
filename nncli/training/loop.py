"""The training loop: epochs of gradient steps, early stopping on validation rows, the best epoch restored."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from nncli.bundle.architecture import Architecture
from nncli.errors import UsageError
from nncli.features.scaling import NetworkInputs
from nncli.network.embeddings import bin_edges
from nncli.network.mlp import MLP
from nncli.settings import TrainingSettings
from nncli.training.budget import Plan
from nncli.training.optimisers import make_optimiser

_ROWS_AT_ONCE = 4096
_STEPS_PER_LOOK = 20
"""Gradient steps between two looks at the clock, where there is a time limit."""

Stop = Literal["patience", "epochs", "time limit", "diverged"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows."""

    number: int
    """From 1."""
    train_loss: float
    """Mean cross-entropy of the members while they learned."""
    validation_loss: float
    """Log loss of the members' mean probability."""
    seconds: float
    """Since training began."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A network as plain arrays on the CPU, wherever it was trained."""

    architecture: Architecture
    arrays: dict[str, NDArray[np.float32]]
    history: tuple[Epoch, ...]
    best_epoch: int
    stop: Stop


class _Batch(NamedTuple):
    x_num: Tensor
    x_cat: Tensor
    x_dense: Tensor

    def take(self, rows: Tensor | slice) -> "_Batch":
        return _Batch(self.x_num[rows], self.x_cat[rows], self.x_dense[rows])


@dataclass(frozen=True)
class LabelledInputs:
    """Rows that the network sees, with their class numbers, shape ``(n_rows,)``."""

    inputs: NetworkInputs
    labels: NDArray[np.int64]


def train_network(
    train: LabelledInputs,
    validation: LabelledInputs,
    plan: Plan,
    settings: TrainingSettings,
    *,
    seed: int,
    device: torch.device,
    deadline: float | None = None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> TrainedNetwork:
    """Trains a network from scratch.

    Args:
        train: rows to learn from.
        validation: rows that decide when to stop.
        plan: what to train.
        settings: how.
        seed: of weights, order of rows and dropout.
        device: where.
        deadline: on the clock of ``time.monotonic``; training stops before it, after one partial epoch at least.
        on_epoch: called after each epoch.

    Raises:
        UsageError: the loss was never finite.
    """
    x, y = _on_device(train, device)
    x_val, y_val = _on_device(validation, device)
    module = _build(plan, x.x_num.cpu(), seed, device)
    optimiser = make_optimiser(module, settings)
    start = time.monotonic()
    history: list[Epoch] = []
    best_epoch, best_loss, best_state = 0, float("inf"), dict[str, Tensor]()
    stop: Stop = "epochs"
    for number in range(1, plan.max_epochs + 1):
        order = _shuffled(len(y), seed, number).to(device)
        train_loss = _run_epoch(module, optimiser, x, y, torch.split(order, plan.batch_size), settings, deadline)
        validation_loss = _log_loss(module, x_val, y_val)
        history.append(Epoch(number, train_loss, validation_loss, time.monotonic() - start))
        on_epoch(history[-1])
        if validation_loss < best_loss:
            best_epoch, best_loss = number, validation_loss
            best_state = {name: tensor.detach().clone() for name, tensor in module.arrays().items()}
        ended = _why_stop(history, best_epoch, settings.patience, deadline)
        if ended:
            stop = ended
            break
    if not best_state:
        raise UsageError("--learning-rate: the loss is not finite from the first epoch on; choose a lower rate")
    arrays = {name: tensor.cpu().numpy() for name, tensor in best_state.items()}
    return TrainedNetwork(plan.architecture, arrays, tuple(history), best_epoch, stop)


def _build(plan: Plan, x_num: Tensor, seed: int, device: torch.device) -> MLP:
    bins = bin_edges(x_num, plan.architecture.n_bins) if plan.architecture.n_bins else None
    initial = torch.Generator().manual_seed(_derived_seed(seed, 0))
    masks = torch.Generator(device).manual_seed(_derived_seed(seed, 0))
    return MLP(plan.architecture, bins, plan.dropout, initial, masks).to(device)


def _run_epoch(
    module: MLP,
    optimiser: torch.optim.Optimizer,
    x: _Batch,
    y: Tensor,
    batches: tuple[Tensor, ...],
    settings: TrainingSettings,
    deadline: float | None,
) -> float:
    """One pass, cut short at the deadline; the mean loss."""
    module.train()
    total, n_rows = torch.zeros((), device=y.device), 0
    for step, rows in enumerate(batches):
        if deadline and step and step % _STEPS_PER_LOOK == 0 and time.monotonic() > deadline:
            break
        logits = module(*x.take(rows))
        targets = y[rows].expand(logits.shape[0], -1)
        # Members learn each for itself: the mean over members and rows of each one's cross-entropy.
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(module.parameters(), settings.gradient_clip)
        optimiser.step()
        total += loss.detach() * len(rows)
        n_rows += len(rows)
    return float(total) / n_rows


@torch.no_grad()
def _log_loss(module: MLP, x: _Batch, y: Tensor) -> float:
    module.eval()
    total = torch.zeros((), device=y.device)
    for rows in _slices(len(y)):
        proba = module.predict_proba(*x.take(rows))
        total += F.nll_loss(proba.clamp_min(1e-12).log(), y[rows], reduction="sum")
    return float(total) / len(y)


def _why_stop(history: list[Epoch], best_epoch: int, patience: int, deadline: float | None) -> Stop | None:
    last = history[-1]
    if not np.isfinite(last.train_loss):
        return "diverged"
    if last.number - best_epoch >= patience:
        return "patience"
    if deadline and time.monotonic() + last.seconds / last.number > deadline:
        return "time limit"
    return None


def _on_device(rows: LabelledInputs, device: torch.device) -> tuple[_Batch, Tensor]:
    inputs = rows.inputs
    arrays = (inputs.x_num, inputs.x_cat, inputs.x_dense)
    x_num, x_cat, x_dense = (torch.from_numpy(array).to(device) for array in arrays)
    return _Batch(x_num, x_cat, x_dense), torch.from_numpy(rows.labels).to(device)


def _slices(n_rows: int) -> Iterator[slice]:
    for start in range(0, n_rows, _ROWS_AT_ONCE):
        yield slice(start, start + _ROWS_AT_ONCE)


def _shuffled(n_rows: int, seed: int, epoch: int) -> Tensor:
    """The order of rows depends on seed and epoch alone, not on what was drawn before."""
    return torch.randperm(n_rows, generator=torch.Generator().manual_seed(_derived_seed(seed, epoch)))


def _derived_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
