"""``nncli train``: data to a model folder and a verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nncli.cli.options import (
    DEFAULT_MODEL,
    DEFAULTS,
    NETWORK_PANEL,
    OUTPUT_PANEL,
    Debug,
    Device,
    Effort,
    Json,
    Quiet,
    Seed,
    Target,
    Threads,
    TimeLimit,
    Verbose,
    print_json,
)
from nncli.errors import UsageError
from nncli.settings import NetworkSettings, RunSettings, TrainingSettings

if TYPE_CHECKING:
    from nncli.report.document import Report


def train(
    data: Annotated[
        str, typer.Argument(help="CSV, TSV or Parquet, plain or compressed; - is standard input.", metavar="DATA")
    ],
    target: Target = DEFAULTS.target,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Model folder to write.", rich_help_panel=OUTPUT_PANEL)
    ] = DEFAULT_MODEL,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a model folder that exists.", rich_help_panel=OUTPUT_PANEL)
    ] = False,
    effort: Effort = DEFAULTS.effort,
    time_limit: TimeLimit = DEFAULTS.time_limit,
    seed: Seed = DEFAULTS.seed,
    device: Device = DEFAULTS.device,
    threads: Threads = DEFAULTS.threads,
    network: Annotated[
        str,
        typer.Option(
            help="tabm: an ensemble of MLPs with numeric embeddings; mlp: one plain MLP.",
            metavar="tabm|mlp",
            rich_help_panel=NETWORK_PANEL,
        ),
    ] = DEFAULTS.network.kind,
    layers: Annotated[
        str | None,
        typer.Option(
            help="Units of each hidden layer, such as 32,16.", metavar="UNITS,...", rich_help_panel=NETWORK_PANEL
        ),
    ] = None,
    activation: Annotated[
        str, typer.Option(metavar="relu|tanh|gelu|selu|silu|sigmoid", rich_help_panel=NETWORK_PANEL)
    ] = DEFAULTS.network.activation,
    dropout: Annotated[
        float | None, typer.Option(help="Share of hidden units switched off.", rich_help_panel=NETWORK_PANEL)
    ] = DEFAULTS.network.dropout,
    optimizer: Annotated[
        str, typer.Option(metavar="sgd|adam|adamw", rich_help_panel=NETWORK_PANEL)
    ] = DEFAULTS.training.optimizer,
    learning_rate: Annotated[
        float | None, typer.Option(rich_help_panel=NETWORK_PANEL)
    ] = DEFAULTS.training.learning_rate,
    batch_size: Annotated[
        int | None, typer.Option(help="Rows of one gradient step.", rich_help_panel=NETWORK_PANEL)
    ] = DEFAULTS.training.batch_size,
    epochs: Annotated[
        int | None, typer.Option(help="The most passes over the training rows.", rich_help_panel=NETWORK_PANEL)
    ] = DEFAULTS.training.epochs,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Train a network on DATA, compare it with boosted trees, write a model folder and a report.

    nncli train customers.csv

    nncli train customers.csv --target churned --effort quick -o churn-model

    zcat big.csv.gz | nncli train - --target label --time-limit 120
    """
    settings = RunSettings(
        target=target,
        effort=effort,  # type: ignore[arg-type]
        time_limit=time_limit,
        seed=seed,
        device=device,  # type: ignore[arg-type]
        threads=threads,
        network=NetworkSettings(
            kind=network,  # type: ignore[arg-type]
            layers=_parse_layers(layers),
            activation=activation,  # type: ignore[arg-type]
            dropout=dropout,
        ),
        training=TrainingSettings(
            optimizer=optimizer,  # type: ignore[arg-type]
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
        ),
    )
    report = _run(data, settings, output, force, quiet=quiet, verbose=verbose)
    if json:
        from nncli.report.document import document

        print_json(document(report))


def _run(data: str, settings: RunSettings, output: Path, force: bool, *, quiet: bool, verbose: bool) -> "Report":
    from nncli.bundle.folder import refuse_existing
    from nncli.table.reading import read_table

    refuse_existing(output, force)
    table = read_table(data)
    # Torch and scikit-learn take seconds to load; a file that cannot be read is known before.
    from nncli.bundle.model import save_model
    from nncli.cli.outcome import pages, train_report
    from nncli.cli.progress import TerminalObserver, make_console, stop_on_terminate
    from nncli.experiment import prepare, run_experiment
    from nncli.report.terminal import print_report

    stop_on_terminate()
    console = make_console(quiet)
    with TerminalObserver(console, verbose) as observer:
        prepared = prepare(table, settings)
        observer.prepared(prepared)
        experiment = run_experiment(prepared, settings, observer)
    report = train_report(experiment, settings, observer.seconds())
    save_model(output, experiment.fitted.model, experiment.heldout, pages(report))
    print_report(report, console)
    observer.say(f"Model: {output}   Report: {output / 'report.html'}")
    return report


def _parse_layers(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(units) for units in text.split(","))
    except ValueError:
        raise UsageError(f"--layers: '{text}' is no list of whole numbers; write units like 32,16") from None
