"""How large a network, in how many epochs: chosen so that the work of the effort is not exceeded.

Work is an estimate in floating-point operations from sizes alone. The clock has no say in it, so the same data and
options give the same network on every machine.
"""

from dataclasses import dataclass, replace

from nncli.bundle.architecture import Architecture
from nncli.features.scaling import NetworkInputs
from nncli.settings import EffortSettings, NetworkSettings, Optimizer, TrainingSettings
from nncli.training.optimisers import choose_optimiser, default_learning_rate

_STEP_OVERHEAD = 1.5e8
"""Work that a gradient step costs beyond its products: about 3 ms of two cores."""
_WANTED_EPOCHS = 30
"""The best epoch of such networks is usually below this (accuracy tables of TabM: median 41 at most)."""
_FEWEST_EPOCHS = 3
_WIDTHS = (64, 48, 32)
"""The widest comes first; narrower ones are for rows that would not allow enough epochs."""
_BATCH_SIZES = ((2_800, 64), (4_500, 128), (6_400, 256), (32_000, 512), (108_000, 1024))
_LARGEST_BATCH = 2048
_MOST_BINS = 128
_MOST_SHARES = 20_000_000
"""Of bins, in a batch: each is a number in memory, several times over while the gradients are made."""
_ROWS_AT_ONCE = 256
"""Of the rows that are scored at once, the fewest."""
_ROWS_PER_BIN = 20
_MORE_NETS_SHARE = 0.1
"""Twice as many nets are trained where that costs less than this share of the work."""
_MLP_LAYERS = (64, 32)
_TABM_BLOCKS = 3
_DROPOUT = 0.03
_TEXT_SCALE = 0.15
"""A text that decides is read at a tenth of its scale too; one that is noise does little harm there."""
_MORE_PASSES = 0.25
"""Passes over all rows after the verdict, new ones twice in each, as a share of those that were best before it."""


@dataclass(frozen=True)
class Plan:
    """What will be trained, and how."""

    architecture: Architecture
    optimizer: Optimizer
    learning_rate: float
    weight_decay: float
    dropout: float
    batch_size: int
    max_epochs: int
    value_dropout: float = 0.5
    """Share of the numbers that a step takes as quantities alone, in each net that has vectors for their values."""

    @property
    def form(self) -> str:
        """For people: what tells one plan for the same data from another."""
        a = self.architecture
        text = f"text times {a.text_scale:.2g}, " if a.n_text else ""
        bins = f", {a.n_bins} bins" if a.n_bins else ""
        values = f", values in {a.n_value_nets} of {a.n_nets}" if a.most_value_nets else ""
        return (
            f"{text}{a.form}{bins}{values}, dropout {self.dropout:.2g}, batches of {self.batch_size}, "
            f"learning rate {self.learning_rate:.2g}, weight decay {self.weight_decay:.1g}"
        )


def make_plan(
    train: NetworkInputs,
    cat_cardinalities: tuple[int, ...],
    n_classes: int,
    network: NetworkSettings,
    training: TrainingSettings,
    effort: EffortSettings,
    n_rows_in_all: int,
    n_text: int = 0,
    value_cardinalities: tuple[int, ...] = (),
) -> Plan:
    """Chooses what the user left open.

    Args:
        train: the training rows.
        cat_cardinalities: codes of each category.
        n_classes: of the target.
        network: what the user says about the form.
        training: and about the training.
        effort: how much work it may be.
        n_rows_in_all: rows that the network trains on at the end, test rows and all: the work counts both times.
        n_text: columns at the end of ``x_dense`` that are text.
        value_cardinalities: codes of each number's values.
    """
    n_rows = len(train)
    batch_size = training.batch_size or default_batch_size(n_rows_in_all)
    n_counted = rows_an_epoch(n_rows, n_rows_in_all)
    candidates = [
        _with_columns(architecture, n_text, value_cardinalities)
        for architecture in _architectures(train, cat_cardinalities, n_classes, network, effort, batch_size)
    ]
    allowed = [_MORE_NETS_SHARE if a.n_nets > effort.n_nets else 1 for a in candidates]
    fitting = [
        a
        for a, share in zip(candidates, allowed, strict=True)
        if epoch_work(a, n_counted, batch_size) * _WANTED_EPOCHS <= share * effort.network_work
    ]
    chosen = (fitting or candidates[-1:])[0]
    optimizer = choose_optimiser(training, network.kind)
    return Plan(
        architecture=chosen,
        optimizer=optimizer,
        learning_rate=training.learning_rate or default_learning_rate(optimizer),
        weight_decay=training.weight_decay,
        dropout=_DROPOUT if network.dropout is None else network.dropout,
        batch_size=batch_size,
        max_epochs=training.epochs or affordable_epochs(chosen, n_counted, batch_size, effort),
    )


