"""Every option's default, unit and range, once: frozen dataclasses that the command line fills.

A value out of range raises :class:`~nncli.errors.UsageError` with the option's name, wherever it came from.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from nncli.errors import UsageError, show

NetworkKind = Literal["tabm", "mlp"]
Activation = Literal["relu", "tanh", "gelu", "selu", "silu", "sigmoid"]
Optimizer = Literal["sgd", "adam", "adamw", "muon"]
Effort = Literal["quick", "default", "best"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Side = Literal["network", "trees", "fast", "blend"]
"""Who predicts; ``fast``: the small network that learned from the answers of the large one; ``blend``: network and
trees as one."""
BOTH_SIDES: tuple[Side, ...] = ("network", "trees")
"""Those that the verdict of a trained model is about."""
DefaultSide = Literal["network", "blend"]
"""Who predicts where nobody is named."""
InputFormat = Literal["csv", "tsv", "jsonl", "parquet"]
DELIMITED: tuple[InputFormat, ...] = ("csv", "tsv")
Delimiter = Literal[",", "\t", ";", "|"]
OutputFormat = InputFormat
BadRows = Literal["error", "skip", "null"]
LearnedBadRows = Literal["error", "skip"]
"""Of these, what can become of a row that is to be learned from."""
Proba = Literal["none", "max", "all"]
With = Literal["network", "trees", "blend", "both"]
Requirement = Literal["win", "tie"]
ExportFormat = Literal["onnx", "torch"]
ReportFormat = Literal["html", "md", "json"]
ExportedSide = Literal["network", "trees", "blend"]
ConformalMethod = Literal["lac", "aps", "raps"]
Metric = Literal["log_loss", "roc_auc", "accuracy", "balanced_accuracy", "brier"]
Library = Literal["lightgbm", "xgboost", "catboost"]
"""Boosted trees of others, where they are installed."""


_MOST_THREADS = 4


def choose_threads(wanted: int | None) -> int:
    """CPU threads of work that gives the same whatever their number: as asked for, else the cores, four at the most.

    Raises:
        UsageError: out of range.
    """
    if wanted is not None:
        check_threads(wanted)
        return wanted
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_THREADS)


def check_threads(wanted: int) -> None:
    """Refuses a number of threads that is out of range.

    Raises:
        UsageError: it is.
    """
    _check("threads", 1 <= wanted <= 1024, wanted, "1 to 1024")


def _check(option: str, ok: bool, value: object, allowed: str) -> None:
    if not ok:
        raise UsageError(f"--{option}: {value} is out of range; allowed: {allowed}")


def check_choice(option: str, value: str, choices: object) -> None:
    """Refuses a word that is none of a ``Literal``'s.

    Raises:
        UsageError: it is none; the message names them.
    """
    allowed = get_args(choices)
    if value not in allowed:
        raise UsageError(f"--{option}: '{show(value)}' is not known; choose one of {', '.join(allowed)}")


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """Shares of the rows. What neither test nor validation takes is for training."""

    test_fraction: float = 0.2
    validation_fraction: float = 0.16
    n_folds: int = 5
    """Folds of cross-validation (``compare-baseline DATA``)."""


def can_be_layers(layers: Sequence[int]) -> bool:
    """Whether a network may have layers of so many units."""
    return 1 <= len(layers) <= 16 and all(1 <= units <= 8192 for units in layers)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The network's form. ``None`` leaves the choice to the recipe of the kind."""

    kind: NetworkKind = "tabm"
    """``tabm``: a parameter-efficient ensemble of MLPs with numeric embeddings. ``mlp``: one plain MLP."""
    layers: tuple[int, ...] | None = None
    """Units of each hidden layer."""
    activation: Activation = "relu"
    dropout: float | None = None
    """Share of hidden units that are switched off at each training step."""

    def __post_init__(self) -> None:
        check_choice("network", self.kind, NetworkKind)
        check_choice("activation", self.activation, Activation)
        if self.layers is not None:
            _check(
                "layers",
                can_be_layers(self.layers),
                ",".join(map(str, self.layers)),
                "1 to 16 layers of 1 to 8192 units",
            )
        if self.dropout is not None:
            _check("dropout", 0 <= self.dropout <= 0.99, self.dropout, "0 to 0.99")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How the network is trained. ``None`` leaves the choice to the recipe."""

    optimizer: Optimizer | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    """Rows of one gradient step."""
    epochs: int | None = None
    """The most passes over the training rows; early stopping usually ends sooner."""
    patience: int = 5
    """Epochs without a better validation loss before training stops; averaged weights give a smooth loss."""
    weight_decay: float = 3e-4
    average_decay: float = 0.98
    """The weights that predict are an exponential moving average over the steps with this decay."""

    def __post_init__(self) -> None:
        if self.optimizer is not None:
            check_choice("optimizer", self.optimizer, Optimizer)
        rate, batch, epochs = self.learning_rate, self.batch_size, self.epochs
        _check("learning-rate", rate is None or 0 < rate <= 10, rate, "above 0, up to 10")
        _check("batch-size", batch is None or 1 <= batch <= 1_000_000, batch, "1 to 1000000 rows")
        _check("epochs", epochs is None or 1 <= epochs <= 100_000, epochs, "1 to 100000")


@dataclass(frozen=True, kw_only=True)
class TreesSettings:
    """The careful trees: slow learning, early stopping with patience, native categories."""

    learning_rate: float = 0.05
    max_leaf_nodes: int = 31
    min_samples_leaf: int = 20
    l2_regularization: float = 1.0
    patience: int = 60
    """Iterations without a better validation loss before boosting stops; the best one is restored."""


@dataclass(frozen=True, kw_only=True)
class EffortSettings:
    """What ``--effort`` stands for. Work is counted, not timed: the clock decides nothing."""

    network_work: float
    """Floating-point operations that training a network may take (an estimate, see ``training.budget``)."""
    n_nets: int
    """Independent networks whose probabilities are averaged; where that costs little, twice as many."""
    n_members: int
    """Of each net."""
    max_epochs: int
    tree_iterations: int
    """The most boosting iterations of the careful trees."""
    n_trials: int = 1
    """Settings that are tried on each side, at the most."""

    @property
    def searches(self) -> bool:
        """Whether settings are searched; that needs Optuna."""
        return self.n_trials > 1


_DEFAULT_EFFORT = EffortSettings(network_work=4.5e12, n_nets=2, n_members=8, max_epochs=200, tree_iterations=1000)
EFFORTS: dict[Effort, EffortSettings] = {
    "quick": EffortSettings(network_work=2.5e11, n_nets=1, n_members=8, max_epochs=100, tree_iterations=200),
    "default": _DEFAULT_EFFORT,
    "best": replace(_DEFAULT_EFFORT, n_trials=48),
}


@dataclass(frozen=True)
class Range:
    """The values that a search may give to a setting."""

    low: float
    high: float
    log: bool = False
    """Whether proportions count, not differences."""
    step: int | None = None
    """Between whole numbers; ``None``: any number."""


@dataclass(frozen=True, kw_only=True)
class RepeatSettings:
    """How often ``compare-baseline DATA`` repeats its folds, and what it compares with."""

    n_rounds: int = 3
    """Rounds of folds at the most, each of another shuffle; fewer where the verdict is clear before."""
    budget: float | None = None
    """Seconds for whole folds: none begins that would end later, but the first two; ``None``: no limit."""
    against: Library | None = None
    """The opponent of the network; ``None``: the careful trees."""

    def __post_init__(self) -> None:
        _check("rounds", 1 <= self.n_rounds <= 100, self.n_rounds, "1 to 100")
        budget = self.budget
        _check("budget", budget is None or 0 < budget < 1e9, budget, "seconds above 0, below 1000000000")
        if self.against is not None:
            check_choice("against", self.against, Library)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How sure the intervals are, and how they are drawn."""

    confidence: float = 0.95
    bootstrap_draws: int = 1000
    metrics: tuple[Metric, ...] = ("log_loss",)
    """The verdict is about the first; over folds, the others are compared too."""

    def __post_init__(self) -> None:
        for metric in self.metrics:
            check_choice("metric", metric, Metric)
        _check("metric", 0 < len(set(self.metrics)) == len(self.metrics), ", ".join(self.metrics), "each once")


