"""``nncli report``: where a model's report is, what it says, and the page anew from its numbers."""

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli import options as o
from nncli.errors import ModelError, UsageError, inert
from nncli.settings import ReportFormat, check_choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nncli.bundle.model import Model

_PAGE = "report.html"


def report(
    model: o.ModelFolder = o.DEFAULT_MODEL,
    report_format: Annotated[
        str | None,
        typer.Option("--format", help="Write the report itself, to standard output or -o.", metavar="html|md|json"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write.", show_default=False)] = None,
    force: o.Force = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Show the report of a model, made anew from its numbers: what else lies in the folder is not trusted.

    nncli report --open                         the page in the browser

    nncli report --format md | gh pr comment 7 --body-file -

    nncli report --format html -o page.html
    """
    if report_format is not None:
        check_choice("format", report_format, ReportFormat)
    if json:
        report_format = _as_json(report_format)
    if output is not None:
        _refuse_output(output, report_format, force)
    from nncli.bundle.model import load_model
    from nncli.report.stored import read_report

    loaded = load_model(model)
    document = read_report(model, loaded)
    if report_format is None and not open_it and not quiet:
        _say_where(model / _PAGE)
    wanted = dict.fromkeys([*(["html"] if open_it else []), *([report_format] if report_format else [])])
    rendered = {name: _rendered(document, loaded, name) for name in wanted}
    if open_it:
        _open(rendered["html"], model / _PAGE)
    if report_format is not None:
        _write(rendered[report_format], output)


def _as_json(report_format: str | None) -> str:
    if report_format not in (None, "json"):
        raise UsageError(f"--json: is --format json; leave out --json, or --format {report_format}")
    return "json"


def _say_where(page: Path) -> None:
    if not page.is_file():
        raise ModelError(f"{page}: there is none; make one: nncli report --format html -o page.html")
    print(inert(str(page)))  # noqa: T201


def _refuse_output(path: Path, report_format: str | None, force: bool) -> None:
    from nncli.bundle.whole import refuse_output

    if report_format is None:
        raise UsageError("--output: needs --format html, md or json")
    refuse_output(path, force)


def _rendered(document: "Mapping[str, Any]", model: "Model", report_format: str) -> str:
    if report_format == "json":
        import json

        return json.dumps(document, allow_nan=False) + "\n"  # in ASCII, so that no name in it acts on a terminal
    if report_format == "md":
        from nncli.report.html import render_markdown

        return render_markdown(document)
    from nncli.report.page import render_page

    return render_page(document, model)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(text.encode())  # the page says that it is UTF-8, whatever the terminal has
        return
    from nncli.bundle.whole import write_file

    write_file(output, text.encode())


def _open(page: str, in_folder: Path) -> None:
    """Opens the page of the folder if it is of our own making; it may be anybody's, and then one is made."""
    import webbrowser

    path = in_folder.absolute() if _holds(in_folder, page.encode()) else _temporary(page)
    if not webbrowser.open(path.as_uri()):
        typer.echo(f"no browser could be started; the page is {inert(str(path))}", err=True)


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is there, of this content."""
    from nncli.bundle.folder import read_regular

    try:
        return read_regular(path, len(content)) == content
    except ModelError:
        return False


def _temporary(page: str) -> Path:
    """A file that the browser may read after this program has ended, and nobody else."""
    descriptor, name = tempfile.mkstemp(prefix="nncli-report-", suffix=".html")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(page)
    return Path(name)
