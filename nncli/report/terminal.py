"""A report on the terminal: warnings above the scores, the verdict last, where the eye stays."""

from collections.abc import Mapping, Sequence
from math import isfinite

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nncli.errors import inert, show
from nncli.evaluation.comparison import Comparison, Interval
from nncli.evaluation.decisions import DecisionRule
from nncli.evaluation.thresholds import DecisionCheck
from nncli.guard.findings import Finding
from nncli.report.decision import AT_HALF, DecisionReport, figure_names, figures
from nncli.report.document import (
    Report,
    assumption_lines,
    calibration_lines,
    effort_line,
    held_out_blend_line,
    kept_line,
    repeated_lines,
    sentence,
    weights_line,
)
from nncli.report.names import METRIC_NAMES, SIDE_NAMES
from nncli.report.repeated import Repeated

_SHORT_NAMES = {"balanced_accuracy": "balanced", "brier": "Brier"}
"""So that a table fits 80 columns."""
VERDICT_STYLES = {"better": "bold green", "worse": "bold yellow", "no clear difference": "bold"}


def print_report(report: Report, console: Console) -> None:
    """Prints warnings, the table of scores, the calibration, the verdict, and what a rule to decide by makes of it.

    That is what ``compare-baseline`` says; ``train`` is briefer, see :mod:`nncli.report.panel`.
    """
    print_findings(report.warnings, console)
    if report.weights.is_used:
        console.print(Text(weights_line(report)), soft_wrap=True)
    console.print(scores_table(report.judgement.scores, report.judgement.verdict.metric))
    print_calibration(report, console)
    console.print(Text(f"{sentence(report)}", style=VERDICT_STYLES[report.judgement.verdict.word]), soft_wrap=True)
    if report.repeated:
        _print_repeated(report, report.repeated, console)
    for line in filter(None, (held_out_blend_line(report), effort_line(report), kept_line(report))):
        console.print(Text(line), soft_wrap=True)
    if report.decision:
        print_decision(report.decision, report, console)


def print_calibration(report: Report, console: Console) -> None:
    """Prints what calibration did to each side."""
    for line in calibration_lines(report):
        console.print(Text(f"calibration: {line}"), soft_wrap=True)


def print_decision(decision: DecisionReport, report: Report, console: Console) -> None:
    """Prints what the model decides by, and what that reaches on the test rows."""
    source = "" if decision.rule.costs else f", by the {report.rows['validation']:,} validation rows"
    line = (
        f"Decision: '{show(decision.positive)}' is predicted for {decision.words}{source}; "
        f"on the {report.rows['test']:,} test rows:"
    )
    console.print(Text(line), soft_wrap=True)
    console.print(decision_table(decision.rule, list(decision.checks())))


def decision_table(rule: DecisionRule, checks: Sequence[tuple[str, float, DecisionCheck]]) -> Table:
    """One row a side and what it would be without a rule; the interval of the figure that the rule is about.

    Args:
        rule: of the model.
        checks: a side or ``AT_HALF``, its threshold, and what that reaches.
    """
    table = plain_table("", "from", *figure_names(rule))
    for side, threshold, check in checks:
        table.add_row(
            Text(SIDE_NAMES.get(side, side)), "" if side == AT_HALF else f"{threshold:.4f}", *figures(rule, check)
        )
    return table


def _print_repeated(report: Report, repeated: Repeated, console: Console) -> None:
    """Prints what repeated folds tell: other metrics, practice, the blend of both sides, costs, and what to use."""
    recommended, *lines = repeated_lines(report)
    if len(report.judgement.comparisons) > 1:
        console.print(_comparisons_table(report.judgement.comparisons))
    for line in [*lines, *assumption_lines(report)]:
        console.print(Text(line), soft_wrap=True)
    console.print(_costs_table(repeated))
    console.print(Text(recommended, style="bold"), soft_wrap=True)


def _comparisons_table(comparisons: Sequence[Comparison]) -> Table:
    table = plain_table("", "difference", "p (Holm)", "verdict")
    for c in comparisons:
        bounds = f"{c.difference:+.4f} [{c.low:+.3f}, {c.high:+.3f}]"
        table.add_row(METRIC_NAMES[c.metric], Text(bounds), f"{c.p_adjusted:.4f}", c.word)
    return table


def _costs_table(repeated: Repeated) -> Table:
    table = plain_table("", "training", "1,000 predictions")
    for side, cost in repeated.costs.items():
        if side != "majority":
            table.add_row(Text(SIDE_NAMES[side]), f"{cost.fit_seconds:.2f} s", f"{1000 * cost.predict_seconds:,.1f} ms")
    return table


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Prints a line for each."""
    for finding in findings:
        style = "yellow" if finding.level != "info" else ""
        console.print(Text(f"{finding.level}: {inert(finding.message)}", style=style), soft_wrap=True)


def scores_table(scores: Mapping[str, Mapping[str, Interval]], verdict_metric: str) -> Table:
    """One row a side, one column a metric; with the interval of the one that the verdict is about."""
    table = plain_table("", *(_SHORT_NAMES.get(metric, name) for metric, name in METRIC_NAMES.items()))
    for side, metrics in scores.items():
        cells = [_cell(metrics[metric], with_bounds=metric == verdict_metric) for metric in METRIC_NAMES]
        table.add_row(Text(SIDE_NAMES[side]), *cells)
    return table


def plain_table(first: str, *others: str) -> Table:
    """A table without lines; the columns after the first stand to the right, the first makes room for them."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column(Text(first), overflow="fold")
    for name in others:
        table.add_column(Text(name), justify="right", no_wrap=True)
    return table


def _cell(interval: Interval, with_bounds: bool) -> Text:
    if not isfinite(interval.value):
        return Text("undefined")
    bounds = f" [{interval.low:.3f}, {interval.high:.3f}]" if with_bounds else ""
    return Text(f"{interval.value:.4f}{bounds}")


def signed_bounds(value: float | None, low: float | None, high: float | None) -> Text:
    """A difference with its interval; null in a document, and no number at all, are undefined."""
    if value is None or low is None or high is None or not all(map(isfinite, (value, low, high))):
        return Text("undefined")
    return Text(f"{value:+.4f} [{low:+.3f}, {high:+.3f}]")


def class_counts(classes: Mapping[str, int]) -> str:
    """Classes with their rows, the most frequent first, for one line."""
    total = sum(classes.values())
    ordered = sorted(classes.items(), key=lambda item: -item[1])
    shown = [f"{show(name, 30)} {count:,} ({count / total:.1%})" for name, count in ordered[:4]]
    return ", ".join([*shown, f"{len(ordered) - 4} more"] if len(ordered) > 4 else shown)
