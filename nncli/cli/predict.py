"""``nncli predict``: rows in, rows out."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from nncli.cli import predict_options as p
from nncli.cli.keep import parse_keep
from nncli.cli.options import DEFAULT_MODEL, Debug, ExpectModel, Force, ModelFolder, Quiet, Verbose, parse_numbers
from nncli.errors import UsageError, inert, quoted_list, show
from nncli.settings import PredictSettings, Side, With, check_choice, choose_threads
from nncli.training.signals import Signals

if TYPE_CHECKING:
    from nncli.bundle.model import Model
    from nncli.prediction.answers import Answering
    from nncli.prediction.run import Run, Summary
    from nncli.table.schema import Schema

Say = Callable[[str], None]
_FEWEST_ROWS = 20
"""In which it is worth a word that a column has no value."""
_TAKEN_AS_GIVEN = (
    "proba",
    "top",
    "threshold",
    "decimals",
    "explain",
    "coverage",
    "sets",
    "by_class",
    "input_format",
    "output_format",
    "bad_rows",
    "encoding",
    "has_header",
    "skip_rows",
    "excel_safe",
)
"""Options that are settings of the same names."""
_SIDES: dict[str, tuple[Side, ...]] = {
    "network": ("network",),
    "trees": ("trees",),
    "blend": ("blend",),
    "both": ("network", "trees"),
}


def predict(
    context: typer.Context,
    data: p.Data = None,
    model: ModelFolder = DEFAULT_MODEL,
    expect_model: ExpectModel = None,
    output: p.OutputFile = None,
    out_dir: p.OutputFolder = None,
    force: Force = False,
    keep: p.Keep = None,
    proba: p.Probabilities = None,
    top: p.Top = None,
    threshold: p.Threshold = None,
    prior: p.Prior = None,
    side: p.With = None,
    fast: p.Fast = False,
    decimals: p.Round = None,
    explain: p.Explain = None,
    coverage: p.Coverage = None,
    sets: p.Sets = "lac",
    by_class: p.ByClass = False,
    input_format: p.InFormat = None,
    output_format: p.OutFormat = None,
    encoding: p.Encoding = None,
    has_header: p.Header = None,
    skip_rows: p.SkipRows = None,
    bad_rows: p.BadRowsOption = "error",
    excel_safe: p.ExcelSafe = False,
    line_buffered: p.LineBuffered = False,
    memory: p.Memory = None,
    threads: p.Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Predict each row of DATA: its class, and the probability of every class.

    nncli predict new.csv > scored.csv

    cat new.csv | nncli predict --keep | head

    nncli predict 'new/*.parquet' --out-dir scored --keep id
    """
    _refuse_terminal(context, data)
    given = {name: context.params[name] for name in _TAKEN_AS_GIVEN}
    sides = _sides(side or "network", fast)
    settings = PredictSettings(sides=sides, keep=parse_keep(keep), prior=_prior(prior), **given)
    say: Say = _mute if quiet else _say
    prepared = _prepared(model, settings, side is not None, threads, line_buffered, memory)
    prepared.asked.model.require_sha256(expect_model)
    with Signals().taken(), _watched(prepared, not (output or out_dir), quiet) as run:
        summary = _carry_out(run, data or ["-"], output, out_dir, force, say)
    (say if verbose else _mute)(f"{summary.n_rows:,} rows, model {run.asked.model.sha256}")


def _refuse_terminal(context: typer.Context, data: list[str] | None) -> None:
    """Shows the help where rows would be waited for from somebody who has not asked for that."""
    if data or sys.stdin is None or not sys.stdin.isatty():
        return
    with redirect_stdout(sys.stderr):
        print(context.get_help())  # noqa: T201
        print("standard input is a terminal; name a file, or pipe rows in")  # noqa: T201
    raise typer.Exit(UsageError.exit_code)


def _sides(wanted: str, fast: bool) -> tuple[Side, ...]:
    check_choice("with", wanted, With)
    if fast and wanted in ("trees", "blend"):
        raise UsageError(
            f"--fast: is a network that answers alone, and --with {wanted} asks for trees; leave one of them out"
        )
    return tuple("fast" if fast and side == "network" else side for side in _SIDES[wanted])


def _prior(text: str | None) -> tuple[tuple[str, float], ...] | None:
    return None if text is None else tuple(sorted(parse_numbers("prior", text, "yes=0.02").items()))


