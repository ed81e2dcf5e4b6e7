"""Options that several commands share, and shell completion for their values."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from nncli.cli.boundary import DEBUG_KEY
from nncli.errors import UsageError, inert, show
from nncli.settings import (
    EFFORTS,
    ClassWeight,
    Costs,
    DecisionSettings,
    EvaluationSettings,
    NetworkSettings,
    ReadingSettings,
    RunSettings,
    TrainingSettings,
    WeightSettings,
)
from nncli.settings import Metric as MetricName

_HEADER_BYTES = 1 << 20


def _remember_debug(ctx: typer.Context, wanted: bool) -> bool:
    ctx.meta[DEBUG_KEY] = wanted
    return wanted


def complete_column(ctx: typer.Context, incomplete: str) -> list[str]:
    """Column names of the data file that the command line already names."""
    from nncli.errors import NncliError

    # While an option still lacks its value, the parser has put nothing into params yet.
    data = ctx.params.get("data") or []
    words = [*([data] if isinstance(data, str) else data), *ctx.args]
    path = next((word for word in words if word and Path(word).is_file()), None)
    if path is None:
        return []
    try:
        columns = _columns_of(path, ctx.params)
    except (NncliError, OSError):
        return []
    return [column for column in columns if column.startswith(incomplete) and column == inert(column)]


def _columns_of(path: str, given: Mapping[str, Any]) -> list[str]:
    """The columns of a file, read as the options that are there so far say."""
    from nncli.table.dialect import column_names, find_delimiter, is_json_lines, numbered_names, parse_line
    from nncli.table.encoding import as_text
    from nncli.table.objects import parse_object
    from nncli.table.source import open_source, open_text

    skip_rows = given.get("skip_rows") or 0
    with open_source(path) as source:  # and not table.reading, which loads Arrow: this runs at a key press
        head = next(open_text(source, _HEADER_BYTES, encoding=given.get("encoding")).blocks)
    header = as_text((head.split(b"\n", skip_rows + 1)[skip_rows:] or [b""])[0])
    if is_json_lines(header):
        return list(parse_object(header.strip()))
    fields = parse_line(header, find_delimiter([header], path))
    return numbered_names(len(fields)) if given.get("no_header") else column_names(fields)


def complete_model(incomplete: str) -> list[str]:
    """Model folders beside what was typed so far."""
    from nncli.bundle.folder import MANIFEST

    start = Path(incomplete or ".")
    folder = start if start.is_dir() else start.parent
    found = [path.parent for path in folder.glob(f"*/{MANIFEST}")]
    return sorted(path for path in map(str, found) if path.startswith(incomplete) and path == inert(path))


METRICS = "|".join(get_args(MetricName))
DATA_PANEL, NETWORK_PANEL, RUN_PANEL, OUTPUT_PANEL = "Data", "Network", "Run", "Output"
_DECISION_PANEL = "Decision between two classes"

Target = Annotated[
    str | None,
    typer.Option(
        help="Column to predict; without it a column named target, label, class or y, else the last one.",
        autocompletion=complete_column,
        rich_help_panel=DATA_PANEL,
    ),
]
ClassWeights = Annotated[
    str | None,
    typer.Option(
        "--class-weight",
        help="How much rows of a class count; balanced: as much as those of any other class together.",
        metavar="balanced|CLASS=N,...",
        rich_help_panel=DATA_PANEL,
    ),
]
SampleWeight = Annotated[
    str | None,
    typer.Option(
        help="Column that says how much each row counts; no model learns from it.",
        metavar="COLUMN",
        autocompletion=complete_column,
        rich_help_panel=DATA_PANEL,
    ),
]
Data = Annotated[
    str,
    typer.Argument(help="CSV, TSV, JSON Lines or Parquet, plain or compressed; - is standard input.", metavar="DATA"),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Of text; if not given as its mark says, else UTF-8, and Windows-1252 for lines that are none.",
        metavar="NAME",
        rich_help_panel=DATA_PANEL,
    ),
]
NoHeader = Annotated[
    bool,
    typer.Option(
        "--no-header",
        help="The first line is a row; columns are called column 1, column 2 and so on.",
        rich_help_panel=DATA_PANEL,
    ),
]
SkipRows = Annotated[
    int, typer.Option(help="Lines before the table, such as a title.", metavar="N", rich_help_panel=DATA_PANEL)
]
BadRows = Annotated[
    str,
    typer.Option(
        "--bad-rows",
        help="A row that cannot be read: stop, or leave it out and say so.",
        metavar="error|skip",
        rich_help_panel=DATA_PANEL,
    ),
]
MissingWords = Annotated[
    list[str] | None,
    typer.Option(
        "--na",
        help="Cells that hold this word are missing, besides NA, NULL and the like; repeat for several.",
        metavar="WORD",
        rich_help_panel=DATA_PANEL,
    ),
]
Effort = Annotated[
    str,
    typer.Option(
        help="quick: seconds (many classes: longer); default: minutes; best: 48 settings a side or --time-limit.",
        metavar="quick|default|best",
        rich_help_panel=RUN_PANEL,
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        help="Seconds for the whole run, trees and report included.",
        metavar="SECONDS",
        rich_help_panel=RUN_PANEL,
    ),
]
Seed = Annotated[int, typer.Option(help="Of the split, the weights and the order.", rich_help_panel=RUN_PANEL)]
Device = Annotated[
    str, typer.Option(help="Where the network trains.", metavar="auto|cpu|cuda|mps", rich_help_panel=RUN_PANEL)
]
Threads = Annotated[
    int,
    typer.Option(
        help="CPU threads; the same on every machine, because another number may give another model.",
        rich_help_panel=RUN_PANEL,
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on where this very command was cut off; refused if data, options, versions or threads have changed.",
        rich_help_panel=RUN_PANEL,
    ),
]
Group = Annotated[
    str | None,
    typer.Option(
        help="Column, such as a patient, whose rows stay on one side of every split; not learned from. "
        "Rows without a value are groups of their own.",
        autocompletion=complete_column,
        rich_help_panel=DATA_PANEL,
    ),
]
Time = Annotated[
    str | None,
    typer.Option(
        help="Column of dates or numbers: the latest rows are tested, the earliest learned from.",
        autocompletion=complete_column,
        rich_help_panel=DATA_PANEL,
    ),
]
KeepColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-column",
        help="Column to learn from though it looks like an ID, copies the target or holds dates; repeatable.",
        metavar="COLUMN",
        autocompletion=complete_column,
        rich_help_panel=DATA_PANEL,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Refuse data that would be warned of, before any training.", rich_help_panel=DATA_PANEL
    ),
]
ModelFolder = Annotated[Path, typer.Option("--model", "-m", help="Model folder.", autocompletion=complete_model)]
ExpectModel = Annotated[
    str | None,
    typer.Option(help="The model's hash, as info names it; exit code 4 if it is another.", metavar="SHA256"),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.", rich_help_panel=OUTPUT_PANEL)]
Force = Annotated[bool, typer.Option("--force", help="Replace what exists at --output.", rich_help_panel=OUTPUT_PANEL)]
Metric = Annotated[
    str | None,
    typer.Option(
        help="What the verdict is about; log loss if not given.",
        metavar=METRICS,
        rich_help_panel=RUN_PANEL,
    ),
]
Network = Annotated[
    str,
    typer.Option(
        help="tabm: an ensemble of MLPs with numeric embeddings; mlp: one plain MLP.",
        metavar="tabm|mlp",
        rich_help_panel=NETWORK_PANEL,
    ),
]
Layers = Annotated[
    str | None,
    typer.Option(help="Units of each hidden layer, such as 32,16.", metavar="UNITS", rich_help_panel=NETWORK_PANEL),
]
Activation = Annotated[
    str,
    typer.Option(
        help="Of the hidden layers.", metavar="relu|tanh|gelu|selu|silu|sigmoid", rich_help_panel=NETWORK_PANEL
    ),
]
Dropout = Annotated[
    float | None, typer.Option(help="Share of hidden units switched off.", rich_help_panel=NETWORK_PANEL)
]
Optimizer = Annotated[
    str | None,
    typer.Option(
        help="Kind of gradient descent; muon, for mlp adamw.",
        metavar="sgd|adam|adamw|muon",
        rich_help_panel=NETWORK_PANEL,
    ),
]
LearningRate = Annotated[float | None, typer.Option(help="Length of a gradient step.", rich_help_panel=NETWORK_PANEL)]
BatchSize = Annotated[int | None, typer.Option(help="Rows of one gradient step.", rich_help_panel=NETWORK_PANEL)]
Epochs = Annotated[
    int | None, typer.Option(help="The most passes over the training rows.", rich_help_panel=NETWORK_PANEL)
]
Cost = Annotated[
    str | None,
    typer.Option(
        help="Predict so that mistakes cost least: what a missed row of the positive class costs, and a false alarm.",
        metavar="FN=10,FP=1",
        rich_help_panel=_DECISION_PANEL,
    ),
]
TargetPrecision = Annotated[
    float | None,
    typer.Option(
        help="Predict the positive class as often as this share of those predictions is sure to be right.",
        metavar="P",
        rich_help_panel=_DECISION_PANEL,
    ),
]
MaxF1 = Annotated[
    bool,
    typer.Option("--max-f1", help="Predict for the largest F1.", rich_help_panel=_DECISION_PANEL),
]
Positive = Annotated[
    str | None,
    typer.Option(
        help="The class that costs, precision and F1 are about; the second one if not given.",
        metavar="CLASS",
        rich_help_panel=_DECISION_PANEL,
    ),
]
Blend = Annotated[
    bool,
    typer.Option(
        "--blend",
        help="Let the model answer with the blend of network and trees, not with the network alone; predict --with "
        "still gives each. The verdict stays network against trees.",
        rich_help_panel=OUTPUT_PANEL,
    ),
]
NoRows = Annotated[
    bool,
    typer.Option(
        "--no-rows",
        help="Keep rows of the table out of the report: no examples, no cells of the rows that are most wrong.",
        rich_help_panel=OUTPUT_PANEL,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output.", rich_help_panel=OUTPUT_PANEL)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.", rich_help_panel=OUTPUT_PANEL)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Explain more.", rich_help_panel=OUTPUT_PANEL)]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug", help="Show the traceback of an error.", callback=_remember_debug, rich_help_panel=OUTPUT_PANEL
    ),
]

DEFAULT_MODEL = Path("nncli-model")
DEFAULTS, NETWORK_DEFAULTS, TRAINING_DEFAULTS = RunSettings(), NetworkSettings(), TrainingSettings()


def run_settings(given: Mapping[str, Any]) -> RunSettings:
    """The settings of a run, from the options of a command by their names; their values are checked here.

    Raises:
        UsageError: a value is unknown or out of range, or needs a package that is not installed.
    """
    shared = ("target", "group", "time", "effort", "time_limit", "seed", "device", "threads")
    found = RunSettings(
        **{name: given[name] for name in shared},
        keep_columns=tuple(given["keep_column"] or ()),
        weights=parse_weights(given["class_weight"], given["sample_weight"]),
        reading=_reading(given["encoding"], given["no_header"], given["skip_rows"], given["na"]),
        bad_rows=given["bad_rows"],
        evaluation=EvaluationSettings(metrics=tuple(_as_list(given["metric"]) or DEFAULTS.evaluation.metrics)),
    )
    if EFFORTS[found.effort].searches and find_spec("optuna") is None:
        raise UsageError(f"--effort {found.effort}: needs Optuna; install it with pip install 'nncli-tabular[tune]'")
    return found


def _reading(encoding: str | None, no_header: bool, skip_rows: int, words: list[str] | None) -> ReadingSettings:
    missing = tuple(dict.fromkeys(word.strip() for word in words or ()))
    return ReadingSettings(encoding=encoding, has_header=not no_header, skip_rows=skip_rows, missing_words=missing)


def _as_list(given: str | list[Any] | None) -> list[Any]:
    return [given] if isinstance(given, str) else given or []


def train_settings(given: Mapping[str, Any]) -> RunSettings:
    """The settings of ``nncli train``, which say besides what the network is like and what the model decides by.

    Raises:
        UsageError: as :func:`run_settings`.
    """
    form = {name: given[name] for name in ("activation", "dropout")}
    training = {name: given[name] for name in ("optimizer", "learning_rate", "batch_size", "epochs")}
    return replace(
        run_settings(given),
        network=NetworkSettings(kind=given["network"], layers=parse_layers(given["layers"]), **form),
        training=TrainingSettings(**training),
        decision=decision_settings(given["cost"], given["target_precision"], given["max_f1"], given["positive"]),
        blend=given["blend"],
        shows_rows=not given["no_rows"],
    )


def parse_weights(class_weight: str | None, sample_weight: str | None) -> WeightSettings:
    """What ``--class-weight`` and ``--sample-weight`` say; ``CLASS=N`` stand in a line of CSV.

    Raises:
        UsageError: they say nothing sensible.

    >>> [given.name for given in parse_weights('no=1,"yes, or so=2.5"', None).classes]
    ['no', 'yes, or so']
    """
    if class_weight is None or class_weight == "balanced":
        return WeightSettings(balanced=class_weight is not None, column=sample_weight)
    try:
        classes = tuple(ClassWeight(name.strip(), weight) for name, weight in _named_numbers(class_weight))
    except ValueError:
        classes = ()
    if not classes or not all(given.name for given in classes):
        raise UsageError(
            f"--class-weight: '{show(class_weight)}' is no list of weights; write balanced, or classes like yes=5,no=1"
        )
    return WeightSettings(classes=classes, column=sample_weight)


def parse_layers(text: str | None) -> tuple[int, ...] | None:
    """The units of ``--layers``.

    Raises:
        UsageError: it is no list of whole numbers.
    """
    if text is None:
        return None
    try:
        return tuple(int(units) for units in text.split(","))
    except ValueError:
        raise UsageError(f"--layers: '{text}' is no list of whole numbers; write units like 32,16") from None


def parse_numbers(option: str, text: str, example: str) -> dict[str, float]:
    """Numbers by name, a line of CSV: ``a=1,"b, c=2"``.

    Raises:
        UsageError: it is no such list, or a name comes up twice.
    """
    try:
        named = _named_numbers(text)
    except ValueError:
        named = []
    found = dict(named)
    if not found or "" in found or len(found) < len(named):
        raise UsageError(f"--{option}: '{show(text)}' is no list of names with a number each; write {example}")
    return found


def _named_numbers(text: str) -> list[tuple[str, float]]:
    """The names and numbers of ``NAME=NUMBER``, of which a line of CSV has any number; ValueError if one is none."""
    from nncli.table.dialect import parse_line

    parts = [part.rpartition("=") for part in parse_line(text, ",")]
    return [(name, float(number)) for name, _, number in parts]


def decision_settings(
    cost: str | None, target_precision: float | None, max_f1: bool, positive: str | None
) -> DecisionSettings:
    """How a model is to decide between two classes.

    Raises:
        UsageError: more than one rule, or a value that cannot be.
    """
    costs = None
    if cost is not None:
        given = parse_numbers("cost", cost, "FN=10,FP=1")
        if set(given) != {"FN", "FP"}:
            raise UsageError(f"--cost: '{show(cost)}' does not name FN and FP, and only these; write FN=10,FP=1")
        costs = Costs(given["FN"], given["FP"])
    return DecisionSettings(costs=costs, target_precision=target_precision, max_f1=max_f1, positive=positive)


def print_json(value: Any) -> None:
    """One JSON document on standard output; in ASCII, so that no name in it acts on a terminal."""
    import json

    print(json.dumps(value, indent=2, allow_nan=False))  # noqa: T201
