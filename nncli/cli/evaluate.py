"""``nncli evaluate``: how a model does on rows whose class is known."""

from typing import Annotated

import typer

from nncli.cli import options as o
from nncli.cli import predict_options as p
from nncli.settings import ExportedSide, check_choice


def evaluate(
    data: Annotated[str, typer.Argument(help="Rows with their class; - for standard input.", metavar="DATA")],
    model: o.ModelFolder = o.DEFAULT_MODEL,
    target: Annotated[
        str | None,
        typer.Option(help="Column of the class; that of training if not given.", autocompletion=o.complete_column),
    ] = None,
    side: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="Whose calibration, classes, slices and rows are told; if not given those of who predicts.",
            metavar="network|trees|blend",
        ),
    ] = None,
    sample_weight: o.SampleWeight = None,
    encoding: p.Encoding = None,
    header: p.Header = None,
    skip_rows: p.SkipRows = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Score a model on rows that it has not learned from: both sides, each class, the worst slices and rows.

    nncli evaluate held-out.csv -m churn-model

    Keep rows of your own for it: a model knows the file that it was trained on.
    """
    if side is not None:
        check_choice("with", side, ExportedSide)
    from nncli.bundle.model import load_model
    from nncli.prediction.assessment import assess
    from nncli.prediction.labelled import read_labelled

    loaded = load_model(model)
    reading = loaded.description.schema.reading.overridden(encoding, header, skip_rows)
    labelled = read_labelled(data, loaded, target, sample_weight, reading)
    found = assess(loaded, labelled, side or loaded.description.default_side)  # type: ignore[arg-type]
    if json:
        from nncli.report.assessment import assessment_document

        o.print_json(assessment_document(found))
    elif not quiet:
        from nncli.cli.progress import make_console
        from nncli.report.assessment import print_assessment

        print_assessment(found, make_console(quiet, stderr=False))
