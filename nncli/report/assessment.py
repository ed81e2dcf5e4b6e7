"""How a model does on labelled rows, as a JSON document and on the terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nncli.errors import inert, show
from nncli.evaluation.classes import ClassScores
from nncli.evaluation.slices import Slices
from nncli.prediction.assessment import Assessment
from nncli.prediction.mistakes import WrongRow
from nncli.report.decision import AT_HALF, rule_document, rule_words
from nncli.report.document import SCHEMA_VERSION, error_and_bounds, finite_document, verdict_sentence
from nncli.report.mistakes import mistakes_document
from nncli.report.names import METRIC_NAMES, SIDE_NAMES
from nncli.report.repeated import blend_line
from nncli.report.terminal import decision_table, plain_table, print_findings, scores_table

_MOST_CLASSES = 12
"""In a confusion matrix on the terminal."""


def assessment_document(found: Assessment) -> dict[str, Any]:
    """The JSON document of ``nncli evaluate``."""
    judgement, n_left_out = found.judgement, found.n_unlabelled + found.n_weightless
    document = {
        "schema_version": SCHEMA_VERSION,
        "command": "evaluate",
        "data": {"path": found.path, "sha256": found.data_sha256, "rows": found.n_rows + n_left_out},
        "target": found.target,
        "classes": list(found.classes),
        "rows": {"evaluated": found.n_rows, "unlabelled": found.n_unlabelled},
        "scores": {
            side: {metric: asdict(interval) for metric, interval in metrics.items()}
            for side, metrics in judgement.scores.items()
        },
        "verdict": {**asdict(judgement.verdict), "method": judgement.method, "sentence": _sentence(found)},
        "blend": [asdict(each) for each in judgement.blend],
        "side": found.side,
        "decision": _decision_document(found),
        "calibration": {"ece": asdict(found.ece), "bins": [asdict(one) for one in found.reliability]},
        **mistakes_document(found.mistakes),
        "warnings": [asdict(finding) for finding in found.warnings],
        "weights": {"column": found.weight_column} if found.weight_column is not None else None,
        "model_sha256": found.model_sha256,
    }
    return finite_document(document)


def print_assessment(found: Assessment, console: Console) -> None:
    """Prints warnings, scores, the verdict, calibration, then classes, slices and the rows that are most wrong."""
    print_findings(found.warnings, console)
    if found.weight_column is not None:
        by_what = f"column '{show(found.weight_column)}'"
        line = f"Scores and verdict are of rows weighted by {by_what}; below, every row counts once."
        console.print(Text(line), soft_wrap=True)
    console.print(scores_table(found.judgement.scores, found.judgement.verdict.metric))
    console.print(Text(_sentence(found)), soft_wrap=True)
    console.print(Text(f"{SIDE_NAMES[found.side]}: calibration error {error_and_bounds(found.ece)}"), soft_wrap=True)
    console.print(Text(blend_line({each.opponent: each for each in found.judgement.blend})), soft_wrap=True)
    if found.decision:
        decided, words = found.decision, rule_words(found.decision.rule)
        console.print(Text(f"\n'{show(decided.positive)}' is predicted for {words}; here:"), soft_wrap=True)
        checks = [(found.side, decided.threshold, decided.check), (AT_HALF, 0.5, decided.at_half)]
        console.print(decision_table(decided.rule, checks))
    console.print(Text(f"\n{SIDE_NAMES[found.side]}, class by class:"))
    console.print(_class_table(found.mistakes.per_class))
    if len(found.classes) <= _MOST_CLASSES:
        console.print(Text("\nrows by their class (down) and the predicted one (across):"))
        console.print(_confusion_table(found))
    console.print(Text(f"\n{_slices_line(found.mistakes.slices)}"), soft_wrap=True)
    if found.mistakes.slices.worst:
        console.print(_slices_table(found.mistakes.slices))
    if found.mistakes.wrong:
        console.print(Text("\nmost wrong:"))
        console.print(_wrong_table(found.mistakes.wrong))


def _decision_document(found: Assessment) -> dict[str, Any] | None:
    decided = found.decision
    if decided is None:
        return None
    reached = {"threshold": decided.threshold, "here": asdict(decided.check), "at_half": asdict(decided.at_half)}
    return {**rule_document(decided.rule, decided.positive), **reached}


def _sentence(found: Assessment) -> str:
    kind = "rows" if found.weight_column is None else "weighted rows"
    return verdict_sentence(found.judgement.verdict, f"{found.n_rows:,} {kind}")


def _slices_line(slices: Slices) -> str:
    looked = f"{slices.n_tried:,} slices of one column or two"
    if not slices.worst:
        return f"slices: none of {looked} is clearly worse than all rows together"
    return f"slices: clearly worse than all rows together, of {looked}:"


def _class_table(per_class: Sequence[ClassScores]) -> Table:
    table = plain_table("class", "rows", "predicted", "precision", "recall", "F1")
    for s in per_class:
        shares = ["-" if share is None else f"{share:.3f}" for share in (s.precision, s.recall, s.f1)]
        table.add_row(_cell(s.name), f"{s.n_rows:,}", f"{s.n_predicted:,}", *shares)
    return table


def _confusion_table(found: Assessment) -> Table:
    table = plain_table("", *(show(name, 12) for name in found.classes))
    for name, counts in zip(found.classes, found.mistakes.confusion.tolist(), strict=True):
        table.add_row(_cell(name), *(f"{count:,}" for count in counts))
    return table


def _slices_table(slices: Slices) -> Table:
    table = plain_table("", "rows", METRIC_NAMES["log_loss"], METRIC_NAMES["accuracy"])
    for found in slices.worst:
        where = " and ".join(f"{show(column, 24)} {show(group, 24)}" for column, group in found.where)
        bounds = f"{found.loss:.4f} [{found.low:.3f}, {found.high:.3f}]"
        table.add_row(Text(inert(where)), f"{found.n_rows:,}", Text(bounds), f"{found.accuracy:.3f}")
    return table


def _wrong_table(wrong: Sequence[WrongRow]) -> Table:
    table = plain_table("row", "class", "predicted", "probability of its class")
    for row in wrong:
        table.add_row(f"{row.number:,}", _cell(row.true), _cell(row.predicted), f"{row.probability:.6f}")
    return table


def _cell(name: str) -> Text:
    return Text(show(name, 24))
