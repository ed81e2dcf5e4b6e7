"""One whole run: split, fit both sides, judge them on rows that neither has seen; then let both learn from all rows.

Test rows are scored once, when both sides are final; only after the verdict does the model that will be served learn
from them too, for as long as seemed best without them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nncli.bundle.model import Heldout
from nncli.evaluation.comparison import Judgement, judge_held_out
from nncli.evaluation.reliability import CalibrationEvidence
from nncli.experiment.assumptions import look_at_training
from nncli.experiment.closer import look_closer
from nncli.experiment.scoring import cut_short, encode_test_rows, run_clock, score_with_calibration
from nncli.fitting.context import Context, Observer
from nncli.fitting.decision import choose_decision, make_rule
from nncli.fitting.served import Served, learn_from_all_rows
from nncli.fitting.sides import Fitted, fit_sides
from nncli.guard.examine import ExaminedTable, with_known_classes
from nncli.guard.findings import Finding
from nncli.guard.rows import examine_classes, examine_rows
from nncli.report.assumptions import Optimisation
from nncli.report.closer import Closer
from nncli.settings import RunSettings
from nncli.table.split import Split, make_split
from nncli.training.checkpointer import Checkpointer
from nncli.training.device import choose_device, use_threads


@dataclass(frozen=True)
class Experiment:
    """A run with one split."""

    table: ExaminedTable
    split: Split
    fitted: Fitted
    heldout: Heldout
    judgement: Judgement
    calibration: Mapping[str, CalibrationEvidence]
    """What it does to both sides' probabilities for the test rows."""
    closer: Closer
    """At the test rows, by the judged model."""
    served: Served
    findings: tuple[Finding, ...]

    @property
    def optimisation(self) -> Optimisation:
        """How the training of the judged network went."""
        return look_at_training(self.fitted)

    @property
    def seconds(self) -> Mapping[str, float]:
        """By side, until the verdict and after it."""
        first, again = self.fitted.seconds, self.served.seconds
        return {side: seconds + again.get(side, 0.0) for side, seconds in first.items()}


def run_experiment(
    table: ExaminedTable,
    settings: RunSettings,
    observer: Observer,
    started: float | None = None,
    checkpointer: Checkpointer | None = None,
) -> Experiment:
    """Splits once, fits both sides, scores the test rows once, then fits both sides on all rows.

    Args:
        table: examined.
        settings: of the run.
        observer: is told how it comes along.
        started: when the time limit began, on the clock of ``time.monotonic``; ``None``: now.
        checkpointer: keeps networks on disk, so that a run that is cut off can go on.

    Raises:
        DataError: the rows cannot be split, or there is nothing to learn from.
        DeviceError: the device that was asked for is not there.
        UsageError: no network ever had a finite loss, or a rule to decide by does not fit the classes.
    """
    choose_device(settings.device)  # refused before any work
    rule = make_rule(settings.decision, table.target.classes)
    split = make_split(table.arrangement, settings.split, settings.seed)
    found = (*table.findings, *examine_rows(table.arrangement.repeats, split), *examine_classes(table.target, [split]))
    table, split = with_known_classes(table, split)
    clock = run_clock(settings, started or time.monotonic())
    context = Context(settings, observer, clock, checkpointer=checkpointer)
    with use_threads(context.settings.threads):
        fitted = fit_sides(table, split, context)
        features = encode_test_rows(table, split, fitted.model)
        test, calibration = score_with_calibration(table, split, fitted, features, settings.evaluation)
        heldout = Heldout(test, fitted.validation)
        judged = test.led_by(fitted.model.description.default_side)
        judgement = judge_held_out(test.labels, judged, settings.evaluation, test.sample)
        decision, doubts = choose_decision(rule, heldout.validation, table.target.classes) if rule else (None, ())
        with use_threads(1):  # as predict runs: more gain little, and a row's answer does not hang on its place
            closer = look_closer(table, split, fitted.model.with_decision(decision), features, test, settings)
        served = learn_from_all_rows(table, split, fitted, context)
    findings = (*found, *cut_short([fitted.stops, served.stops]), *_unconverged(fitted), *doubts)
    served = replace(served, model=served.model.with_decision(decision).with_findings(findings))
    return Experiment(table, split, fitted, heldout, judgement, calibration, closer, served, findings)


def _unconverged(fitted: Fitted) -> list[Finding]:
    """Says that the network was still learning when its epochs were done; a time limit is said elsewhere."""
    if fitted.health.converged or {"time limit", "diverged"} & set(fitted.stops["network"]):
        return []
    n_epochs = len(fitted.chosen[0].outcome.history)
    message = f"the network was still learning after {n_epochs} epochs; more --epochs may make it better"
    return [Finding("not-converged", "info", (), message)]