@dataclass(frozen=True)
class ClassWeight:
    """How much each row of a class counts."""

    name: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class WeightSettings:
    """What makes some rows count more than others. Where nothing does, every row counts once."""

    balanced: bool = False
    """Whether all classes are to count the same, however many rows each has."""
    classes: tuple[ClassWeight, ...] = ()
    """Weights of classes; those not named have 1."""
    column: str | None = None
    """Holds the weight of each row."""

    def __post_init__(self) -> None:
        names = [given.name for given in self.classes]
        for given in self.classes:
            _check("class-weight", 0 < given.weight < 1e9, given.weight, "above 0, below 1000000000")
            if names.count(given.name) > 1:
                raise UsageError(f"--class-weight: '{show(given.name)}' is named twice; give each class one weight")

    @property
    def by_class(self) -> bool:
        """Whether a row's class decides how much it counts."""
        return self.balanced or bool(self.classes)

    @property
    def is_used(self) -> bool:
        """Whether rows are weighted at all."""
        return self.by_class or self.column is not None

    @property
    def by_what(self) -> str:
        """What rows are weighted by, for people."""
        named = ", ".join(f"{show(given.name)}={given.weight:g}" for given in self.classes)
        classes = "balanced" if self.balanced else named
        column = [f"column '{show(self.column)}'"] if self.column is not None else []
        return " and ".join([*([f"class weights ({classes})"] if classes else []), *column])


