"""``nncli predict``: rows in, rows out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from nncli.cli.options import DEFAULT_MODEL, Debug, Force, ModelFolder, Quiet
from nncli.errors import UsageError, show


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
    debug: Debug = False,
) -> None:
    """Predict each row of DATA: its class, and the probability of every class.

    nncli predict new.csv > scored.csv

    cat new.csv | nncli predict --keep | head
    """
    if side not in ("network", "trees"):
        raise UsageError(f"--with: '{show(side)}' is not known; choose network or trees")
    from nncli.bundle.model import load_model
    from nncli.prediction.stream import predict_stream
    from nncli.table.reading import read_chunks

    loaded = load_model(model)
    chunks = read_chunks(data, loaded.description.encoder.columns)
    with _opened(output, force) as out:
        summary = predict_stream(loaded, chunks, out, side=side, keep=keep)  # type: ignore[arg-type]
    if quiet:
        return
    for name, count in summary.unseen.items():
        print(  # noqa: T201
            f"note: column '{show(name)}': {count:,} of {summary.n_rows:,} cells hold a level that the model "
            "does not know (new, or too rare in training); they count as unknown",
            file=sys.stderr,
        )


@contextmanager
def _opened(output: Path | None, force: bool) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all."""
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        yield sys.stdout
        return
    if output.exists() and not force:
        raise UsageError(f"{output}: exists already; choose another --output, or replace it with --force")
    temporary = output.with_name(f".{output.name}.new")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
