"""Options of ``nncli predict`` alone."""

from pathlib import Path
from typing import Annotated

import typer

from nncli.cli.options import complete_column

_FORMATS = "csv|tsv|jsonl|parquet"
_INPUT, _ANSWERS, _OUTPUT = "Input", "Answers", "Output"

Data = Annotated[
    list[str] | None,
    typer.Argument(
        help="CSV, TSV, JSON Lines or Parquet, plain or compressed, or patterns of files; standard input if none.",
        metavar="DATA",
        show_default=False,
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File instead of standard output; .csv, .tsv, .jsonl or .parquet, also with .gz, .zst, .bz2 or .xz.",
        show_default=False,
        rich_help_panel=_OUTPUT,
    ),
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--out-dir",
        help="Folder for one output per input; done.jsonl in it says what is done, and that is not done again.",
        show_default=False,
        rich_help_panel=_OUTPUT,
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        help="Write input columns too: all of them, or those of a list such as a,b.",
        metavar="[COLUMNS]",
        autocompletion=complete_column,
        rich_help_panel=_ANSWERS,
    ),
]
Probabilities = Annotated[
    str | None,
    typer.Option(
        "--proba",
        help="Of every class, of the predicted one, or none; all if not given, none with --top.",
        metavar="none|max|all",
        rich_help_panel=_ANSWERS,
    ),
]
Top = Annotated[int | None, typer.Option(help="The K most probable classes.", metavar="K", rich_help_panel=_ANSWERS)]
Threshold = Annotated[
    float | None,
    typer.Option(
        help="Of two classes, the second, or that of train --positive (info names it), is predicted from this "
        "probability on; the model's own if not given.",
        metavar="P",
        rich_help_panel=_ANSWERS,
    ),
]
Prior = Annotated[
    str | None,
    typer.Option(
        help="Shares of classes among these rows, where they are not those of training, such as yes=0.02; classes that "
        "are not named share the rest as in training.",
        metavar="CLASS=SHARE,...",
        rich_help_panel=_ANSWERS,
    ),
]
With = Annotated[
    str | None,
    typer.Option(
        "--with",
        help="Who predicts; if not given the network, or the blend of network and trees after train --blend.",
        metavar="network|trees|blend|both",
        rich_help_panel=_ANSWERS,
    ),
]
Fast = Annotated[
    bool,
    typer.Option(
        "--fast",
        help="Let the small network predict that learned from the large one, also under --with both, never in a "
        "blend; info says what that costs.",
        rich_help_panel=_ANSWERS,
    ),
]
Round = Annotated[
    int | None, typer.Option("--round", help="Decimals of probabilities.", metavar="N", rich_help_panel=_ANSWERS)
]
Explain = Annotated[
    int | None,
    typer.Option(
        help="The K columns that moved the row's answer most: reason1, and reason1_effect, what its value adds to the "
        "probability of the predicted class. Slow: every column is a prediction more.",
        metavar="K",
        rich_help_panel=_ANSWERS,
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        help="Sets of classes that hold the true one in this share of rows, such as 0.9: columns set (a|b) and "
        "set_size; abstain where that is not 1.",
        metavar="C",
        rich_help_panel=_ANSWERS,
    ),
]
Sets = Annotated[
    str,
    typer.Option(
        help="How --coverage makes sets: the smallest, or larger ones for hard rows.",
        metavar="lac|aps|raps",
        rich_help_panel=_ANSWERS,
    ),
]
ByClass = Annotated[
    bool,
    typer.Option("--by-class", help="Cover the rows of each class as often (--coverage).", rich_help_panel=_ANSWERS),
]
InFormat = Annotated[
    str | None,
    typer.Option("--input-format", help="By name or content if not given.", metavar=_FORMATS, rich_help_panel=_INPUT),
]
OutFormat = Annotated[
    str | None,
    typer.Option(
        "--output-format",
        help="By the output's name if not given, else CSV.",
        metavar=_FORMATS,
        rich_help_panel=_OUTPUT,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(help="Of text; as of the model's own data if not given.", metavar="NAME", rich_help_panel=_INPUT),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line names the columns; as in the model's own data if not given.",
        show_default=False,
        rich_help_panel=_INPUT,
    ),
]
SkipRows = Annotated[
    int | None,
    typer.Option(
        help="Lines before the table; as in the model's own data if not given.", metavar="N", rich_help_panel=_INPUT
    ),
]
BadRowsOption = Annotated[
    str,
    typer.Option(
        "--bad-rows",
        help="A row that cannot be read: stop, leave it out, or give it empty answers. A quote that never closes stops "
        "in any case: what comes after it cannot be told apart.",
        metavar="error|skip|null",
        rich_help_panel=_INPUT,
    ),
]
ExcelSafe = Annotated[
    bool,
    typer.Option("--excel-safe", help="An apostrophe before text that is a formula to Excel.", rich_help_panel=_OUTPUT),
]
Threads = Annotated[
    int | None,
    typer.Option(help="CPU threads; all cores, four at the most, if not given.", rich_help_panel=_INPUT),
]
Memory = Annotated[
    str | None,
    typer.Option(
        help="Cap on memory, such as 200MB: rows are read in smaller portions.",
        metavar="SIZE",
        rich_help_panel=_INPUT,
    ),
]
LineBuffered = Annotated[
    bool, typer.Option("--line-buffered", help="Pass every row on at once.", rich_help_panel=_OUTPUT)
]
