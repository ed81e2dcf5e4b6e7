"""A closer look at the test rows, once the verdict stands: where the judged model is wrong, and what moves it.

Nothing is chosen or fitted by what is seen here.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.bundle.model import Answers, Model
from nncli.evaluation.curves import ranking_curves
from nncli.evaluation.decisions import decide
from nncli.evaluation.thresholds import threshold_table
from nncli.explain.dependence import Dependence, partial_dependence
from nncli.explain.importance import Importances, permutation_importance
from nncli.features.encoder import Features
from nncli.guard.examine import ExaminedTable
from nncli.prediction.mistakes import find_mistakes
from nncli.report.closer import Closer, ExampleRow, ShownRows, Thresholds
from nncli.settings import RunSettings
from nncli.table.arrow import number_array
from nncli.table.split import Split

_IMPORTANCE_SECONDS, _DEPENDENCE_SECONDS = 1.3, 0.5
_LIMITED_SHARE = 0.05
"""Of a time limit: the most for both together."""
_MOST_DEPENDENCES, _MOST_SHOWN = 6, 12
_EXAMPLES, _WRONG_EXAMPLES = 16, 6
_CURVES = ("network", "trees", "trees_default")
"""The sides whose curves are drawn, besides the one that answers."""
_LONGEST_CELL, _LONGEST_SHOWN = 1000, 80
"""Characters of a cell in an example, which a page computes with, and of one that is shown only."""


@dataclass(frozen=True)
class _Judged:
    """A model and the test rows that it was judged on."""

    model: Model
    rows: pa.RecordBatch
    """Text cells."""
    numbers: NDArray[np.int64]
    """Of the rows in the file."""
    features: Features
    answers: Answers

    @property
    def positive(self) -> int | None:
        """Of two classes the one that the model's rule is about, or else the second."""
        decision = self.model.description.decision
        if decision is not None:
            return decision.rule.positive
        return 1 if len(self.model.classes) == 2 else None


def look_closer(
    table: ExaminedTable, split: Split, model: Model, features: Features, test: Answers, settings: RunSettings
) -> Closer:
    """Looks at what the side that answers does, and at what moves both sides.

    Args:
        table: examined.
        split: whose test rows are looked at.
        model: that was judged on them, with its way to decide.
        features: of the test rows.
        test: all sides' answers to them.
        settings: of the run.
    """
    start, side = time.monotonic(), model.description.default_side
    judged = _Judged(model, table.rows.take(number_array(split.test)), table.numbers[split.test], features, test)
    labels, positive, answers = test.labels, judged.positive, test.led_by(side)
    is_grouped = test.groups is not None
    mistakes = find_mistakes(model, side, features, labels, answers[side], judged.numbers, is_grouped=is_grouped)
    wrong = np.searchsorted(judged.numbers, [row.number for row in mistakes.wrong])
    importances, dependence = _what_moves(judged, settings)
    return Closer(
        classes=model.classes,
        positive=positive,
        positive_share=None if positive is None else float(np.average(labels == positive, weights=test.weights)),
        curves={s: ranking_curves(labels, answers[s], test.weights, positive) for s in dict.fromkeys([side, *_CURVES])},
        mistakes=mistakes,
        trees_probability=test.probabilities["trees"][wrong, labels[wrong]].tolist(),
        thresholds=None if positive is None else _thresholds(judged, positive),
        importances=importances,
        dependence=dependence,
        rows=_shown_rows(judged, importances, wrong, settings.seed) if settings.shows_rows else None,
        seconds=time.monotonic() - start,
    )


def _what_moves(judged: _Judged, settings: RunSettings) -> tuple[Importances, list[Dependence]]:
    limit, seconds = settings.time_limit, _IMPORTANCE_SECONDS + _DEPENDENCE_SECONDS
    share = 1.0 if limit is None else min(1.0, _LIMITED_SHARE * limit / seconds)
    model, features, test = judged.model, judged.features, judged.answers
    importances = permutation_importance(
        model,
        features,
        test.labels,
        seed=settings.seed,
        sample=test.sample,
        seconds=share * _IMPORTANCE_SECONDS,
        confidence=settings.evaluation.confidence,
    )
    dependence = partial_dependence(
        model,
        features,
        [each.column for each in importances.columns],
        most=_MOST_DEPENDENCES,
        positive=judged.positive,
        seed=settings.seed,
        sample=test.sample,
        seconds=share * _DEPENDENCE_SECONDS,
    )
    return importances, dependence


def _thresholds(judged: _Judged, positive: int) -> Thresholds:
    description, test = judged.model.description, judged.answers
    side, decision = description.default_side, description.decision
    chosen = decision.border(side).threshold if decision else None
    rows = threshold_table(test.labels, test.proba(side), positive, chosen, test.weights)
    return Thresholds(chosen, decision.rule.costs if decision else None, rows)


def _shown_rows(judged: _Judged, importances: Importances, wrong: NDArray[np.int64], seed: int) -> ShownRows:
    columns, important = judged.model.description.schema.names, [each.column for each in importances.columns]
    shown = _cells(judged, wrong, important[:_MOST_SHOWN], _LONGEST_SHOWN)
    some = _some_rows(judged, seed)
    classes, labels = judged.model.classes, judged.answers.labels[some].tolist()
    examples = [
        ExampleRow(number, classes[label], list(cells.values()))
        for number, label, cells in zip(
            judged.numbers[some].tolist(), labels, _cells(judged, some, columns, _LONGEST_CELL), strict=True
        )
    ]
    return ShownRows(columns, examples, list(shown))


def _cells(judged: _Judged, rows: NDArray[np.int64], columns: list[str], longest: int) -> Iterator[dict[str, str]]:
    """The text of each row, by column."""
    cells = judged.rows.take(number_array(rows)).select(columns).to_pylist()
    for row in cells:
        yield {column: (row[column] or "")[:longest] for column in columns}


def _some_rows(judged: _Judged, seed: int) -> NDArray[np.int64]:
    """Rows that the model gets right and some that it gets wrong, of as many classes as there are, in order."""
    description, labels = judged.model.description, judged.answers.labels
    proba = judged.answers.proba(description.default_side)
    is_right = decide(proba, description.border(description.default_side)) == labels
    order = np.random.default_rng(seed).permutation(labels.size)
    right, wrong = (_by_turns(order[is_right[order] == given], labels) for given in (True, False))
    n_wrong = min(wrong.size, max(_WRONG_EXAMPLES, _EXAMPLES - right.size))
    return np.sort(np.concatenate([wrong[:n_wrong], right[: _EXAMPLES - n_wrong]]))


def _by_turns(rows: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """One row of each class, then a second of each, and so on."""
    by_class = rows[np.argsort(labels[rows], kind="stable")]
    starts = np.searchsorted(labels[by_class], labels[by_class])
    return by_class[np.argsort(np.arange(rows.size) - starts, kind="stable")]
