"""Repeated cross-validation: both sides and their opponents on the same folds, until the verdict cannot change."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean, median

from nncli.bundle.model import Answers
from nncli.evaluation.blend import blend
from nncli.evaluation.comparison import Judgement
from nncli.evaluation.folds import FoldScores, compare_sides, corrected, is_foreseen, judge_folds
from nncli.evaluation.metrics import by_name, score
from nncli.experiment.assumptions import N_SEEDS, find_growth, find_seed_spread, look_at_training, n_growth_folds
from nncli.experiment.scoring import answering_sides, cut_short, run_clock, score_test_rows, time_predictions
from nncli.fitting.context import Context, Observer
from nncli.fitting.rivals import fit_rivals
from nncli.fitting.sides import fit_sides
from nncli.guard.examine import ExaminedTable, with_known_classes
from nncli.guard.findings import Finding
from nncli.guard.rows import examine_classes, examine_rows
from nncli.report.assumptions import Assumptions, Optimisation
from nncli.report.repeated import Cost, Repeated, Stop
from nncli.settings import BOTH_SIDES, RepeatSettings, RunSettings
from nncli.table.split import Split, distinct_rounds, make_folds
from nncli.training.device import choose_device, use_threads

_FEWEST_FOLDS = 2
"""A variance needs two."""


@dataclass(frozen=True)
class Fold:
    """What came of one fold."""

    split: Split
    scores: Mapping[str, Mapping[str, float]]
    """By side and metric."""
    fit_seconds: Mapping[str, float]
    """By side that is fitted, everything that was tried included."""
    predict_seconds: Mapping[str, float]
    """By side, for 1,000 rows."""
    n_tried: Mapping[str, int]
    """Settings by side, and how many of the network's predicted."""
    stops: Mapping[str, Sequence[str]]
    rivals: Mapping[str, str]
    """What was chosen for each of the other opponents, for people."""
    answers: Answers
    """Of both sides, to the test rows."""
    optimisation: Optimisation
    seconds: float
    """For all of it."""


@dataclass(frozen=True)
class CrossValidation:
    """A run with several folds."""

    table: ExaminedTable
    fold_scores: FoldScores
    n_train: int
    """Rows of a fold's training and validation parts, on average."""
    n_validation: int
    n_test: int
    judgement: Judgement
    repeated: Repeated
    assumptions: Assumptions
    n_tried: Mapping[str, int]
    """Settings that were tried in all folds together, by side, and how many of the network's predicted."""
    findings: tuple[Finding, ...]
    seconds: Mapping[str, float]
    """By side, for all folds together."""


def cross_validate(
    table: ExaminedTable,
    settings: RunSettings,
    repeat: RepeatSettings,
    observer: Observer,
    started: float | None = None,
) -> CrossValidation:
    """Fits every side on every fold, round after round, and compares them with the corrected t interval.

    Args:
        table: examined.
        settings: of the run. A time limit bounds the run and cuts fits of the first round short, if need be.
        repeat: how many rounds, and against whom.
        observer: is told how it comes along.
        started: when the time limit and the budget began, on the clock of ``time.monotonic``; ``None``: now.

    Raises:
        DataError: the rows cannot be split, or there is nothing to learn from.
        DeviceError: the device that was asked for is not there.
        UsageError: no network ever had a finite loss, or the opponent is not installed.
    """
    choose_device(settings.device)
    run = Folds(table, settings, repeat, observer, started or time.monotonic())
    folds, stop = run.folds()
    return _finished(run, folds, stop)


