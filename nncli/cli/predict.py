"""``nncli predict``: rows in, rows out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from nncli.cli.options import DEFAULT_MODEL, Debug, Force, ModelFolder, Quiet, Verbose
from nncli.errors import FileError, UsageError, show


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
    from nncli.bundle.model import load_model
    from nncli.cli.boundary import stop_on_terminate
    from nncli.prediction.stream import predict_stream
    from nncli.table.reading import read_chunks

    stop_on_terminate()
    loaded = load_model(model)
    chunks = read_chunks(data, loaded.description.encoder.columns)
    with _opened(output, force) as out:
        summary = predict_stream(loaded, chunks, out, side=side, keep=keep)  # type: ignore[arg-type]
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
def _opened(output: Path | None, force: bool) -> Iterator[TextIO]:
    """Standard output, a device or pipe as it is, or a file that appears whole or not at all."""
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
    elif output.exists() and not output.is_file():
        with output.open("w", encoding="utf-8", newline="") as stream:
            yield stream
    elif output.exists() and not force:
        raise UsageError(f"{output}: exists already; choose another --output, or replace it with --force")
    else:
        with _replaced(output) as file:
            yield file


@contextmanager
def _replaced(output: Path) -> Iterator[TextIO]:
    temporary = output.with_name(f".{output.name}.new")
    if not output.parent.is_dir():
        raise FileError(f"{output}: there is no folder {output.parent}; make it, or choose another --output")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
