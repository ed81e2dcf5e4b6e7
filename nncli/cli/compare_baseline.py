"""``nncli compare-baseline``: the verdict, network against trees."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from nncli.cli import options as o
from nncli.errors import GateError, UsageError
from nncli.settings import Requirement, RunSettings, check_choice

if TYPE_CHECKING:
    from pathlib import Path

    from nncli.evaluation.comparison import Verdict
    from nncli.report.document import Report


def compare_baseline(
    data: Annotated[
        str | None,
        typer.Argument(help="Data for cross-validation; the model's held-out rows if none.", metavar="[DATA]"),
    ] = None,
    target: o.Target = o.DEFAULTS.target,
    class_weight: o.ClassWeights = None,
    sample_weight: o.SampleWeight = o.DEFAULTS.weights.column,
    model: o.ModelFolder = o.DEFAULT_MODEL,
    require: Annotated[
        str | None, typer.Option(help="Exit 7 unless the network wins, or at least ties.", metavar="win|tie")
    ] = None,
    effort: o.Effort = o.DEFAULTS.effort,
    time_limit: o.TimeLimit = o.DEFAULTS.time_limit,
    seed: o.Seed = o.DEFAULTS.seed,
    device: o.Device = o.DEFAULTS.device,
    threads: o.Threads = o.DEFAULTS.threads,
    json: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
    debug: o.Debug = False,
) -> None:
    """Say whether the network beats boosted trees, and how sure that is.

    nncli compare-baseline customers.csv             five-fold cross-validation of both

    nncli compare-baseline -m churn-model            the held-out rows of a trained model

    nncli compare-baseline --require tie && deploy   exit 7 if the trees are better

    With --effort best every fold is a search of its own; unlike train, it starts anew if it is cut off.
    """
    if require is not None:
        check_choice("require", require, Requirement)
    weights = o.parse_weights(class_weight, sample_weight)
    if data is None and weights.is_used:
        raise UsageError("--class-weight, --sample-weight: need DATA; the held-out rows of a model keep their weights")
    settings = replace(o.run_settings(target, effort, time_limit, seed, device, threads), weights=weights)
    report = _heldout(model) if data is None else _cross_validated(data, settings, quiet=quiet, verbose=verbose)
    if json:
        from nncli.report.document import document

        o.print_json(document(report))
    elif not quiet:
        from nncli.cli.progress import make_console
        from nncli.report.terminal import print_report

        print_report(report, make_console(quiet, stderr=False))
    if require:
        _require(report.judgement.verdict, require)


def _heldout(folder: "Path") -> "Report":
    from nncli.bundle.model import load_with_heldout
    from nncli.cli.outcome import heldout_report

    return heldout_report(*load_with_heldout(folder))


def _cross_validated(data: str, settings: RunSettings, *, quiet: bool, verbose: bool) -> "Report":
    from nncli.cli.progress import TerminalObserver, make_console
    from nncli.guard.examine import examine_table
    from nncli.table.reading import read_table

    with TerminalObserver(make_console(quiet), verbose) as observer:
        table = examine_table(read_table(data), settings.target, settings.weights)
        observer.examined(table)
        from nncli.experiment import cross_validate

        result = cross_validate(table, settings, observer, observer.started)
    from nncli.cli.outcome import cross_validation_report

    return cross_validation_report(result, settings, observer.seconds())


def _require(verdict: "Verdict", required: str) -> None:
    passed = ("better",) if required == "win" else ("better", "no clear difference")
    if verdict.word not in passed:
        raise GateError(f"--require {required}: not met; the verdict on the network is '{verdict.word}'")
