"""``nncli explain``: which columns move a model's answers, over many rows or for one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli import options as o
from nncli.cli import predict_options as p
from nncli.errors import ModelError, NncliError, UsageError, quoted_list, show

if TYPE_CHECKING:
    from nncli.bundle.model import Model
    from nncli.settings import ReadingSettings

_MOST_IN_PAIRS = 6


def complete_class(ctx: typer.Context, incomplete: str) -> list[str]:
    """Classes of the model that the command line names."""
    from nncli.bundle.folder import read_file, read_manifest
    from nncli.bundle.records import parse_json

    folder = Path(ctx.params.get("model") or o.DEFAULT_MODEL)
    try:
        description = parse_json(read_file(folder, read_manifest(folder), "model"), "model")
        classes = [str(name) for name in description["schema"]["classes"]]
    except (NncliError, OSError, LookupError, TypeError):
        return []
    return [name for name in classes if name.startswith(incomplete)]


def explain(
    data: Annotated[
        str | None,
        typer.Argument(help="Rows; - for standard input; none: training's test rows.", metavar="[DATA]"),
    ] = None,
    model: o.ModelFolder = o.DEFAULT_MODEL,
    row: Annotated[int | None, typer.Option(help="Explain one row, counted from 1.", metavar="N")] = None,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class",
            help="Whose score is explained; if not given that of the row's predicted class, of pairs those of all.",
            metavar="NAME",
            autocompletion=complete_class,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Column of the class; that of training if not given.", autocompletion=o.complete_column),
    ] = None,
    sample_weight: o.SampleWeight = None,
    encoding: p.Encoding = None,
    header: p.Header = None,
    skip_rows: p.SkipRows = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML page to write as well.", show_default=False)
    ] = None,
    force: o.Force = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Tell which columns move the answers of network and trees, and how.

    nncli explain                       what training found on its test rows

    nncli explain new.csv               labelled rows: importance of each column, and pairs that act together

    nncli explain new.csv --row 17      one row: what each column adds to its answer, and the forward pass
    """
    given = {"class": class_name, "target": target, "sample-weight": sample_weight}
    _refuse(data, row, {**given, "encoding": encoding, "header": header, "skip-rows": skip_rows})
    if output is not None:
        _refuse_output(output, force)
    if data is None:
        document = _stored(model)
    else:
        from nncli.bundle.model import load_model

        loaded = load_model(model)
        reading = loaded.description.schema.reading.overridden(encoding, header, skip_rows)
        if row is None:
            document = _of_rows(data, loaded, reading, class_name, target, sample_weight)
        else:
            document = _of_row(data, loaded, reading, row, class_name, target)
    _put_out(document, output, json, quiet)


def _put_out(document: dict[str, Any], output: Path | None, json: bool, quiet: bool) -> None:
    if output is not None:  # first: whoever reads the rest may leave before its end
        from nncli.bundle.whole import write_file
        from nncli.report.explanation_page import render_explanation

        write_file(output, render_explanation(document).encode())
    if json:
        o.print_json(document)
    elif not quiet:
        from nncli.cli.progress import make_console
        from nncli.report.explanation_terminal import print_explanation

        print_explanation(document, make_console(quiet, stderr=False))


def _refuse(data: str | None, row: int | None, given: dict[str, Any]) -> None:
    """What does not go together, before any work."""
    if data is None:
        for option, value in {"row": row, **given}.items():
            if value is not None:
                raise UsageError(f"--{option}: needs rows to explain; name a file, or leave it out")
    if row is not None and given["sample-weight"] is not None:
        raise UsageError("--sample-weight: one row has nothing to weigh against; leave out --sample-weight or --row")


def _refuse_output(path: Path, force: bool) -> None:
    from nncli.bundle.whole import refuse_output

    if path.suffix != ".html":
        raise UsageError(f"--output: '{show(path)}' does not end in .html; the page is written as HTML")
    refuse_output(path, force)


def _stored(folder: Path) -> dict[str, Any]:
    from nncli.bundle.model import load_model
    from nncli.report.explanation import stored_document
    from nncli.report.stored import read_importances

    return stored_document(folder, read_importances(folder, load_model(folder)))


def _of_rows(
    data: str,
    model: "Model",
    reading: "ReadingSettings",
    class_name: str | None,
    target: str | None,
    sample_weight: str | None,
) -> dict[str, Any]:
    from nncli.explain.importance import permutation_importance
    from nncli.explain.interactions import pair_interactions
    from nncli.prediction.assessment import warnings_about
    from nncli.prediction.labelled import read_labelled
    from nncli.report.explanation import data_document

    number = _class_number(model, class_name)
    labelled = read_labelled(data, model, target, sample_weight, reading)
    features = model.encode(labelled.rows)
    importances = permutation_importance(model, features, labelled.labels, sample=labelled.sample)
    important = sorted(importances.columns, key=lambda each: -sum(found.value for found in each.sides.values()))
    names = [each.column for each in important[:_MOST_IN_PAIRS]]
    interactions = pair_interactions(model, features, names, class_number=number)
    warnings = list(warnings_about(labelled, model))
    return data_document(model, labelled, importances, interactions, class_name, warnings)


def _of_row(
    data: str, model: "Model", reading: "ReadingSettings", number: int, class_name: str | None, target: str | None
) -> dict[str, Any]:
    from nncli.prediction.assessment import learned_rows
    from nncli.report.explanation import ExplainedRow, row_document
    from nncli.table.reading import read_table
    from nncli.table.source import display_name

    class_number = _class_number(model, class_name)
    table = read_table(data, reading)
    name, n_rows = display_name(data), table.rows.num_rows
    if not 1 <= number <= n_rows:
        raise UsageError(f"--row: {number} is out of range; {name} has {n_rows:,} rows, counted from 1")
    try:
        model.require(table.rows.schema.names)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from error
    rows = model.description.schema.plain(table.rows.slice(number - 1, 1), table.format)
    cells = rows.select(model.description.encoder.columns).to_pylist()[0]
    from nncli.explain.row import explain_row

    found = explain_row(model, model.encode(rows), class_number)
    true = _true_class(rows, target or model.description.schema.target, target is not None)
    row = ExplainedRow(data, table.sha256, n_rows, number, true, list(cells.values()))
    return row_document(model, row, found, list(learned_rows(table.sha256, model)))


def _class_number(model: "Model", name: str | None) -> int | None:
    if name is None:
        return None
    if name not in model.classes:
        known = quoted_list(list(model.classes), 10)
        raise UsageError(f"--class: the model has no class '{show(name)}'; its classes are {known}")
    return model.classes.index(name)


def _true_class(rows: Any, target: str, is_named: bool) -> str | None:
    """What stands in the column of the class, if there is one."""
    if target not in rows.schema.names:
        if is_named:
            raise UsageError(f"--target: the rows have no column '{show(target)}'")
        return None
    return (rows[target][0].as_py() or "").strip() or None