UNWEIGHTED = WeightSettings()


@dataclass(frozen=True)
class Costs:
    """What a mistake costs, in any unit: only their ratio moves the threshold."""

    false_negative: float
    """Of a row of the positive class that is not predicted as one."""
    false_positive: float
    """Of a row that is predicted as one and is none."""

    @property
    def are_in_range(self) -> bool:
        """Whether both are numbers that can be added up."""
        return all(0 < cost <= 1e9 for cost in (self.false_negative, self.false_positive))


@dataclass(frozen=True, kw_only=True)
class DecisionSettings:
    """What the threshold between two classes is chosen for, one thing at the most; nothing: the most probable class."""

    costs: Costs | None = None
    """The least cost of mistakes."""
    target_precision: float | None = None
    """As many rows as possible, of which at least this share is to be right."""
    max_f1: bool = False
    """The largest F1."""
    positive: str | None = None
    """The class that all of this is about; ``None``: the second."""

    def __post_init__(self) -> None:
        given = {
            "cost": self.costs is not None,
            "target-precision": self.target_precision is not None,
            "max-f1": self.max_f1,
        }
        rules = [f"--{option}" for option, is_given in given.items() if is_given]
        if len(rules) > 1:
            raise UsageError(f"{' and '.join(rules)}: a model decides by one rule; choose")
        if self.positive is not None and not rules:
            raise UsageError("--positive: no rule is about it; add --cost, --target-precision or --max-f1")
        if self.costs is not None:
            shown = f"FN={self.costs.false_negative:g},FP={self.costs.false_positive:g}"
            _check("cost", self.costs.are_in_range, shown, "costs above 0, up to 1000000000")
        target = self.target_precision
        _check("target-precision", target is None or 0 < target < 1, target, "above 0, below 1")

    @property
    def has_rule(self) -> bool:
        """Whether a threshold is chosen."""
        return self.max_f1 or self.costs is not None or self.target_precision is not None


