"""The training loop: epochs of gradient steps, weights averaged over the steps, early stopping on validation rows."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass
from math import inf, log
from typing import Any, Literal, NamedTuple, Protocol

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
Arrays = Mapping[str, NDArray[Any]]


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

    @property
    def seconds(self) -> float:
        """That its training took, those of a run that was cut off among them."""
        return self.history[-1].seconds if self.history else 0.0


@dataclass(frozen=True)
class Progress:
    """How far a network in training has come: with its arrays, all that it takes to go on to the same bits."""

    history: tuple[Epoch, ...]
    """Epochs that are done."""
    best_epoch: int
    step: int
    """Of the epoch after these: the one that comes next, from 0."""
    n_parts: int
    """Of a batch."""
    seconds: float
    """Since training began, without the time between two runs."""


class Keeper(Protocol):
    """Keeps networks on disk, so that a run that is cut off can go on. An identity stands for all that goes in."""

    def attending(self) -> AbstractContextManager[None]:
        """While a network trains: a signal waits until its state is kept."""

    def finished(self, identity: str) -> TrainedNetwork | None:
        """The network, if an earlier run has finished it."""

    def unfinished(self, identity: str, like: Arrays) -> tuple[Progress, Arrays] | None:
        """How far an earlier run has come with it; its arrays are of these shapes and types."""

    def is_due(self) -> bool:
        """Asked before each step: whether it is time to keep the state."""

    def keep(self, identity: str, progress: Progress, arrays: Arrays) -> None:
        """Keeps the state of the network in training."""

    def finish(self, identity: str, network: TrainedNetwork) -> None:
        """Takes a finished network."""


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
    on_parts: Callable[[int], None] = lambda _: None
    """Called when the memory takes a batch only in so many parts."""
    goal: float = -inf
    """A validation loss that is good enough."""
    keeper: Keeper | None = None


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

    def trained(identity: str) -> TrainedNetwork:
        module = _restored_module(start, plan, conditions) if start else _new_module(train, plan, conditions)
        run = _Run(module, train, plan, conditions, identity)
        held_back = _on_device(validation, conditions.device)
        for epoch in run.epochs(lambda: _log_loss(run.averaged, *held_back)):
            if epoch.validation_loss < run.best_loss:
                run.take_as_best(epoch)
            if stop := _why_stop(run, conditions):
                return run.finished(stop)
        return run.finished("epochs")

    return _kept([train, validation], start, plan, conditions, trained)


def continue_network(
    network: TrainedNetwork, rows: LabelledInputs, plan: Plan, conditions: Conditions
) -> TrainedNetwork:
    """Trains a trained network on, for all epochs of the plan: nothing is held back."""

    def trained(identity: str) -> TrainedNetwork:
        run = _Run(_restored_module(network.arrays, plan, conditions), rows, plan, conditions, identity)
        for epoch in run.epochs(lambda: float("nan")):
            if not run.is_finite:
                return run.finished("diverged")
            run.take_as_best(epoch)
            if run.was_cut:
                return run.finished("time limit")
        return run.finished("epochs")

    return _kept([rows], network.arrays, plan, conditions, trained)


def _kept(
    rows: Sequence[LabelledInputs],
    start: Arrays | None,
    plan: Plan,
    conditions: Conditions,
    train: Callable[[str], TrainedNetwork],
) -> TrainedNetwork:
    """The network as an earlier run finished it, or trained now, and kept on the way where that is asked for."""
    keeper = conditions.keeper
    if keeper is None:
        return train("")
    identity = _identity(rows, start, plan, conditions)
    known = keeper.finished(identity)
    if known is not None:
        return known
    with keeper.attending():
        network = train(identity)
        keeper.finish(identity, network)
    return network


def _identity(rows: Sequence[LabelledInputs], start: Arrays | None, plan: Plan, conditions: Conditions) -> str:
    """Of a network: a hash of everything that decides what becomes of it but versions, device and threads."""
    digest = hashlib.sha256(repr((plan, conditions.settings, conditions.seed, conditions.goal)).encode())
    parts = [array for each in rows for array in (*vars(each.inputs).values(), each.labels, each.weights)]
    # Those of a network that comes from a file stand in another order.
    for array in (*parts, *(array for _, array in sorted((start or {}).items()))):
        digest.update(repr(None if array is None else (array.shape, array.dtype)).encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]


class _Run:
    """A network in training: the module, the average of its weights, and what happened so far."""

    def __init__(self, module: MLP, rows: LabelledInputs, plan: Plan, conditions: Conditions, identity: str) -> None:
        """Begins, or goes on where an earlier run with this network was cut off."""
        self._module, self._conditions, self._plan, self._identity = module, conditions, plan, identity
        self._x, self._y, self._row_weights = _on_device(rows, conditions.device)
        self._optimisers = make_optimisers(self._module, plan.optimizer, plan.learning_rate, plan.weight_decay)
        self.averaged = deepcopy(self._module).requires_grad_(False).eval()
        self._weights: list[Tensor] = list(self._module.parameters())
        self._averages: list[Tensor] = list(self.averaged.parameters())
        self._n_parts = 1
        """Of a batch, for the gradients: more than one on a device that has too little memory for all of it."""
        self.history: list[Epoch] = []
        self._step_number = 0
        """Of the epoch that comes next or is under way: the step that comes next."""
        self._total_loss = torch.zeros((), device=self._y.device)
        """Of the epoch's rows so far."""
        self.best_epoch = 0
        self._best = {name: tensor.detach().clone() for name, tensor in self.averaged.arrays().items()}
        self._gradient_norm = float("nan")
        self.was_cut = False
        """Whether the deadline fell into the last epoch."""
        self._start = time.monotonic()
        if conditions.keeper is not None:
            self._go_on(conditions.keeper)

    @property
    def best_loss(self) -> float:
        """Validation loss of the best epoch."""
        return self.history[self.best_epoch - 1].validation_loss if self.best_epoch else inf

    @property
    def is_finite(self) -> bool:
        """Whether the averaged weights are numbers."""
        return all(bool(tensor.isfinite().all()) for tensor in self.averaged.arrays().values())

    def epochs(self, validate: Callable[[], float]) -> Iterator[Epoch]:
        """Those that are left of the plan."""
        while len(self.history) < self._plan.max_epochs:
            yield self._epoch(validate)

    def _epoch(self, validate: Callable[[], float]) -> Epoch:
        number = len(self.history) + 1
        order = _shuffled(len(self._y), self._conditions.seed, number).to(self._y.device)
        # A small last batch would make a step as long as any other; its rows come up in other epochs.
        n_full = max(1, len(order) // self._plan.batch_size) * self._plan.batch_size
        train_loss = self._pass(torch.split(order[:n_full], self._plan.batch_size))
        self.history.append(Epoch(number, train_loss, validate(), self._gradient_norm, time.monotonic() - self._start))
        self._conditions.on_epoch(self.history[-1])
        return self.history[-1]

    @torch.no_grad()
    def take_as_best(self, epoch: Epoch) -> None:
        """The averaged weights are those of the best epoch so far."""
        self.best_epoch = epoch.number
        for name, tensor in self.averaged.arrays().items():
            self._best[name].copy_(tensor)

    def finished(self, stop: Stop) -> TrainedNetwork:
        """The outcome, by the weights of the best epoch."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in self._best.items()}
        return TrainedNetwork(self._plan, arrays, tuple(self.history), self.best_epoch, stop)

    def _pass(self, batches: Sequence[Tensor]) -> float:
        """What is left of one pass over the rows, cut short at the deadline; the mean loss."""
        deadline, keeper = self._conditions.deadline, self._conditions.keeper
        while self._step_number < len(batches):
            step = self._step_number
            if keeper is not None and keeper.is_due():
                self._keep(keeper)
            if deadline and step and step % _STEPS_PER_LOOK == 0 and time.monotonic() > deadline:
                self.was_cut = True
                break
            rows = batches[step]
            self._total_loss += self._step(rows, is_last=step == len(batches) - 1) * len(rows)
            self._step_number += 1
        n_rows = sum(len(rows) for rows in batches[: self._step_number])
        mean = float(self._total_loss) / n_rows
        self._total_loss.zero_()
        self._step_number = 0
        return mean

    def _keep(self, keeper: Keeper) -> None:
        seconds = time.monotonic() - self._start
        progress = Progress(tuple(self.history), self.best_epoch, self._step_number, self._n_parts, seconds)
        keeper.keep(self._identity, progress, _as_numpy(self._state()))

    @torch.no_grad()
    def _go_on(self, keeper: Keeper) -> None:
        """Takes up the state of an earlier run, if one is kept."""
        state = self._state()
        found = keeper.unfinished(self._identity, _as_numpy(state))
        if found is None:
            return
        progress, arrays = found
        for name, tensor in state.items():
            tensor.copy_(torch.from_numpy(arrays[name]))
        self._module.dropout.generator.set_state(state["masks"])
        self.history, self.best_epoch = list(progress.history), progress.best_epoch
        self._step_number, self._n_parts = progress.step, progress.n_parts
        self._gradient_norm = self.history[-1].gradient_norm if self.history else float("nan")
        self._start -= progress.seconds

    def _state(self) -> dict[str, Tensor]:
        """The tensors that change while it trains: they themselves, but for a copy of the state of the masks."""
        groups: dict[str, Mapping[str, Tensor]] = {
            "weights": self._module.arrays(),
            "averages": self.averaged.arrays(),
            "best": self._best,
            **{f"optimiser{i}": dict(_numbered(each.state)) for i, each in enumerate(self._optimisers)},
        }
        named = {f"{group}.{name}": t for group, tensors in groups.items() for name, t in tensors.items()}
        return {**named, "loss": self._total_loss, "masks": self._module.dropout.generator.get_state()}

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
                self._conditions.on_parts(self._n_parts)

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


def _numbered(tensors: Sequence[Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((str(number), tensor) for number, tensor in enumerate(tensors))


def _as_numpy(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


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


def _why_stop(run: _Run, conditions: Conditions) -> Stop | None:
    last, deadline = run.history[-1], conditions.deadline
    if not np.isfinite(last.train_loss):
        return "diverged"
    if run.was_cut:
        return "time limit"
    if last.validation_loss <= conditions.goal:
        return "goal"
    if last.number - run.best_epoch >= conditions.settings.patience:
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