class Folds:
    """The folds as they come, and whether another one is worth its time."""

    def __init__(
        self, table: ExaminedTable, settings: RunSettings, repeat: RepeatSettings, observer: Observer, start: float
    ) -> None:
        self.table, self.settings, self.repeat = table, settings, repeat
        self._observer, self._start = observer, start
        self.n_round = settings.split.n_folds
        self._rounds = distinct_rounds(table.arrangement, settings.split, settings.seed, repeat.n_rounds)
        self.n_planned = self.n_round * len(self._rounds)
        self.opponent = repeat.against or "trees"

    def folds(self) -> tuple[list[Fold], Stop]:
        """As many as planned, or fewer; and why no more."""
        folds: list[Fold] = []
        for number in self._rounds:
            for split in make_folds(self.table.arrangement, self.settings.split, self.settings.seed, number):
                if (stop := self._out_of_time(folds)) is not None:
                    return folds, stop
                folds.append(self._fold(split, folds))
            n_more = self.n_planned - len(folds)
            if n_more and self._is_foreseen(folds, n_more):
                return folds, "foreseen"
        return folds, "rounds"

    def _out_of_time(self, folds: Sequence[Fold], n_more: int = 1) -> Stop | None:
        """Whether more folds, as long as those before, would end too late."""
        if len(folds) < _FEWEST_FOLDS:
            return None
        end = time.monotonic() + n_more * median(fold.seconds for fold in folds)
        if self.repeat.budget is not None and end > self._start + self.repeat.budget:
            return "budget"
        limit = run_clock(self.settings, self._start).end
        return "time limit" if limit is not None and len(folds) >= self.n_round and end > limit else None

    def _fold(self, split: Split, before: Sequence[Fold]) -> Fold:
        start, number = time.monotonic(), len(before) + 1
        typical = median(fold.seconds for fold in before) if before else None
        left = None if typical is None else typical * (self.n_planned - number + 1)
        self._observer.fold(number, self.n_planned, left)
        clock = run_clock(self.settings, self._start, min(1.0, number / self.n_round))
        # Each fold has weights of its own: what a seed brings is part of what the folds tell.
        settings = replace(self.settings, seed=(self.settings.seed + number - 1) % 2**32)
        context = Context(settings, self._observer, clock, learns_on=False)
        with use_threads(context.settings.threads):
            known, known_split = with_known_classes(self.table, split)
            fitted = fit_sides(known, known_split, context)
            rivals = fit_rivals(known, known_split, fitted, context, self.repeat.against)
            sides = answering_sides(fitted, rivals)
            test = score_test_rows(known, known_split, fitted, sides)
            predict_seconds = time_predictions(known, known_split, fitted, sides)
        probabilities = dict(test.probabilities)
        probabilities["blend"] = blend(probabilities["network"], probabilities["trees"])
        return Fold(
            split=split,
            scores={side: by_name(score(test.labels, proba, test.weights)) for side, proba in probabilities.items()},
            fit_seconds={**fitted.seconds, **{name: rival.fitted.seconds for name, rival in rivals.items()}},
            predict_seconds=predict_seconds,
            n_tried={**fitted.n_tried, **{name: rival.fitted.n_tried for name, rival in rivals.items()}},
            stops=fitted.stops,
            rivals={name: rival.fitted.settings for name, rival in rivals.items()},
            answers=replace(test, probabilities={side: probabilities[side] for side in BOTH_SIDES}),
            optimisation=look_at_training(fitted),
            seconds=time.monotonic() - start,
        )

    def assumptions(self, folds: Sequence[Fold]) -> Assumptions:
        """What networks rest on, looked at on some folds while there is time: in the order of time on the last one."""
        in_order = self.table.arrangement.moments is not None
        looked_at = folds[-1:] if in_order else folds[: n_growth_folds(folds[0].split.train.size)]
        scored = [(fold.split, fold.answers) for fold in looked_at]
        n_converged = sum(fold.optimisation.converged for fold in folds)
        optimisation = replace(looked_at[0].optimisation, n_folds=len(folds), n_converged=n_converged)
        if self._out_of_time(folds, len(scored) + N_SEEDS - 1) is not None:
            return Assumptions(optimisation)
        self._observer.assumptions()
        context = Context(self.settings, self._observer, run_clock(self.settings, self._start), learns_on=False)
        gap = fmean(fold.scores[self.opponent]["log_loss"] - fold.scores["network"]["log_loss"] for fold in folds)
        growth = find_growth(self.table, scored, context)
        return Assumptions(optimisation, growth, find_seed_spread(self.table, scored[0], gap, context))

    def _is_foreseen(self, folds: Sequence[Fold], n_more: int) -> bool:
        scores = [fold.scores for fold in folds]
        return is_foreseen(scores, n_more, test_share(folds), self.settings.evaluation, self.opponent)


def test_share(folds: Sequence[Fold]) -> float:
    """Rows of the test parts over rows that were learned from."""
    n_test = sum(fold.split.test.size for fold in folds)
    return n_test / sum(fold.split.train.size + fold.split.validation.size for fold in folds)


def _finished(run: Folds, folds: Sequence[Fold], stop: Stop) -> CrossValidation:
    scores, share, evaluation = [fold.scores for fold in folds], test_share(folds), run.settings.evaluation
    main = evaluation.metrics[0]
    table, fits = run.table, [fold.fit_seconds for fold in folds]
    judgement = judge_folds(scores, share, evaluation, run.opponent)
    others = [
        compare_sides(scores, first, second, main, share, evaluation)
        for first, second in product(("blend", "linear"), ("network", run.opponent))
    ]
    return CrossValidation(
        table=table,
        fold_scores=scores,
        n_train=round(fmean(fold.split.train.size + fold.split.validation.size for fold in folds)),
        n_validation=round(fmean(fold.split.validation.size for fold in folds)),
        n_test=round(fmean(fold.split.test.size for fold in folds)),
        judgement=judgement,
        repeated=Repeated(
            n_folds=len(folds),
            n_planned=run.n_planned,
            stop=stop,
            others=corrected(others, evaluation, judgement.verdict.learned),
            costs=_costs(folds),
            rivals=folds[0].rivals,
        ),
        assumptions=run.assumptions(folds),
        n_tried={side: sum(fold.n_tried[side] for fold in folds) for side in folds[0].n_tried},
        findings=(
            *table.findings,
            *examine_rows(table.arrangement.repeats, folds[0].split),
            *examine_classes(table.target, [fold.split for fold in folds]),
            *cut_short([fold.stops for fold in folds]),
        ),
        seconds={side: sum(seconds[side] for seconds in fits) for side in fits[0]},
    )


def _costs(folds: Sequence[Fold]) -> dict[str, Cost]:
    costs = {
        side: Cost(
            fmean(fold.fit_seconds.get(side, 0.0) for fold in folds),
            median(fold.predict_seconds[side] for fold in folds),
        )
        for side in folds[0].predict_seconds
    }
    parts = costs["network"], costs["trees"]
    both = Cost(sum(part.fit_seconds for part in parts), sum(part.predict_seconds for part in parts))
    return {**costs, "blend": both}
