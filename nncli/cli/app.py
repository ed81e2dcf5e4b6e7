"""The command tree."""

from typing import Annotated

import typer

from nncli.cli.boundary import Boundary
from nncli.cli.compare_baseline import compare_baseline
from nncli.cli.doctor import doctor
from nncli.cli.evaluate import evaluate
from nncli.cli.explain import explain
from nncli.cli.export import export
from nncli.cli.info import info
from nncli.cli.keep import KeepCommand
from nncli.cli.predict import predict
from nncli.cli.report import report
from nncli.cli.train import train
from nncli.cli.verify import verify

app = typer.Typer(
    cls=Boundary,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from nncli import version

        print(f"nncli {version()}")  # noqa: T201
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train a neural network on a table, and learn honestly whether it beats boosted trees.

    nncli train customers.csv            a model folder, and a verdict: network against trees

    nncli predict new.csv > scored.csv   one row out for each row in

    Exit codes: 0 done; 1 a bug in nncli; 2 wrong use; 3 the data cannot be used; 4 the model folder cannot be
    read or does not fit; 5 reading or writing failed; 6 not enough memory; 7 a gate failed (--require);
    8 device not available; 130, 143, 141 interrupted, terminated, reader closed the pipe.
    """


app.command()(train)
app.command(cls=KeepCommand)(predict)
app.command("compare-baseline")(compare_baseline)
app.command()(evaluate)
app.command()(explain)
app.command()(report)
app.command()(export)
app.command()(info)
app.command()(verify)
app.command()(doctor)
