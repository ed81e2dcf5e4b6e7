"""A report on the terminal: warnings above the scores, the verdict last, where the eye stays."""

from collections.abc import Mapping, Sequence
from math import isfinite

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nncli.errors import inert, show
from nncli.evaluation.comparison import Interval
from nncli.guard.findings import Finding
from nncli.report.document import (
    METRIC_NAMES,
    SIDE_NAMES,
    Report,
    calibration_lines,
    effort_line,
    kept_line,
    sentence,
)

_SHORT_NAMES = {"balanced_accuracy": "balanced", "brier": "Brier"}
"""So that a table fits 80 columns."""
_STYLES = {"better": "bold green", "worse": "bold yellow", "no clear difference": "bold"}


def print_report(report: Report, console: Console) -> None:
    """Prints warnings, the table of scores, the calibration and the verdict."""
    print_findings(report.warnings, console)
    console.print(scores_table(report.judgement.scores))
    for line in calibration_lines(report):
        console.print(Text(f"calibration: {line}"), soft_wrap=True)
    console.print(Text(f"{sentence(report)}", style=_STYLES[report.judgement.verdict.word]), soft_wrap=True)
    for line in filter(None, (effort_line(report), kept_line(report))):
        console.print(Text(line), soft_wrap=True)


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Prints a line for each."""
    for finding in findings:
        style = "yellow" if finding.level != "info" else ""
        console.print(Text(f"{finding.level}: {inert(finding.message)}", style=style), soft_wrap=True)


def scores_table(scores: Mapping[str, Mapping[str, Interval]]) -> Table:
    """One row a side, one column a metric; the interval of the log loss, which the verdict is about."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("", no_wrap=True)
    for metric in METRIC_NAMES:
        table.add_column(_SHORT_NAMES.get(metric, METRIC_NAMES[metric]), justify="right", no_wrap=True)
    for side, metrics in scores.items():
        cells = [_cell(metrics[metric], with_bounds=metric == "log_loss") for metric in METRIC_NAMES]
        table.add_row(Text(SIDE_NAMES[side]), *cells)
    return table


def _cell(interval: Interval, with_bounds: bool) -> Text:
    if not isfinite(interval.value):
        return Text("undefined")
    bounds = f" [{interval.low:.3f}, {interval.high:.3f}]" if with_bounds else ""
    return Text(f"{interval.value:.4f}{bounds}")


def class_counts(classes: Mapping[str, int]) -> str:
    """Classes with their rows, the most frequent first, for one line."""
    total = sum(classes.values())
    ordered = sorted(classes.items(), key=lambda item: -item[1])
    shown = [f"{show(name, 30)} {count:,} ({count / total:.1%})" for name, count in ordered[:4]]
    return ", ".join([*shown, f"{len(ordered) - 4} more"] if len(ordered) > 4 else shown)
