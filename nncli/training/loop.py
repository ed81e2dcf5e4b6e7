"""The training loop: epochs of gradient steps, weights averaged over the steps, early stopping on validation rows."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import inf, log
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from nncli.bundle.architecture import Architecture
from nncli.features.scaling import NetworkInputs
from nncli.network.embeddings import bin_edges
from nncli.network.mlp import MLP
from nncli.settings import TrainingSettings
from nncli.training.budget import Plan
from nncli.training.optimisers import make_optimisers

_ROWS_AT_ONCE = 4096
_NUMBERS_AT_ONCE = 20_000_000
"""Of the rows that are scored at once: the most shares of bins."""
_STEPS_PER_LOOK = 20
"""Gradient steps between two looks at the clock, where there is a time limit."""

Stop = Literal["patience", "epochs", "time limit", "diverged", "goal"]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows."""

    number: int
    """From 1."""
    train_loss: float
    """Mean cross-entropy of the members while they learned, of weighted rows where rows have weights; as the next."""
    validation_loss: float
    """Log loss of the mean probability, by averaged weights; not a number where no rows were held back."""
    gradient_norm: float
    """Of the last step's batch."""
    seconds: float
    """Since training began."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A network as plain arrays on the CPU, wherever it was trained."""

    plan: Plan
    arrays: dict[str, NDArray[np.float32]]
    history: tuple[Epoch, ...]
    best_epoch: int
    stop: Stop

    @property
    def loss(self) -> float:
        """Validation loss of the best epoch; infinite where nothing was learned."""
        return self.history[self.best_epoch - 1].validation_loss if self.best_epoch else float("inf")


class _Batch(NamedTuple):
    x_num: Tensor
    x_cat: Tensor
    x_dense: Tensor
    x_value: Tensor

    def take(self, rows: Tensor | slice) -> "_Batch":
        return _Batch(*(tensor[rows] for tensor in self))


@dataclass(frozen=True)
class LabelledInputs:
    """Rows that the network sees, with what it is to answer."""

    inputs: NetworkInputs
    labels: NDArray[Any]
    """Class numbers, shape ``(n_rows,)``; or the probabilities that all members together are to give, shape
    ``(n_rows, n_classes)``, float32."""
    weights: NDArray[np.float64] | None = None
    """How much each row counts, about one in the mean, shape ``(n_rows,)``; ``None``: all the same."""


@dataclass(frozen=True)
class Conditions:
    """Under which a network is trained."""

    settings: TrainingSettings
    seed: int
    """Of weights, order of rows and dropout."""
    device: torch.device
    deadline: float | None = None
    """On the clock of ``time.monotonic``: training stops soon after it, within an epoch if need be."""
    on_epoch: Callable[[Epoch], None] = lambda _: None
    """Called after each epoch."""
    goal: float = -inf
    """A validation loss that is good enough."""


def train_network(
    train: LabelledInputs,
    validation: LabelledInputs,
    plan: Plan,
    conditions: Conditions,
    start: Mapping[str, NDArray[np.float32]] | None = None,
) -> TrainedNetwork:
    """Trains a network, from scratch or from arrays; validation rows decide when to stop, the best epoch is restored.

    Where the loss was never finite, that is epoch 0: nothing was learned.
    """
    module = _restored_module(start, plan, conditions) if start else _new_module(train, plan, conditions)
    run = _Run(module, train, plan, conditions)
    held_back = _on_device(validation, conditions.device)
    best_epoch, best_loss, best_state = 0, float("inf"), run.state()
    stop: Stop = "epochs"
    for _ in range(plan.max_epochs):
        epoch = run.epoch(lambda: _log_loss(run.averaged, *held_back))
        if epoch.validation_loss < best_loss:
            best_epoch, best_loss, best_state = epoch.number, epoch.validation_loss, run.state()
        ended = _why_stop(run, best_epoch, conditions)
        if ended:
            stop = ended
            break
    return run.finished(best_state, best_epoch, stop)


def continue_network(
    network: TrainedNetwork, rows: LabelledInputs, plan: Plan, conditions: Conditions
) -> TrainedNetwork:
    """Trains a trained network on, for all epochs of the plan: nothing is held back."""
    run = _Run(_restored_module(network.arrays, plan, conditions), rows, plan, conditions)
    last_epoch, last_state = 0, run.state()
    stop: Stop = "epochs"
    for _ in range(plan.max_epochs):
        epoch, state = run.epoch(lambda: float("nan")), run.state()
        if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
            stop = "diverged"
            break
        last_epoch, last_state = epoch.number, state
        if run.was_cut:
            stop = "time limit"
            break
    return run.finished(last_state, last_epoch, stop)


