"""``nncli train``: data to a model folder and a verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nncli.cli import options as o
from nncli.cli.cut_off import checkpoint_folder, kept_if_cut_off, take_up
from nncli.errors import FileError, UsageError, memory_stage, show
from nncli.settings import EFFORTS, RunSettings
from nncli.training.signals import Signals

if TYPE_CHECKING:
    from nncli.cli.progress import TerminalObserver
    from nncli.guard.examine import ExaminedTable


def train(
    ctx: typer.Context,
    data: o.Data,
    target: o.Target = o.DEFAULTS.target,
    group: o.Group = o.DEFAULTS.group,
    time: o.Time = o.DEFAULTS.time,
    class_weight: o.ClassWeights = None,
    sample_weight: o.SampleWeight = o.DEFAULTS.weights.column,
    keep_column: o.KeepColumns = None,
    strict: o.Strict = False,
    encoding: o.Encoding = o.DEFAULTS.reading.encoding,
    no_header: o.NoHeader = False,
    skip_rows: o.SkipRows = o.DEFAULTS.reading.skip_rows,
    na: o.MissingWords = None,
    bad_rows: o.BadRows = o.DEFAULTS.bad_rows,
    output: o.Output = o.DEFAULT_MODEL,
    force: o.Force = False,
    effort: o.Effort = o.DEFAULTS.effort,
    time_limit: o.TimeLimit = o.DEFAULTS.time_limit,
    seed: o.Seed = o.DEFAULTS.seed,
    device: o.Device = o.DEFAULTS.device,
    threads: o.Threads = o.DEFAULTS.threads,
    resume: o.Resume = False,
    metric: o.Metric = None,
    network: o.Network = o.NETWORK_DEFAULTS.kind,
    layers: o.Layers = None,
    activation: o.Activation = o.NETWORK_DEFAULTS.activation,
    dropout: o.Dropout = o.NETWORK_DEFAULTS.dropout,
    optimizer: o.Optimizer = o.TRAINING_DEFAULTS.optimizer,
    learning_rate: o.LearningRate = o.TRAINING_DEFAULTS.learning_rate,
    batch_size: o.BatchSize = o.TRAINING_DEFAULTS.batch_size,
    epochs: o.Epochs = o.TRAINING_DEFAULTS.epochs,
    cost: o.Cost = None,
    target_precision: o.TargetPrecision = None,
    max_f1: o.MaxF1 = False,
    positive: o.Positive = None,
    blend: o.Blend = o.DEFAULTS.blend,
    no_rows: o.NoRows = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Train a network on DATA, compare it with boosted trees, write a model folder and a report.

    nncli train customers.csv

    nncli train customers.csv --target churned --effort quick -o churn-model

    zcat big.csv.gz | nncli train - --effort best --time-limit 600

    nncli train customers.csv --resume                         goes on where this command was cut off
    """
    if json:
        print(end="")  # noqa: T201 (a standard output that is closed is refused before any work)
    settings = o.train_settings(ctx.params)  # the options, by their names
    found = _run(data, settings, output, force, strict=strict, resume=resume, quiet=quiet, verbose=verbose)
    if json:
        o.print_json(found)


def _run(
    data: str,
    settings: RunSettings,
    output: Path,
    force: bool,
    *,
    strict: bool,
    resume: bool,
    quiet: bool,
    verbose: bool,
) -> dict[str, Any]:
    """Gives the document of the report."""
    from nncli.bundle.folder import refuse_existing
    from nncli.prediction.outputs import refuse_file, rejects_path

    refuse_existing(output, force)
    if settings.bad_rows == "skip":
        refuse_file(rejects_path(output), force)
    with Signals().taken() as signals:
        folder = checkpoint_folder(output)
        from nncli.cli.progress import TerminalObserver, make_console

        console = make_console(quiet)
        with TerminalObserver(console, verbose) as observer:
            table = _read(data, settings, strict, observer)
            # Torch and scikit-learn take seconds to load: what is wrong with the data or the rule was said before.
            from nncli.experiment.holdout import run_experiment

            checkpointer = take_up(folder, table, settings, resume, signals, observer)
            if EFFORTS[settings.effort].searches:
                observer.say(f"finished networks are kept in {folder}: the same command goes on where it was cut off")
            with kept_if_cut_off(checkpointer):
                experiment = run_experiment(table, settings, observer, observer.started, checkpointer)
        from nncli.bundle.folder import write_pages
        from nncli.bundle.model import save_model
        from nncli.cli.outcome import numbers, pages, train_report
        from nncli.report.document import document
        from nncli.report.panel import print_panel

        with signals.waiting():
            with kept_if_cut_off(checkpointer):
                _refuse_newcomer(output, force)
                report, model = train_report(experiment, settings, observer.seconds()), experiment.served.model
                found = document(report)
                save_model(output, model, experiment.heldout, numbers(found))
            checkpointer.checkpoints.remove()
            _write_rejects(table, output, force)
            print_panel(report, console, verbose)
            # Pages come last: should one fail, model and verdict are there, and nncli report makes it anew.
            write_pages(output, pages(found, model))
            if folder.is_dir():
                observer.say(f"{folder} keeps networks of other data or settings; remove it if they are not wanted")
            observer.say(f"Model: {output}   Report: {output / 'report.html'}   (nncli report --open)")
    return found


def _refuse_newcomer(output: Path, force: bool) -> None:
    """Refuses to replace what another run has written meanwhile; what was learned is kept."""
    from nncli.bundle.folder import refuse_existing

    try:
        refuse_existing(output, force)
    except UsageError as error:
        what = "was made by somebody else while this run was at work"
        raise FileError(f"{output}: {what}; move it away, then go on") from error


def _write_rejects(table: "ExaminedTable", output: Path, force: bool) -> None:
    """Keeps the rows that could not be read beside the model, as ``predict`` does beside its output."""
    from nncli.bundle.whole import write_file
    from nncli.prediction.outputs import rejected_record, rejects_path

    path = rejects_path(output)
    if table.rejected:
        lines = (f"{rejected_record(table.path, bad)}\n" for bad in table.rejected)
        write_file(path, "".join(lines).encode(errors="surrogateescape"))
    elif force and path.is_file():  # of the model that was replaced
        path.unlink()


def _read(data: str, settings: RunSettings, strict: bool, observer: "TerminalObserver") -> "ExaminedTable":
    from nncli.fitting.decision import make_rule
    from nncli.guard.examine import examine_file
    from nncli.guard.strict import refuse_warnings
    from nncli.table.split import make_split

    with memory_stage(f"reading {show(data)}", "use fewer rows or columns"):
        table = examine_file(data, settings)
        if strict:
            refuse_warnings(table, [make_split(table.arrangement, settings.split, settings.seed)])
    observer.examined(table)
    make_rule(settings.decision, table.target.classes)
    return table
