"""A folder of outputs, one for each input, that remembers in ``done.jsonl`` what is done."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nncli.bundle.whole import remove_leftovers
from nncli.errors import UsageError
from nncli.prediction.outputs import refuse_existing, refuse_own_input, rejects_path, write_file
from nncli.prediction.run import Run, Summary
from nncli.table.filetype import file_type, with_format

LEDGER = "done.jsonl"


@dataclass(frozen=True)
class Job:
    """An input, and the output that it becomes."""

    path: str
    output: Path


@dataclass(frozen=True)
class Plan:
    """What a run has to do."""

    jobs: Sequence[Job]
    n_done: int
    """Outputs that an earlier run has written as this one would."""
    n_again: int
    """Outputs of an earlier run that this one replaces: what they came from has changed."""


def plan_folder(run: Run, paths: Sequence[str], folder: Path, force: bool) -> Plan:
    """Makes the folder, and finds what is to be done: all that ``done.jsonl`` has not, or that has changed since.

    Raises:
        UsageError: two inputs would have the same output, an output exists that no earlier run wrote (without
            ``force``), or an output would replace its input.
    """
    ledger = _read(folder)
    written = _written(ledger)
    jobs = [_job(path, folder, run) for path in paths if not _is_of_folder(Path(path), folder, written)]
    _refuse_same(jobs)
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    todo = [job for job in jobs if not _is_done(job, run, ledger)]
    for job in todo:
        refuse_own_input(job.output, [job.path])
        if not force and ledger.get(job.output.name, {}).get("input") != _input_name(job):
            refuse_existing(job.output)
    n_again = sum(job.output.exists() and job.output.name in ledger for job in todo)
    return Plan(todo, len(jobs) - len(todo), n_again)


def write_job(run: Run, job: Job) -> Summary:
    """Predicts one input. Its line in ``done.jsonl`` is on the disk before the output gets its name."""
    settings = run.asked.settings
    record = _record(job, run)  # from before it is read: should it change meanwhile, the next run begins anew

    def remember(finished: Path, summary: Summary) -> None:
        with finished.open("rb") as file:
            os.fsync(file.fileno())
        size = finished.stat().st_size
        job.output.unlink(missing_ok=True)  # or, should this be the end, it would pass for what the line describes
        _append(job.output.with_name(LEDGER), {**record, "rows": summary.n_rows, "output_size": size})

    stated = file_type(job.output.name)
    return write_file(run, [job.path], job.output, stated.written_as(settings.output_format or stated.format), remember)


def _job(path: str, folder: Path, run: Run) -> Job:
    if path == "-":
        raise UsageError("--out-dir: standard input has no file name; name a file, or use --output")
    return Job(path, folder / with_format(Path(path).name, run.asked.settings.output_format))


def _refuse_same(jobs: Sequence[Job]) -> None:
    first: dict[str, str] = {LEDGER: "the list of what is done"}
    for job in jobs:
        for name in (job.output.name, rejects_path(job.output).name):
            if name in first:
                raise UsageError(f"--out-dir: {first[name]} and {job.path} would both be written to {name}; rename one")
            first[name] = job.path


def _written(ledger: Mapping[str, object]) -> frozenset[str]:
    """Names of the files that earlier runs have written into their folder."""
    return frozenset([LEDGER, *ledger, *(rejects_path(Path(name)).name for name in ledger)])


def _is_of_folder(path: Path, folder: Path, written: frozenset[str]) -> bool:
    """Whether an earlier run has written a file: a pattern may match its folder, too."""
    return path.name in written and path.parent.exists() and folder.exists() and path.parent.samefile(folder)


def _input_name(job: Job) -> str:
    return str(Path(job.path).absolute())


def _record(job: Job, run: Run) -> dict[str, Any]:
    status = Path(job.path).stat()
    return {
        "input": _input_name(job),
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "output": job.output.name,
        "model_sha256": run.asked.model.sha256,
        "settings": json.loads(json.dumps(asdict(run.asked.settings))),
    }


def _is_done(job: Job, run: Run, ledger: Mapping[str, Mapping[str, Any]]) -> bool:
    known = ledger.get(job.output.name)
    if known is None or not job.output.exists() or job.output.stat().st_size != known.get("output_size"):
        return False
    return {**known, **_record(job, run)} == known


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    """The last line about each output; a line that was cut off, or is none of nncli's, says nothing."""
    path = folder / LEDGER
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            record = json.loads(line)
            found[os.fspath(record["output"])] = record
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def _append(path: Path, record: Mapping[str, Any]) -> None:
    with path.open("ab+") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write(b"\n" * torn + json.dumps(record).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
