"""What ``nncli train`` says at its end: the verdict, a bar for each side, the columns that matter most."""

from collections.abc import Mapping
from math import isfinite

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nncli.errors import show
from nncli.evaluation.comparison import Interval
from nncli.evaluation.metrics import LOWER_IS_BETTER
from nncli.explain.importance import Importances
from nncli.report.document import Report, effort_line, held_out_blend_line, kept_line, sentence, weights_line
from nncli.report.names import METRIC_NAMES, SIDE_NAMES
from nncli.report.terminal import (
    VERDICT_STYLES,
    plain_table,
    print_calibration,
    print_decision,
    print_findings,
    scores_table,
    signed_bounds,
)
from nncli.settings import BOTH_SIDES

_BAR_WIDTH, _TOP_COLUMNS, _NAME = 30, 5, 30
_BESIDE = ("roc_auc", "accuracy")
"""Metrics that stand beside the bars, besides the verdict's own."""


def print_panel(report: Report, console: Console, verbose: bool) -> None:
    """Prints warnings, the verdict with its bars and what it cost, the blend, the top columns, what a rule makes of it.

    Args:
        report: of a trained model.
        console: where people read.
        verbose: whether all scores and the calibration are told too.
    """
    print_findings(report.warnings, console)
    scores, verdict = report.judgement.scores, report.judgement.verdict
    if report.weights.is_used:
        console.print(Text(weights_line(report)), soft_wrap=True)
    if verbose:
        console.print(scores_table(scores, verdict.metric))
        print_calibration(report, console)
    console.print(Text(sentence(report), style=VERDICT_STYLES[verdict.word]), soft_wrap=True)
    console.print(_bars_table(scores, verdict.metric, console))
    for line in filter(None, (held_out_blend_line(report), effort_line(report), kept_line(report))):
        console.print(Text(line), soft_wrap=True)
    if report.closer:
        console.print(_columns_table(report.closer.importances))
    if report.decision:
        print_decision(report.decision, report, console)


def _bars_table(scores: Mapping[str, Mapping[str, Interval]], metric: str, console: Console) -> Table:
    """A row for each side: its interval on a scale that all share, and its score."""
    intervals = [of_side[metric] for of_side in scores.values()]
    ends = [end for one in intervals for end in (one.low, one.value, one.high) if isfinite(end)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    others = [name for name in _BESIDE if name != metric]
    better = "lower" if metric in LOWER_IS_BETTER else "higher"
    table = plain_table(f"{better} is better", "", METRIC_NAMES[metric], *(METRIC_NAMES[name] for name in others))
    table.columns[1].justify = "left"
    table.columns[1].header = Text(f"{low:.3g}{f'{high:.3g}':>{_BAR_WIDTH - len(f'{low:.3g}')}}")
    for side, of_side in scores.items():
        found = [f"{of_side[name].value:.4f}" if isfinite(of_side[name].value) else "-" for name in (metric, *others)]
        table.add_row(Text(SIDE_NAMES[side]), Text(_bar(of_side[metric], low, high, console)), *found)
    return table


def _bar(interval: Interval, low: float, high: float, console: Console) -> str:
    """An interval as characters: ``├──●──┤``, or ``|--o--|`` where these cannot be written."""
    if not all(isfinite(end) for end in (interval.low, interval.value, interval.high)):
        return "undefined"
    left, line, dot, right = "├─●┤" if console.encoding.lower().startswith("utf") else "|-o|"
    begin, at, end = (_place(value, low, high) for value in (interval.low, interval.value, interval.high))
    cells = [" "] * _BAR_WIDTH
    cells[begin : end + 1] = line * (end + 1 - begin)
    cells[begin], cells[end], cells[at] = left, right, dot
    return "".join(cells).rstrip()


def _place(value: float, low: float, high: float) -> int:
    return round((value - low) / ((high - low) or 1.0) * (_BAR_WIDTH - 1))


def _columns_table(found: Importances) -> Table:
    table = plain_table("columns that matter most", *(SIDE_NAMES[side] for side in BOTH_SIDES))
    for each in found.columns[:_TOP_COLUMNS]:
        table.add_row(Text(show(each.column, _NAME)), *(_bounds(each.sides[side]) for side in BOTH_SIDES))
    return table


def _bounds(interval: Interval) -> Text:
    return signed_bounds(interval.value, interval.low, interval.high)
