import json
import re
from dataclasses import replace

import pytest
from made_reports import deciding, make_report
from rich.console import Console

from nncli.evaluation.comparison import Verdict
from nncli.report.document import CurvePoint, Report, calibration_lines, document, effort_line, sentence
from nncli.report.html import render_html, render_markdown, render_model_card
from nncli.report.terminal import class_counts, print_report
from nncli.settings import Costs, WeightSettings

HOSTILE = '</style><script>alert("x")</script>\x1b[2J[/bold]\u202e'


def page_of(report: Report) -> str:
    return render_html(document(report))


def card_of(report: Report) -> str:
    return render_model_card(document(report))


def test_the_document_has_the_keys_of_the_contract() -> None:
    found = json.loads(json.dumps(document(make_report()), allow_nan=False))
    contract = {
        "schema_version", "command", "data", "target", "classes", "rows", "scores", "verdict", "warnings", "seconds",
        "device", "threads", "seed", "settings", "versions", "model_sha256",
    }  # fmt: skip
    assert contract <= set(found)
    assert set(found["scores"]) == {"network", "trees", "trees_default", "majority"}
    for metrics in found["scores"].values():
        assert set(metrics) == {"log_loss", "roc_auc", "accuracy", "balanced_accuracy", "brier"}
        assert all(set(interval) == {"value", "low", "high"} for interval in metrics.values())
    assert {"metric", "difference", "low", "high", "word"} <= set(found["verdict"])
    evidence = found["calibration"]["network"]
    for when in ("before", "after"):
        assert all(set(evidence[when][name]) == {"value", "low", "high"} for name in ("log_loss", "brier", "ece"))
    assert set(evidence["bins"][0]) == {"n_rows", "confidence", "correct"}
    assert set(found["warnings"][0]) == {"code", "level", "columns", "message"}


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("log_loss", 0.1, 0.05, 0.15, "better", True), "network is better than the careful trees: log loss"),
        (Verdict("log_loss", -0.1, -0.15, -0.05, "worse", True), "log loss worse by 0.1000"),
        (Verdict("log_loss", 0.01, -0.05, 0.05, "no clear difference", True), "+0.0100, where plus favours the net"),
        (Verdict("log_loss", 0.1, 0.05, 0.15, "no clear difference", False), "nothing was learned"),
    ],
)
def test_the_sentence_says_what_was_found_on_how_many_rows(verdict: Verdict, words: str) -> None:
    report = make_report()
    said = sentence(replace(report, judgement=replace(report.judgement, verdict=verdict)))
    assert words in said
    assert "200 test rows" in said


def test_every_setting_that_was_tried_has_a_row_and_one_alone_needs_none() -> None:
    report = make_report()
    page = page_of(report)
    rows = re.findall(r'<tr( class="kept")?><th scope="row">(network|trees) (\d)</th><td>([\d.]+)</td>', page)
    assert [(bool(kept), side, number) for kept, side, number, _ in rows] == [
        (True, "network", "1"), (True, "network", "2"), (False, "network", "3"), (True, "trees", "1"),
    ]  # fmt: skip
    assert [loss for *_, loss in rows] == ["1.5000", "2.5000", "3.5000", "0.7000"]
    assert len(json.loads(json.dumps(document(report)))["trials"]) == 4
    assert "What was tried" not in page_of(replace(report, trials=[report.trials[0], report.trials[3]]))


@pytest.mark.parametrize(
    ("n_tried", "n_folds", "words"),
    [
        ({"network": 1, "kept": 1, "trees": 1}, 0, "one setting tried on each side"),
        ({"network": 5, "kept": 5, "trees": 5}, 5, "one setting tried on each side"),
        (
            {"network": 9, "kept": 4, "trees": 7},
            0,
            "tried: 9 for the network (4 kept), 7 for the trees (1 kept)",
        ),
        ({"network": 9, "kept": 4, "trees": 7}, 2, "settings tried in 2 folds: 9 for the network, 7 for the trees"),
    ],
)
def test_the_effort_of_both_sides_is_said(n_tried: dict[str, int], n_folds: int, words: str) -> None:
    report = replace(make_report(), n_tried=n_tried, folds=[{}] * n_folds)
    assert effort_line(report).startswith("Training: network 1.0 s, trees (careful) 0.5 s, trees (default) 0.2 s; ")
    assert effort_line(report).endswith(f"{words}.")


