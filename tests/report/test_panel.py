"""What ``train`` says at its end."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from made_reports import HOSTILE, full_report, make_report
from rich.console import Console

from nncli.evaluation.comparison import Interval
from nncli.report.document import Report, sentence
from nncli.report.panel import print_panel

_PROSE = (
    "warn:",
    "No clear difference",
    "The blend",
    "The model that is kept",
    "Decision:",
    "calibration:",
    "Training:",
)


def printed(report: Report, encoding: str = "utf-8", verbose: bool = False) -> str:
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding=encoding)
    console = Console(file=file, width=80, force_terminal=False, markup=False, highlight=False, emoji=False)
    print_panel(report, console, verbose)
    file.flush()
    return buffer.getvalue().decode(encoding)


def bars(text: str) -> dict[str, str]:
    """The thirty characters beside each side's name."""
    lines = text.splitlines()
    [first] = [i for i, line in enumerate(lines) if line.startswith("lower is better")]
    start = re.search(r"\d", lines[first]).start()  # type: ignore[union-attr]
    return {line[:start].rstrip(): line[start : start + 30] for line in lines[first + 1 : first + 5]}


def scored(**intervals: Interval) -> Report:
    """A report with such log losses."""
    report = make_report()
    scores = {s: {**of_side, "log_loss": intervals[s]} for s, of_side in report.judgement.scores.items()}
    return replace(report, judgement=replace(report.judgement, scores=scores))


FOUR = {
    "network": Interval(0.2, 0.1, 0.3), "trees": Interval(0.35, 0.2, 0.5), "trees_default": Interval(0.6, 0.5, 0.7),
    "majority": Interval(0.7, 0.7, 0.7),
}  # fmt: skip


def test_bars_share_a_scale() -> None:
    found = bars(printed(scored(**FOUR)))
    assert list(found) == ["network", "trees (careful)", "trees (default)", "majority class"]
    network, careful, default, majority = found.values()
    assert network.startswith("├")
    assert network.index("┤") == pytest.approx(29 / 3, abs=1)
    assert careful.index("├") == pytest.approx(29 / 6, abs=1)
    assert default.index("┤") == 29 == majority.index("●")
    assert network.index("●") < careful.index("●") < default.index("●")
    assert {bar.count("●") for bar in found.values()} == {1}


def test_bars_can_be_written_where_there_is_ascii_only() -> None:
    text = printed(scored(**FOUR), "ascii")
    assert bars(text)["network"].strip() == "|----o----|"
    assert text.isascii()
    assert [bar.replace("|", "").replace("-", "").strip() for bar in bars(text).values()] == ["o"] * 4


def test_scores_that_are_undefined_have_no_bar() -> None:
    nan = float("nan")
    text = printed(scored(**{**FOUR, "trees": Interval(nan, nan, nan)}))
    assert bars(text)["trees (careful)"].startswith("undefined")
    assert re.search(r"trees \(careful\) +undefined +- +0\.\d{4}", text)
    nothing = printed(scored(**dict.fromkeys(FOUR, Interval(nan, nan, nan))))
    assert nothing.count("undefined") >= 4
    one = printed(scored(**dict.fromkeys(FOUR, Interval(0.5, 0.5, 0.5))))
    assert bars(one)["network"].startswith("●")


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_tables_fit_80_columns_and_names_do_nothing(encoding: str, verbose: bool) -> None:
    names = HOSTILE if encoding == "utf-8" else ("a" * 50, "\x1b[2J")
    report = full_report(tuple(name * 3 for name in names), n_columns=6)
    text = printed(report if encoding == "utf-8" else replace(report, decision=None), "utf-8", verbose)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "[/bold]" in text or encoding == "ascii"
    tables = [line for line in text.splitlines() if not line.startswith(_PROSE)]
    assert len(tables) > 10
    assert max(map(len, tables)) <= 80


def test_the_five_columns_that_matter_most_are_told_with_both_sides_intervals() -> None:
    report = full_report()
    lines = printed(report).splitlines()
    [first] = [i for i, line in enumerate(lines) if line.startswith("columns that matter most")]
    assert lines[first].split()[-3:] == ["network", "trees", "(careful)"]
    assert [line.split("  ")[0] for line in lines[first + 1 : first + 6]] == [f"income {i}" for i in range(5)]
    assert "+0.2000 [+0.100, +0.300]" in lines[first + 1]
    assert "+0.1000 [-0.050, +0.250]" in lines[first + 1]
    assert "income 5" not in "\n".join(lines)


def test_the_verdict_comes_after_the_warnings_and_details_only_if_asked() -> None:
    report = full_report()
    brief, long = printed(report), printed(report, verbose=True)
    for text in (brief, long):
        assert text.index("warn: ") < text.index(sentence(report)) < text.index("lower is better")
        assert "The blend of" in text
        assert "Decision: 'income1' is predicted for the least cost" in text
        assert "Training: network 1.0 s" in text
    for words in ("calibration: network temperature 2.00", "balanced"):
        assert words in long
        assert words not in brief


def test_where_higher_is_better_that_is_said_and_no_metric_stands_twice() -> None:
    report = make_report()
    verdict: Any = replace(report.judgement.verdict, metric="accuracy")
    text = printed(replace(report, judgement=replace(report.judgement, verdict=verdict)))
    [header] = [line for line in text.splitlines() if line.startswith("higher is better")]
    assert header.split()[-3:] == ["accuracy", "ROC", "AUC"]
