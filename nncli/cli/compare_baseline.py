"""``nncli compare-baseline``: the verdict, network against trees."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nncli.cli import compare_options as c
from nncli.cli import options as o
from nncli.errors import GateError, UsageError
from nncli.settings import RepeatSettings, Requirement, RunSettings, check_choice
from nncli.training.signals import Signals

if TYPE_CHECKING:
    from nncli.evaluation.comparison import Verdict
    from nncli.report.document import Report


def compare_baseline(
    ctx: typer.Context,
    data: c.Data = None,
    target: o.Target = o.DEFAULTS.target,
    group: o.Group = o.DEFAULTS.group,
    time: o.Time = o.DEFAULTS.time,
    class_weight: o.ClassWeights = None,
    sample_weight: o.SampleWeight = o.DEFAULTS.weights.column,
    keep_column: o.KeepColumns = None,
    strict: o.Strict = False,
    encoding: o.Encoding = o.DEFAULTS.reading.encoding,
    no_header: o.NoHeader = False,
    skip_rows: o.SkipRows = o.DEFAULTS.reading.skip_rows,
    na: o.MissingWords = None,
    bad_rows: o.BadRows = o.DEFAULTS.bad_rows,
    model: o.ModelFolder = o.DEFAULT_MODEL,
    require: c.Require = None,
    metric: c.Metric = None,
    against: c.Against = c.REPEATS.against,
    rounds: c.Rounds = c.REPEATS.n_rounds,
    budget: c.Budget = c.REPEATS.budget,
    output: c.Reports = None,
    force: o.Force = False,
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

    nncli compare-baseline customers.csv                   repeated cross-validation, with a page to show

    nncli compare-baseline customers.csv --against catboost --metric roc_auc -o verdict.html

    nncli compare-baseline -m churn-model                  the held-out rows of a trained model

    nncli compare-baseline --require tie && deploy         exit 7 if the trees are better

    With --effort best every fold is a search of its own; unlike train, it starts anew if it is cut off.
    """
    if require is not None:
        check_choice("require", require, Requirement)
    settings = o.run_settings(ctx.params)  # the options, by their names
    repeat = RepeatSettings(n_rounds=rounds, budget=budget, against=against)  # type: ignore[arg-type]
    _refuse_outputs(output or [], force)
    if data is None:
        report = _heldout(model, settings, repeat, strict=strict)
    else:
        report = _cross_validated(data, settings, repeat, strict=strict, quiet=quiet, verbose=verbose)
    _tell(report, json=json, quiet=quiet)
    for path in output or []:
        _write(report, path)
    if require:
        _require(report.judgement.verdict, require)


def _heldout(folder: Path, settings: RunSettings, repeat: RepeatSettings, *, strict: bool) -> "Report":
    weights, evaluation = settings.weights, settings.evaluation
    if len(evaluation.metrics) > 1:
        raise UsageError("--metric: held-out rows are judged by one; name one, or a file for cross-validation")
    for option, given in (
        ("budget", repeat.budget),
        ("against", repeat.against),
        ("class-weight", weights.by_class),
        ("sample-weight", weights.column),
        ("group", settings.group),
        ("time", settings.time),
        ("keep-column", settings.keep_columns),
        ("strict", strict),
        ("encoding", settings.reading.encoding),
        ("no-header", not settings.reading.has_header),
        ("skip-rows", settings.reading.skip_rows),
        ("na", settings.reading.missing_words),
        ("bad-rows", settings.bad_rows != o.DEFAULTS.bad_rows),
    ):
        if given:
            raise UsageError(f"--{option}: needs data; name a file, or leave it out for the held-out rows")
    from nncli.bundle.model import load_with_heldout
    from nncli.cli.outcome import heldout_report

    return heldout_report(*load_with_heldout(folder), evaluation)


def _cross_validated(
    data: str, settings: RunSettings, repeat: RepeatSettings, *, strict: bool, quiet: bool, verbose: bool
) -> "Report":
    if repeat.against is not None and settings.time_limit is not None:
        raise UsageError("--time-limit: does not bound --against's library; take --budget, which cuts no fit short")
    if repeat.against is not None:
        from nncli.baseline.libraries import require_library

        require_library(repeat.against)
    from nncli.cli.progress import TerminalObserver, make_console
    from nncli.guard.examine import examine_file
    from nncli.guard.strict import refuse_warnings
    from nncli.table.split import make_folds

    with Signals().taken(), TerminalObserver(make_console(quiet), verbose) as observer:
        table = examine_file(data, settings)
        if strict:
            refuse_warnings(table, make_folds(table.arrangement, settings.split, settings.seed))
        observer.examined(table)
        from nncli.experiment.repeated import cross_validate

        result = cross_validate(table, settings, repeat, observer, observer.started)
    from nncli.cli.outcome import cross_validation_report

    return cross_validation_report(result, settings, repeat, observer.seconds())


def _tell(report: "Report", *, json: bool, quiet: bool) -> None:
    if json:
        from nncli.report.document import document

        o.print_json(document(report))
    elif not quiet:
        from nncli.cli.progress import make_console
        from nncli.report.terminal import print_report

        print_report(report, make_console(quiet, stderr=False))


def _refuse_outputs(paths: list[Path], force: bool) -> None:
    for path in paths:
        if path.suffix not in c.ENDINGS:
            raise UsageError(
                f"--output: '{path}' ends in none of {', '.join(c.ENDINGS)}; name the report after its form"
            )
        if not path.parent.is_dir():
            raise UsageError(f"--output: '{path.parent}' is no folder; make it first, or name another place")
        if path.exists() and not force:
            raise UsageError(f"--output: {path} exists; choose another name, or --force to replace it")


def _write(report: "Report", path: Path) -> None:
    from nncli.bundle.whole import write_file
    from nncli.cli.outcome import render

    write_file(path, render(report, path.suffix))


def _require(verdict: "Verdict", required: str) -> None:
    if isnan(verdict.difference):
        raise GateError(f"--require {required}: not met; the metric is undefined on these test rows")
    passed = ("better",) if required == "win" else ("better", "no clear difference")
    if verdict.word not in passed:
        raise GateError(f"--require {required}: not met; the verdict on the network is '{verdict.word}'")