@pytest.mark.parametrize("costs", [None, Costs(100_000, 2_000)])
def test_what_a_rule_reaches_is_on_every_page(costs: Costs | None) -> None:
    report = deciding(make_report(), costs=costs)
    found = json.loads(json.dumps(document(report), allow_nan=False))["decision"]
    assert (found["rule"], found["positive"]) == ("cost" if costs else "precision", "income1")
    assert found["sides"]["trees"]["test"]["precision"]["value"] == 0.8
    assert found["sides"]["trees"]["at_half"]["precision"] is None
    console = Console(record=True, width=80, force_terminal=False, markup=False)
    with console.capture() as captured:
        print_report(report, console)
    lines = captured.get().splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.split()[:2] == ["from", "predicted"]) :]
    assert [line[:15].rstrip() for line in table[1:]] == ["network", "  at 0.5", "trees (careful)", "  at 0.5"]
    assert max(map(len, table)) <= 80
    assert "…" not in "".join(table)
    told = "5,100 [" if costs else "0.800 ["
    assert table[1].split()[:3] == ["network", "0.2500", "25.0%"]
    for page in ("\n".join(table), page_of(report), card_of(report)):
        assert told in page
    card = card_of(report).split("## Decisions")[1].split("\n## ")[0].splitlines()
    rows = [line for line in card if line.startswith("|")]
    assert (len(rows), {line.count("|") for line in rows}) == (6, {7})
    assert json.loads(json.dumps(document(make_report())))["decision"] is None


def test_numbers_that_json_lacks_are_null_and_are_not_shown() -> None:
    nan, inf = float("nan"), float("inf")
    report = make_report()
    broken = replace(report, curve=[*report.curve, CurvePoint(4, inf, nan)], folds=[{"network": {"roc_auc": nan}}])
    found = json.loads(json.dumps(document(broken), allow_nan=False))
    assert found["curve"][3] == {"epoch": 4, "train_loss": None, "validation_loss": None}
    assert found["folds"][0]["network"]["roc_auc"] is None
    for text in (page_of(broken), card_of(broken), render_markdown(document(broken))):
        assert not re.search(r"\b(nan|inf)\b", text)


def test_what_calibration_did_is_said_for_each_side_and_drawn_bin_by_bin() -> None:
    report = make_report()
    network, trees = report.calibration["network"], report.calibration["trees"]
    first, second = calibration_lines(report)
    before, after = network.before, network.after
    assert first.startswith(
        f"network temperature 2.00: log loss {before.log_loss.value:.4f} to {after.log_loss.value:.4f}, "
        f"calibration error {before.ece.value:.3f} to {after.ece.value:.3f} ["
    )
    assert second.startswith("trees (careful) kept as trained (")
    assert second.endswith(f"[{trees.after.ece.low:.3f}, {trees.after.ece.high:.3f}]")
    page = page_of(report)
    assert page.count("as trained</td>") == 2
    assert page.count("temperature 2.00</td>") == 1


def test_the_terminal_gets_plain_text_of_80_columns_from_hostile_names() -> None:
    console = Console(record=True, width=80, force_terminal=False, markup=False)
    with console.capture() as captured:
        print_report(deciding(make_report(HOSTILE, n_classes=3)), console)
    text = captured.get()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    table = [line for line in text.splitlines() if line.startswith(("network", "trees", "majority", "  "))]
    assert len(table) == 10
    assert max(map(len, table)) <= 80
    assert text.index("warn:") < text.index("log loss") < text.index("No clear difference")


def test_many_classes_are_counted() -> None:
    assert class_counts({"a": 1, "b": 3}) == "b 3 (75.0%), a 1 (25.0%)"
    assert class_counts({str(i): 1 for i in range(26)}).endswith("22 more")


def test_that_rows_are_weighted_is_said_wherever_scores_are(capsys: pytest.CaptureFixture[str]) -> None:
    plain = make_report()
    report = replace(plain, weights=WeightSettings(balanced=True, column=HOSTILE))
    words = "Rows are weighted by class weights (balanced) and column"
    print_report(report, Console(width=80, markup=False, highlight=False))
    on_terminal, page, card = capsys.readouterr().out, page_of(report), card_of(report)
    for text in (on_terminal, page, card):
        assert text.count(words) == 1
        assert "200 weighted test rows" in text
        assert "\x1b" not in text
    assert not re.search(r"(?<!\\)<script", page + card)
    assert document(report)["weights"] == {"balanced": True, "classes": [], "column": HOSTILE}
    assert document(plain)["weights"] is None
    assert "weighted" not in page_of(plain) + card_of(plain) + sentence(plain)
