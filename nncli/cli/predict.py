"""``nncli predict``: rows in, rows out."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from nncli.cli.options import DEFAULT_MODEL, Debug, Force, ModelFolder, Quiet, Threads, Verbose
from nncli.errors import FileError, UsageError, show
from nncli.settings import choose_threads


def predict(
    data: Annotated[
        str, typer.Argument(help="CSV, TSV or Parquet, plain or compressed; standard input if none.", metavar="[DATA]")
    ] = "-",
    model: ModelFolder = DEFAULT_MODEL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File instead of standard output.", show_default=False)
    ] = None,
    force: Force = False,
    keep: Annotated[bool, typer.Option("--keep", help="Write all input columns too.")] = False,
    side: Annotated[str, typer.Option("--with", help="Which model predicts.", metavar="network|trees")] = "network",
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Predict each row of DATA: its class, and the probability of every class.

    nncli predict new.csv > scored.csv

    cat new.csv | nncli predict --keep | head
    """
    if side not in ("network", "trees"):
        raise UsageError(f"--with: '{show(side)}' is not known; choose network or trees")
    n_threads = choose_threads(threads)
    # Rows are shared out among threads; numpy's products need none of their own. Read once, when numpy is loaded.
    os.environ.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    from nncli.bundle.model import load_model
    from nncli.cli.boundary import stop_on_terminate
    from nncli.prediction.stream import predict_stream
    from nncli.table.reading import open_rows

    stop_on_terminate()
    loaded = load_model(model)
    with _opened(output, force) as out, open_rows(data, loaded.description.encoder.columns) as given:
        summary = predict_stream(loaded, given, out, side=side, keep=keep, threads=n_threads)  # type: ignore[arg-type]
    for name, count in summary.unknown.items():
        _say(
            f"note: column '{show(name)}': {count:,} of {summary.n_rows:,} cells hold a value that the model does not "
            "know (new, too rare in training, or of another kind); they count as missing",
            quiet,
        )
    if verbose:
        _say(f"{summary.n_rows:,} rows, model {loaded.sha256}", quiet)


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        print(line, file=sys.stderr)  # noqa: T201


@contextmanager
def _opened(output: Path | None, force: bool) -> Iterator[BinaryIO]:
    """Standard output, a device or pipe as it is, or a file that appears whole or not at all."""
    if output is None:
        yield sys.stdout.buffer
    elif output.exists() and not output.is_file():
        with output.open("wb") as stream:
            yield stream
    elif output.exists() and not force:
        raise UsageError(f"{output}: exists already; choose another --output, or replace it with --force")
    else:
        with _replaced(output) as file:
            yield file


@contextmanager
def _replaced(output: Path) -> Iterator[BinaryIO]:
    temporary = output.with_name(f".{output.name}.new")
    if not output.parent.is_dir():
        raise FileError(f"{output}: there is no folder {output.parent}; make it, or choose another --output")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