def _with_columns(architecture: Architecture, n_text: int, value_cardinalities: tuple[int, ...]) -> Architecture:
    """The same, told which columns are text and which numbers have codes."""
    text_scale = _TEXT_SCALE if n_text else 1.0
    told = replace(architecture, n_text=n_text, text_scale=text_scale, value_cardinalities=value_cardinalities)
    # Half of the nets: what one kind misses, the mean with the other mends.
    return replace(told, n_value_nets=told.most_value_nets // 2)


def _architectures(
    train: NetworkInputs,
    cat_cardinalities: tuple[int, ...],
    n_classes: int,
    network: NetworkSettings,
    effort: EffortSettings,
    batch_size: int,
) -> list[Architecture]:
    """What may be built, the costliest and best first."""
    n_rows, n_num = train.x_num.shape
    if network.kind == "mlp":
        forms, n_members, n_bins = [(1, network.layers or _MLP_LAYERS)], 1, 0
    else:
        widths = [network.layers] if network.layers else [(width,) * _TABM_BLOCKS for width in _WIDTHS]
        forms = [(2 * effort.n_nets, widths[0]), *((effort.n_nets, layers) for layers in widths)]
        n_members = effort.n_members
        n_bins = max(2, min(_MOST_BINS, affordable_bins(n_num, batch_size), n_rows // _ROWS_PER_BIN)) if n_num else 0
    return [
        Architecture(
            n_num=n_num,
            n_dense=train.x_dense.shape[1],
            cat_cardinalities=cat_cardinalities,
            n_classes=n_classes,
            layers=layers,
            activation=network.activation,
            n_nets=n_nets,
            n_members=n_members,
            n_bins=n_bins,
            d_embedding=8 if n_num <= 50 else 4,
        )
        for n_nets, layers in forms
    ]


def plan_for_all_rows(plan: Plan, best_epoch: int) -> Plan:
    """The plan of a network that has learned for its best number of epochs and now goes on with all rows.

    As good as learning from scratch with all rows, at a third of the price.
    """
    return replace(plan, max_epochs=max(1, round(_MORE_PASSES * best_epoch)))


def rows_an_epoch(n_rows: int, n_rows_in_all: int) -> int:
    """Rows that an epoch of training costs: its own, and its part of what comes after the verdict."""
    return round(n_rows + _MORE_PASSES * (2 * n_rows_in_all - n_rows))


def affordable_epochs(architecture: Architecture, n_rows: int, batch_size: int, effort: EffortSettings) -> int:
    """The most epochs within the work of the effort.

    Args:
        architecture: that is trained.
        n_rows: of an epoch, as :func:`rows_an_epoch` counts them.
        batch_size: rows of a step.
        effort: how much work it may be.
    """
    affordable = int(effort.network_work / epoch_work(architecture, n_rows, batch_size))
    return max(_FEWEST_EPOCHS, min(effort.max_epochs, affordable))


def affordable_bins(n_num: int, batch_size: int) -> int:
    """The most bins of each numeric column that keep a batch, or rows that are scored at once, within the memory."""
    return _MOST_SHARES // (n_num * max(batch_size, _ROWS_AT_ONCE))


def epoch_work(architecture: Architecture, n_rows: int, batch_size: int) -> float:
    """Floating-point operations of one epoch: six for each weight and row, and the overhead of the steps."""
    steps = -(-n_rows // batch_size)
    embedding = 6 * architecture.n_nets * architecture.n_num * architecture.n_bins * architecture.d_embedding
    return steps * _STEP_OVERHEAD + n_rows * (6.0 * architecture.n_weights + embedding)


def default_batch_size(n_rows: int) -> int:
    """Twice TabM's batch sizes, by rows of the table: with Muon's long steps as good, and a quarter faster."""
    return next((size for below, size in _BATCH_SIZES if n_rows < below), _LARGEST_BATCH)