def _own_side(settings: PredictSettings, model: "Model") -> PredictSettings:
    """The same settings with the side that the model answers with where none is named."""
    side = model.description.default_side
    if side != "network" and settings.sides == ("fast",):
        raise UsageError(
            "--fast: is a network that answers alone, and this model answers with the blend of network and trees; add "
            "--with network, or leave --fast out"
        )
    return settings if side == "network" else replace(settings, sides=(side,))


def _prepared(
    model: Path,
    settings: PredictSettings,
    names_side: bool,
    wanted_threads: int | None,
    line_buffered: bool,
    memory: str | None,
) -> "Run":
    threads = choose_threads(wanted_threads)
    # Rows are shared out among threads; numpy's products need none of their own. Read once, when numpy is loaded.
    os.environ.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    # By Arrow's own choice a quarter more is kept than is used; by the system's, tables of hundreds of columns tear
    # memory to pieces, and it grows with the file. Where Arrow lacks the third, it would say so.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc" if sys.platform == "linux" else "system")
    from nncli.prediction.memory import block_bytes_within, parse_size
    from nncli.prediction.run import Run

    most_bytes = parse_size(memory) if memory is not None else None
    run = Run(_answering(model, settings, names_side), threads, line_buffered)
    return replace(run, block_bytes=block_bytes_within(most_bytes, threads)) if most_bytes is not None else run


def _answering(folder: Path, settings: PredictSettings, names_side: bool) -> "Answering":
    from nncli.bundle.model import load_model, load_with_heldout
    from nncli.prediction.answers import Answering
    from nncli.prediction.prior import with_prior

    if settings.coverage is None:
        loaded = load_model(folder)
        asked = settings if names_side else _own_side(settings, loaded)
        return Answering(with_prior(loaded, settings.prior) if settings.prior else loaded, asked)
    from nncli.evaluation.conformal import fit_conformal

    model, heldout = load_with_heldout(folder)
    asked = settings if names_side else _own_side(settings, model)
    sides = [side if side != "fast" or model.student else "network" for side in asked.sides]
    rules = {
        named: fit_conformal(*heldout.answers(side), settings.coverage, settings.sets, by_class=settings.by_class)
        for named, side in zip(asked.sides, sides, strict=True)
    }
    return Answering(model, asked, rules)


def _carry_out(
    run: "Run", data: list[str], output: Path | None, out_dir: Path | None, force: bool, say: Say
) -> "Summary":
    from nncli.prediction.names import expanded

    if "fast" in run.asked.settings.sides and run.asked.model.student is None:
        say("note: this model has no fast network (see nncli info); its whole network predicts")
    for note in _decision_notes(run.asked):
        say(f"note: {note}")
    if output and out_dir:
        raise UsageError("--output and --out-dir: one output for all, or one for each; choose")
    paths = expanded(data)
    if out_dir is not None:
        return _to_folder(run, paths, out_dir, force, say)
    if output is None or str(output) == "-":
        return _to_stream(run, paths, sys.stdout.buffer, "", say)
    if output.exists() and not output.is_file():
        if output.is_dir():
            raise UsageError(f"{output}: is a folder; name a file in it, or --out-dir")
        with output.open("wb") as device:
            return _to_stream(run, paths, device, output.name, say)
    return _to_file(run, paths, output, force, say)


def _decision_notes(asked: "Answering") -> Iterator[str]:
    """Says where a threshold was chosen for rows with other shares."""
    decision = asked.model.description.decision
    if asked.settings.prior and asked.settings.threshold is None and decision and decision.rule.costs is None:
        rule = {"f1": "the largest F1", "precision": "a precision"}[decision.rule.kind]
        yield f"the model's threshold was chosen for {rule} among rows with training's shares of classes, not --prior's"


def _to_stream(run: "Run", paths: list[str], stream: BinaryIO, name: str, say: Say) -> "Summary":
    from nncli.prediction.run import predict_inputs
    from nncli.table.filetype import file_type

    written_as = file_type(name).written_as(run.asked.settings.output_format or "csv")
    summary = predict_inputs(run, paths, stream, written_as, lambda _, bad: say(bad.message))
    _tell(summary, run, say)
    return summary


