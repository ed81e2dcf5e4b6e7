"""Options of ``nncli compare-baseline`` alone."""

from pathlib import Path
from typing import Annotated

import typer

from nncli.cli.options import METRICS
from nncli.settings import RepeatSettings

REPEATS = RepeatSettings()
ENDINGS = (".html", ".md", ".json")
_VERDICT, _OUTPUT = "Verdict", "Output"

Data = Annotated[
    str | None,
    typer.Argument(help="Data for cross-validation; the model's held-out rows if none.", metavar="[DATA]"),
]
Require = Annotated[
    str | None,
    typer.Option(help="Exit 7 unless the network wins, or at least ties.", metavar="win|tie", rich_help_panel=_VERDICT),
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        help="What the verdict is about; repeat for several (Holm's correction). Log loss if not given.",
        metavar=METRICS,
        rich_help_panel=_VERDICT,
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        help="The opponent, if installed; scikit-learn's trees if not given.",
        metavar="lightgbm|xgboost|catboost",
        rich_help_panel=_VERDICT,
    ),
]
Rounds = Annotated[
    int,
    typer.Option(
        help="Rounds of five folds at the most; fewer where the verdict is clear before.", rich_help_panel=_VERDICT
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        help="No fold begins that would end later; unlike with --time-limit, none is cut.",
        metavar="SECONDS",
        rich_help_panel=_VERDICT,
    ),
]
Reports = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        "-o",
        help=f"Report to write, as its name ends: {', '.join(ENDINGS)}; repeat for several.",
        rich_help_panel=_OUTPUT,
    ),
]