class _Run:
    """A network in training: the module, the average of its weights, and what happened so far."""

    def __init__(self, module: MLP, rows: LabelledInputs, plan: Plan, conditions: Conditions) -> None:
        self._module, self._conditions, self._plan = module, conditions, plan
        self._x, self._y, self._row_weights = _on_device(rows, conditions.device)
        self._optimisers = make_optimisers(self._module, plan.optimizer, plan.learning_rate, plan.weight_decay)
        self.averaged = deepcopy(self._module).requires_grad_(False).eval()
        self._weights: list[Tensor] = list(self._module.parameters())
        self._averages: list[Tensor] = list(self.averaged.parameters())
        self._n_parts = 1
        """Of a batch, for the gradients: more than one on a device that has too little memory for all of it."""
        self.history: list[Epoch] = []
        self._gradient_norm = float("nan")
        self.was_cut = False
        """Whether the deadline fell into the last epoch."""
        self._start = time.monotonic()

    def epoch(self, validate: Callable[[], float]) -> Epoch:
        number = len(self.history) + 1
        order = _shuffled(len(self._y), self._conditions.seed, number).to(self._y.device)
        # A small last batch would make a step as long as any other; its rows come up in other epochs.
        n_full = max(1, len(order) // self._plan.batch_size) * self._plan.batch_size
        train_loss = self._pass(torch.split(order[:n_full], self._plan.batch_size))
        self.history.append(Epoch(number, train_loss, validate(), self._gradient_norm, time.monotonic() - self._start))
        self._conditions.on_epoch(self.history[-1])
        return self.history[-1]

    def state(self) -> dict[str, Tensor]:
        """A copy of the averaged weights."""
        return {name: tensor.detach().clone() for name, tensor in self.averaged.arrays().items()}

    def finished(self, state: dict[str, Tensor], best_epoch: int, stop: Stop) -> TrainedNetwork:
        """The outcome, by the weights of one epoch."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in state.items()}
        return TrainedNetwork(self._plan, arrays, tuple(self.history), best_epoch, stop)

    def _pass(self, batches: Sequence[Tensor]) -> float:
        """One pass over the rows, cut short at the deadline; the mean loss."""
        deadline = self._conditions.deadline
        total, n_rows = torch.zeros((), device=self._y.device), 0
        for step, rows in enumerate(batches):
            if deadline and step and step % _STEPS_PER_LOOK == 0 and time.monotonic() > deadline:
                self.was_cut = True
                break
            total += self._step(rows, is_last=step == len(batches) - 1) * len(rows)
            n_rows += len(rows)
        return float(total) / n_rows

    def _step(self, rows: Tensor, is_last: bool) -> Tensor:
        loss = self._leave_gradients(rows)
        if is_last:  # the optimisers may change the gradients
            gradients = [weight.grad for weight in self._weights if weight.grad is not None]
            self._gradient_norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
        for optimiser in self._optimisers:
            optimiser.step()
        with torch.no_grad():
            torch._foreach_lerp_(self._averages, self._weights, 1 - self._conditions.settings.average_decay)
        return loss

    def _leave_gradients(self, rows: Tensor) -> Tensor:
        """The mean loss of a batch, and its gradients at the weights; in as many parts as the memory takes."""
        masks = self._module.dropout.generator
        drawn_before = masks.get_state()
        while True:
            for weight in self._weights:
                weight.grad = None
            losses = []
            try:
                for part in rows.chunk(self._n_parts):
                    masks.set_state(drawn_before)  # one mask for the batch, however many parts it has
                    losses.append(self._backward(part, len(part) / len(rows)))
                return torch.stack(losses).sum()
            except torch.OutOfMemoryError:
                if self._n_parts >= len(rows):
                    raise
                self._n_parts *= 2

    def _backward(self, rows: Tensor, share: float) -> Tensor:
        """A part's share of the batch's mean loss; its gradients are added to those at the weights."""
        logits = self._module(*self._x.take(rows)).flatten(0, 1)
        if self._y.is_floating_point():
            loss = share * _joint_loss(logits, self._y[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach()
        targets = self._y[rows].expand(len(logits), -1)
        # Members learn each for itself, nets too: the mean over members and rows, summed over nets.
        if self._row_weights is None:
            loss = share * F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        else:
            # Not over the batch's own weights: a batch of light rows is to move the network little.
            losses = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
            loss = share * (losses.view(len(logits), -1) * self._row_weights[rows]).mean()
        (loss * self._plan.architecture.n_nets).backward()  # type: ignore[no-untyped-call]
        return loss.detach()


def _joint_loss(logits: Tensor, proba: Tensor) -> Tensor:
    """Cross-entropy between probabilities and the mean of the members' ones; of ``(n_members, B, n_classes)``."""
    together = logits.log_softmax(dim=2).logsumexp(dim=0) - log(len(logits))
    return -(proba * together).sum(dim=1).mean()


def _new_module(rows: LabelledInputs, plan: Plan, conditions: Conditions) -> MLP:
    n_bins = plan.architecture.n_bins
    bins = bin_edges(torch.from_numpy(rows.inputs.x_num), n_bins) if n_bins else None
    return _module(bins, plan, conditions)


def _restored_module(arrays: Mapping[str, NDArray[np.float32]], plan: Plan, conditions: Conditions) -> MLP:
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    bins = (state["num.left"], state["num.inverse_width"]) if "num.left" in state else None
    module = _module(bins, plan, conditions)
    module.restore_(state)
    return module


def _module(bins: tuple[Tensor, Tensor] | None, plan: Plan, conditions: Conditions) -> MLP:
    seed = _derived_seed(conditions.seed, 0)
    initial = torch.Generator().manual_seed(seed)
    masks = torch.Generator(conditions.device).manual_seed(seed)
    return MLP(plan.architecture, bins, plan.dropout, initial, masks, plan.value_dropout).to(conditions.device)


@torch.no_grad()
def _log_loss(module: MLP, x: _Batch, y: Tensor, weights: Tensor | None) -> float:
    total = torch.zeros((), device=y.device)
    for rows in _slices(len(y), module.architecture):
        log_proba = module.predict_proba(*x.take(rows)).clamp_min(1e-12).log()
        total += _nll(log_proba, y[rows]) if weights is None else weights[rows] @ _row_nll(log_proba, y[rows])
    return float(total) / (len(y) if weights is None else float(weights.sum()))


def _nll(log_proba: Tensor, y: Tensor) -> Tensor:
    """Sum over rows; of class numbers, or of probabilities: then it is the cross-entropy."""
    if y.is_floating_point():
        return -(y * log_proba).sum()
    return F.nll_loss(log_proba, y, reduction="sum")


def _row_nll(log_proba: Tensor, y: Tensor) -> Tensor:
    """The same of each row."""
    if y.is_floating_point():
        return -(y * log_proba).sum(dim=1)
    return F.nll_loss(log_proba, y, reduction="none")


def _why_stop(run: _Run, best_epoch: int, conditions: Conditions) -> Stop | None:
    last, deadline = run.history[-1], conditions.deadline
    if not np.isfinite(last.train_loss):
        return "diverged"
    if run.was_cut:
        return "time limit"
    if last.validation_loss <= conditions.goal:
        return "goal"
    if last.number - best_epoch >= conditions.settings.patience:
        return "patience"
    if deadline and time.monotonic() + last.seconds / last.number > deadline:
        return "time limit"
    return None


def _on_device(rows: LabelledInputs, device: torch.device) -> tuple[_Batch, Tensor, Tensor | None]:
    """Inputs, labels and, where there are any, weights."""
    x = _Batch(*(torch.from_numpy(array).to(device) for array in rows.inputs.arrays))
    y = torch.from_numpy(rows.labels).to(device)
    weights = None if rows.weights is None else torch.from_numpy(rows.weights.astype(np.float32)).to(device)
    return x, y, weights


def _slices(n_rows: int, architecture: Architecture) -> Iterator[slice]:
    """As many rows as fit the memory also where a table has thousands of columns with many bins each."""
    numbers_a_row = max(1, architecture.n_num * architecture.n_bins)
    at_once = max(1, min(_ROWS_AT_ONCE, _NUMBERS_AT_ONCE // numbers_a_row))
    for start in range(0, n_rows, at_once):
        yield slice(start, start + at_once)


def _shuffled(n_rows: int, seed: int, epoch: int) -> Tensor:
    """The order of rows depends on seed and epoch alone, not on what was drawn before."""
    return torch.randperm(n_rows, generator=torch.Generator().manual_seed(_derived_seed(seed, epoch)))


def _derived_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