@dataclass(frozen=True, kw_only=True)
class ReadingSettings:
    """How text is read where it does not say so itself. A model keeps them: all of its data are read alike."""

    encoding: str | None = None
    """That is insisted on; ``None``: as the file begins, else UTF-8, and Windows-1252 where it is none."""
    has_header: bool = True
    """Whether the first line names the columns; they are ``column 1``, ``column 2`` and so on if not."""
    skip_rows: int = 0
    """Lines before that one."""
    missing_words: tuple[str, ...] = ()
    """Cells that count as missing besides the usual ones."""
    delimiter: Delimiter | None = None
    """Of the data that a model learned from: tells fields apart where no header does. No option names it."""

    def __post_init__(self) -> None:
        _check("skip-rows", 0 <= self.skip_rows <= 1_000_000, self.skip_rows, "0 to 1000000 lines")
        if self.encoding is not None:
            _require_encoding(self.encoding)

    def overridden(self, encoding: str | None, has_header: bool | None, skip_rows: int | None) -> "ReadingSettings":
        """The same but for what is given."""
        given = {"encoding": encoding, "has_header": has_header, "skip_rows": skip_rows}
        return replace(self, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _require_encoding(name: str) -> None:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise UsageError(
            f"--encoding: '{show(name)}' is no encoding of text that Python knows; name one like utf-8, utf-16-le, "
            "windows-1252 or shift_jis"
        ) from None


USUAL_READING = ReadingSettings()


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """One whole run: what ``train`` and ``compare-baseline`` share."""

    target: str | None = None
    effort: Effort = "default"
    time_limit: float | None = None
    """Seconds for the whole run; ``None``: no limit, and the clock decides nothing."""
    seed: int = 0
    device: Device = "auto"
    threads: int = 2
    """CPU threads. They may decide how sums are rounded, so their number is part of the recipe and not of the machine;
    more than there are cores wait for each other, and small matrices gain little from more than two."""
    group: str | None = None
    """The column whose equal values stay on one side of every split; it is not learned from."""
    time: str | None = None
    """The column that orders the rows: the latest are tested, the earliest learned from."""
    keep_columns: tuple[str, ...] = ()
    """Learned from even if they look like IDs or are copies of the target."""
    weights: WeightSettings = UNWEIGHTED
    reading: ReadingSettings = USUAL_READING
    bad_rows: LearnedBadRows = "error"
    """What becomes of a row that cannot be read."""
    blend: bool = False
    """Whether the model answers with the blend of both sides, not with the network alone."""
    shows_rows: bool = True
    """Whether rows of the table may stand in the report."""
    split: SplitSettings = field(default_factory=SplitSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    trees: TreesSettings = field(default_factory=TreesSettings)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def __post_init__(self) -> None:
        check_choice("effort", self.effort, Effort)
        check_choice("device", self.device, Device)
        check_choice("bad-rows", self.bad_rows, LearnedBadRows)
        limit = self.time_limit
        _check("time-limit", limit is None or 0 < limit < 1e9, limit, "seconds above 0, below 1000000000")
        _check("seed", 0 <= self.seed < 2**32, self.seed, "0 to 4294967295")
        check_threads(self.threads)
        if self.group is not None and self.time is not None:
            raise UsageError("--group and --time: only one of them can decide which rows are tested; leave one out")
        if self.target is not None and self.target == self.weights.column:
            raise UsageError(f"--sample-weight: '{show(self.target)}' is the target; name a column of weights")
        if self.decision.has_rule and self.weights.by_class:
            raise UsageError(
                "--class-weight and a rule to decide by: weights move the probabilities, and the threshold would count "
                "what classes are worth twice; leave one out"
            )


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """What ``predict`` reads and writes: all that decides its output but the model and the rows."""

    sides: tuple[Side, ...] = ("network",)
    """Which models answer; the columns of the second carry its name as a suffix."""
    keep: Literal["none", "all"] | tuple[str, ...] = "none"
    """Input columns that are written too; named ones in the order of their names."""
    proba: Proba | None = None
    """Which probabilities are written; ``None``: all of them, but none with ``top``."""
    top: int | None = None
    """How many of the most probable classes are written."""
    threshold: float | None = None
    """The second of two classes, or the one that the model's own rule is about, is predicted from this probability
    on; ``None``: the model's own."""
    prior: tuple[tuple[str, float], ...] | None = None
    """Shares of classes among the rows, by name, in the order of the names; ``None``: those of training."""
    decimals: int | None = None
    """Of a probability; ``None``: the shortest text that names the same single-precision number."""
    explain: int | None = None
    """How many of the columns are written that moved a row's answer most."""
    input_format: InputFormat | None = None
    """``None``: by extension or content."""
    output_format: OutputFormat | None = None
    """``None``: by extension, else CSV."""
    bad_rows: BadRows = "error"
    """What becomes of rows that cannot be read."""
    encoding: str | None = None
    """As in :class:`ReadingSettings`, like the next two; ``None``: as the model's own data were read."""
    has_header: bool | None = None
    skip_rows: int | None = None
    coverage: float | None = None
    """Share of rows whose set of classes is to hold the true one; ``None``: no sets are written."""
    sets: ConformalMethod = "lac"
    """How the classes of a set are chosen: ``lac`` makes the smallest sets, ``aps`` and ``raps`` larger ones where rows
    are hard."""
    by_class: bool = False
    """Whether the rows of each class are to be covered as often, not only all together."""
    excel_safe: bool = False
    """Whether text that a spreadsheet would take for a formula gets an apostrophe in front."""

    def __post_init__(self) -> None:
        for option, value, choices in (
            ("proba", self.proba, Proba),
            ("input-format", self.input_format, InputFormat),
            ("output-format", self.output_format, OutputFormat),
            ("bad-rows", self.bad_rows, BadRows),
            ("sets", self.sets, ConformalMethod),
        ):
            if value is not None:
                check_choice(option, value, choices)
        for option, wanted, low, high in (
            ("top", self.top, 1, 1000),
            ("threshold", self.threshold, 0, 1),
            ("round", self.decimals, 0, 15),
            ("explain", self.explain, 1, 1000),
            ("coverage", self.coverage, 0.5, 0.999),
        ):
            _check(option, wanted is None or low <= wanted <= high, wanted, f"{low} to {high}")
        USUAL_READING.overridden(self.encoding, self.has_header, self.skip_rows)  # which checks them
        for _, share in self.prior or ():
            _check("prior", 0 < share < 1, share, "above 0, below 1")
        if self.prior and self.coverage is not None:
            raise UsageError(
                "--prior and --coverage: sets keep their promise only among rows with training's shares; leave one out"
            )

    @property
    def written_proba(self) -> Proba:
        """Which probabilities are written."""
        return self.proba or ("none" if self.top else "all")