def _to_file(run: "Run", paths: list[str], output: Path, force: bool, say: Say) -> "Summary":
    from nncli.bundle.whole import remove_leftovers
    from nncli.prediction.outputs import refuse_existing, refuse_own_input, rejects_path, write_file
    from nncli.table.filetype import file_type

    refuse_own_input(output, paths)
    refuse_existing(output, force)
    stated = file_type(output.name)
    if stated.promises_other and not run.asked.settings.output_format:
        raise UsageError(
            f"--output: {output.name} promises a format that is not written here; end it in .csv, .tsv, .jsonl or "
            ".parquet, or name one with --output-format"
        )
    written_as = stated.written_as(run.asked.settings.output_format or stated.format or "csv")
    for path in (output, rejects_path(output)):
        remove_leftovers(path.parent, path.name)
    # Once more at the end: somebody else may have written there meanwhile.
    summary = write_file(run, paths, output, written_as, before=lambda *_: refuse_existing(output, force))
    _tell(summary, run, say, see=f"; see {rejects_path(output)}")
    return summary


def _to_folder(run: "Run", paths: list[str], folder: Path, force: bool, say: Say) -> "Summary":
    from nncli.prediction.folder import LEDGER, plan_folder, write_job
    from nncli.prediction.outputs import rejects_path
    from nncli.prediction.run import Summary

    plan = plan_folder(run, paths, folder, force)
    n_jobs = plan.n_done + len(plan.jobs)
    if plan.n_done:
        say(f"{plan.n_done:,} of {n_jobs:,} outputs are done already, as {folder / LEDGER} says; they stay")
    if plan.n_again:
        say(f"{plan.n_again:,} of {n_jobs:,} outputs are made anew: model, options or input have changed since")
    total = Summary()
    for job in plan.jobs:
        summary = write_job(run, job)
        _tell(summary, run, say, of=f"{job.path}: ", see=f"; see {rejects_path(job.output)}")
        total += summary
    return total


def _tell(summary: "Summary", run: "Run", say: Say, of: str = "", see: str = "") -> None:
    """Says what could not be read, used or kept."""
    if summary.n_rejected:
        outcome = "were left out" if run.asked.settings.bad_rows == "skip" else "have empty answers"
        say(f"{of}{summary.n_rejected:,} of {summary.n_rows:,} rows could not be read and {outcome}{see}")
    if summary.foreign is not None:
        say(f"note: {summary.foreign.message}")
    for note in _notes(summary, run.asked.model.description.schema):
        say(f"note: {of}{note}")


def _notes(summary: "Summary", schema: "Schema") -> Iterator[str]:
    never = [name for name in schema.names if name not in summary.named]
    if never and summary.n_rows > summary.n_rejected:
        them = "it counts" if len(never) == 1 else "they count"
        yield f"no object names {quoted_list(never)}, which the model learned from; {them} as missing"
    if summary.repeated:
        yield f"the header names {quoted_list(sorted(summary.repeated))} more than once; the first is read"
    empty = [name for name in schema.names if name in summary.named and name not in summary.filled]
    if empty and summary.n_rows - summary.n_rejected >= _FEWEST_ROWS:
        yield f"no row has a value in {quoted_list(empty)}, which the model learned from; all count as missing"
    if summary.left_out:
        names = quoted_list(list(summary.left_out))
        remedy = "write JSON Lines to keep all (--output-format jsonl)"
        yield f"--keep left out {names}, which only later objects name; {remedy}"
    formats = {column.name: column.numbers.words for column in schema.columns if column.numbers is not None}
    n_read = summary.n_rows - summary.n_rejected
    for name, count in summary.unknown.items():
        some = f"{count:,} of {n_read:,} cells hold no value"
        held = f"none of its {count:,} cells holds a value" if count == n_read else some
        yield (
            f"column '{show(name)}': {held} that the model knows (new, too rare in training, or "
            f"written in another way{f' than with {formats[name]}' if name in formats else ''}); they count as missing"
        )


@contextmanager
def _watched(run: "Run", to_stdout: bool, quiet: bool) -> Iterator["Run"]:
    """The run, with a line that says how far it is where people look on and rows do not pass before their eyes."""
    if quiet or not sys.stderr.isatty() or (to_stdout and sys.stdout.isatty()):
        yield run
        return
    from nncli.cli.rows_progress import RowsProgress

    with RowsProgress() as progress:
        yield replace(run, watch=progress.watch)


def _mute(_: str) -> None: ...


def _say(line: str) -> None:
    print(inert(line), file=sys.stderr)  # noqa: T201
