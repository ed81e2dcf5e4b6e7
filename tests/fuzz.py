"""Mutated model folders and mutated tables, put through what reads them.

A case is made from a seed alone. What may come of it: an answer, or an error of nncli's own with a documented code and
one line. Anything else is a finding: another exception, a warning, probabilities that are none, a case that takes
longer than ten seconds or more memory than a gigabyte.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import resource
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from made_models import raw_rows
from mutations import CELLS, NASTY, mutated, mutated_arrays, mutated_json, mutated_table
from program import Outcome, Program
from pyarrow import parquet
from safetensors.numpy import load, save
from stored_models import COLUMNS, Files, files_of, under_header
from threadpoolctl import threadpool_limits

from nncli.bundle.architecture import Architecture, ensemble_shapes
from nncli.bundle.folder import MANIFEST, write_folder
from nncli.bundle.model import Description, Model, load_with_heldout
from nncli.bundle.records import from_json
from nncli.errors import DataError, FileError, ModelError, NncliError, UsageError, inert
from nncli.features.encoder import fit_encoder
from nncli.features.scaling import fit_scaler
from nncli.guard.examine import examine_table
from nncli.prediction.answers import Answering
from nncli.prediction.run import Run, predict_inputs
from nncli.settings import USUAL_READING, BadRows, PredictSettings, ReadingSettings, WeightSettings
from nncli.table.filetype import FileType
from nncli.table.reading import BLOCK_BYTES, read_table

MOST_SECONDS, MOST_BYTES = 10, 1 << 30
_COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
_LONGEST_LINE = 1000
_DOCUMENTED = (UsageError, DataError, ModelError, FileError)


@dataclass(frozen=True)
class Finding:
    """A case that came out as none may."""

    kind: str
    seed: int
    what: str


@dataclass
class Outcomes:
    """What came of some cases."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


class TakesTooLong(BaseException):
    """No ``except Exception`` hides it."""


def run_cases(
    kind: str, case: Callable[[int], str], seeds: Iterable[int], most_seconds: int = MOST_SECONDS
) -> Outcomes:
    """Runs cases under the limits on time and memory."""
    outcomes = Outcomes()
    with _limits(), threadpool_limits(1, "blas"):  # as predict has it, so that rows do not depend on their portion
        for seed in seeds:
            try:
                outcome = _in_time(case, seed, most_seconds)
            except NncliError as error:  # where none is expected
                outcome = _told(error, ())
            except (Exception, TakesTooLong) as error:  # noqa: BLE001 (each is a finding)
                outcomes.findings.append(Finding(kind, seed, f"{type(error).__name__}: {error}"[:500]))
                outcome = "finding"
            outcomes.counts[outcome] += 1
    return outcomes


@contextmanager
def _limits() -> Iterator[None]:
    """A gigabyte more of memory to write to than is in use, an alarm that can be heard, and no warning that passes."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TakesTooLong("longer than it may")

    used = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    before = signal.signal(signal.SIGALRM, stop)
    resource.setrlimit(resource.RLIMIT_DATA, (int(used.split()[1]) * 1024 + MOST_BYTES, hard))
    try:
        with warnings.catch_warnings(), patch("os.fsync"):  # nothing here has to survive
            warnings.simplefilter("error")
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        signal.signal(signal.SIGALRM, before)


def _in_time(case: Callable[[int], str], seed: int, most_seconds: int) -> str:
    signal.alarm(most_seconds)
    try:
        return case(seed)
    finally:
        signal.alarm(0)


def _told(error: NncliError, allowed: Sequence[type[NncliError]]) -> str:
    """The outcome of an error that is allowed; it has to be one inert line."""
    line = str(error)
    if not isinstance(error, tuple(allowed)):
        raise AssertionError(f"{type(error).__name__} is not expected here: {line}")
    if line != inert(line) or len(line) > _LONGEST_LINE:
        raise AssertionError(f"no short inert line: {line!r}")
    return type(error).__name__


# Model folders


def model_case(good: Path, folder: Path) -> Callable[[int], str]:
    """Cases of a model folder, each made in ``folder`` from the files of a good one."""
    files = files_of(good)
    table = folder.with_name(f"{folder.name}.csv")

    def case(seed: int) -> str:
        _remove(folder)
        _mutated_folder(folder, files, Random(seed))
        try:
            model, heldout = load_with_heldout(folder)
            heldout.coverage_checks(model.description.sides)
        except NncliError as error:
            return f"not loaded: {_told(error, (ModelError,))}"
        table.write_bytes(_rows_for(model))
        try:
            for side in ("network", "trees", "fast", "blend"):
                _check_answers(predicted(model, table, PredictSettings(sides=(side,))), model)
        except NncliError as error:
            return f"loaded, not answered: {_told(error, (ModelError, DataError, UsageError))}"
        return "answered"

    return case


def _remove(folder: Path) -> None:
    for path in folder.iterdir() if folder.exists() else ():
        path.unlink()
    if folder.exists():
        folder.rmdir()


def _mutated_folder(folder: Path, files: Files, random: Random) -> None:
    way = random.choice(
        ["bytes", "description", "description", "fitted", "fitted", "header", "arrays", "manifest", "disk"]
    )
    role = random.choice(list(files))
    binary = random.choice([name for name in files if name != "model.json"])
    if way == "bytes":
        write_folder(folder, files | {role: mutated(files[role], random)}, {})
    elif way == "description":
        write_folder(folder, files | {"model.json": mutated_json(files["model.json"], random)}, {})
    elif way == "fitted":
        write_folder(folder, _fitted(files, mutated_json(files["model.json"], random)), {})
    elif way == "header":
        length = int.from_bytes(files[binary][:8], "little")
        head, body = mutated_json(files[binary][8 : 8 + length], random), files[binary][8 + length :]
        write_folder(folder, files | {binary: under_header(head, body)}, {})
    elif way == "arrays":
        write_folder(folder, files | {binary: mutated_arrays(files[binary], random)}, {})
    else:
        write_folder(folder, files, {})
        path = folder / MANIFEST if way == "manifest" else random.choice(sorted(folder.iterdir()))
        change = mutated_json if way == "manifest" and random.random() < 0.7 else mutated
        path.write_bytes(change(path.read_bytes(), random))


def _fitted(files: Files, description: bytes) -> Files:
    """The files with arrays of the shapes that another description states, where it states some of a modest size."""
    try:
        stated = from_json(Description, json.loads(description), "here")
        shapes: dict[str, dict[str, tuple[int, ...]]] = {
            "weights": ensemble_shapes(stated.networks),
            "fast": stated.student.array_shapes() if isinstance(stated.student, Architecture) else {},
        }
        found = {
            f"{role}.safetensors": save(_resized(load(files[f"{role}.safetensors"]), s)) for role, s in shapes.items()
        }
    except Exception:  # noqa: BLE001 (whatever: then the description stands alone)
        return files | {"model.json": description}
    return files | found | {"model.json": description}


def _resized(arrays: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    if sum(int(np.prod(shape, dtype=object)) for shape in shapes.values()) > 1_000_000:
        raise ValueError("too large")
    kept = {name: array for name, array in arrays.items() if name.startswith("text.")}
    return kept | {name: np.resize(arrays.get(name, np.ones(1, np.float32)), shape) for name, shape in shapes.items()}


def _rows_for(model: Model) -> bytes:
    """Six rows as CSV with the columns that a model wants."""
    cells = raw_rows(6, seed=1)
    names = model.description.encoder.columns
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(names)
    writer.writerows(zip(*(cells.get(name, cells["size"]) for name in names), strict=True))
    return table.getvalue().encode()


def predicted(model: Model, path: Path, settings: PredictSettings, block_bytes: int = BLOCK_BYTES) -> bytes:
    """What ``predict`` writes."""
    output = io.BytesIO()
    run = Run(Answering(model, settings), threads=1, block_bytes=block_bytes)
    predict_inputs(run, [str(path)], output, FileType("", "csv", None), lambda *_: None)
    return output.getvalue()


def _check_answers(written: bytes, model: Model, n_rows: int | None = 6) -> None:
    header, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    first = header.index("prediction") + 1
    proba = np.array([row[first : first + len(model.classes)] for row in rows], dtype=float)
    if n_rows is not None and len(rows) != n_rows:
        raise AssertionError(f"{len(rows)} answers to {n_rows} rows")
    if rows and not (np.isfinite(proba).all() and (np.abs(proba.sum(axis=1) - 1) < 1e-3).all() and (proba >= 0).all()):
        raise AssertionError(f"no probabilities: {proba}")


# Tables


def table_case(samples: Path, model: Model, folder: Path) -> Callable[[int], str]:
    """Cases of a table: it is read, examined and encoded to train; and predicted, whole and in small portions.

    Half of those to train are read or examined with some options; some are compressed, or Parquet, and damaged after.
    """
    tables = [_first_lines(path, 40) for path in sorted(samples.glob("*.csv"))]
    own = _own_table(model)

    def case(seed: int) -> str:
        random = Random(seed)
        if random.random() < 0.5:
            path = folder / random.choice([*["t.csv"] * 20, "t", "t", "t.tsv", "t.jsonl"])
            path.write_bytes(_packed(mutated_table(random.choice([*tables, *NASTY]), random), random))
            return f"train: {_learned_from(path, random)}"
        path = folder / "p.csv"
        path.write_bytes(mutated_table(own, random))
        return f"predict: {_predicted_alike(model, path, random)}"

    return case


def _first_lines(path: Path, n_lines: int) -> bytes:
    with path.open("rb") as file:
        return b"".join(line for line, _ in zip(file, range(n_lines), strict=False))


def _own_table(model: Model) -> bytes:
    cells = {name: raw_rows(25, seed=2)[name] for name in COLUMNS} | {"extra": [f"x{i}" for i in range(25)]}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(cells)
    writer.writerows(zip(*cells.values(), strict=True))
    return table.getvalue().encode()


def _packed(table: bytes, random: Random) -> bytes:
    """Mostly the table as it is; some are compressed or Parquet, and half of these are damaged then."""
    way = random.choice([*["plain"] * 16, *_COMPRESSIONS, "parquet"])
    if way == "plain":
        return table
    if way == "parquet":
        columns = [pa.array([line[start::9] for line in table.splitlines()]) for start in range(3)]
        file = io.BytesIO()
        parquet.write_table(pa.table(columns, ["a", "b", "y"]), file, compression=random.choice(["none", "snappy"]))
        packed = file.getvalue()
    else:
        packed = _COMPRESSIONS[way](table)
    return mutated(packed, random) if random.random() < 0.5 else packed


def _learned_from(path: Path, random: Random) -> str:
    has_options = random.random() < 0.5
    try:
        read = read_table(str(path), _reading(random) if has_options else USUAL_READING)
        roles = _roles(read.rows.schema.names, random) if has_options else {"target_name": None}
        table = examine_table(read, **roles)
        encoder = fit_encoder(table.rows, table.schema)
        features = encoder.encode(table.rows)
        scaler = fit_scaler(features)
        inputs = scaler.scale(features)
    except NncliError as error:
        return _told(error, _DOCUMENTED)
    if not (encoder.is_sound(table.schema) and table.schema.is_sound() and scaler.is_sound()):
        raise AssertionError("what was learned could not be read back")
    if not (np.isfinite(inputs.x_num).all() and np.isfinite(inputs.x_dense).all()):
        raise AssertionError("the network sees numbers that are not finite")
    if len(inputs) != len(table.target.labels):
        raise AssertionError("rows and labels differ")
    return "learned"


def _reading(random: Random) -> ReadingSettings:
    """Some options of reading, mostly as usual."""
    return ReadingSettings(
        encoding=random.choice([*[None] * 8, "utf-8", "latin-1", "utf-16", "shift_jis"]),
        has_header=random.random() < 0.8,
        skip_rows=random.choice([*[0] * 8, 1, 2, 3, 40]),
        missing_words=tuple(random.choices(CELLS, k=random.choice([0, 0, 1, 3]))),
    )


def _roles(columns: Sequence[str], random: Random) -> dict[str, Any]:
    """Columns drawn for every role that one may have; of some roles none, of some one that another has, too."""
    target, group, time, weights = (random.choice([*[None] * 4, random.choice(columns)]) for _ in range(4))
    keep = random.sample(columns, random.choice([0, 0, 0, 1]))
    return {
        "target_name": target,
        "group": group,
        "time": time,
        "weights": WeightSettings(column=weights),
        "keep": keep,
    }


def _predicted_alike(model: Model, path: Path, random: Random) -> str:
    bad_rows: BadRows = random.choice(["error", "skip", "null"])
    settings = PredictSettings(sides=("blend",), keep=random.choice(["all", "none"]), bad_rows=bad_rows)
    sizes = [BLOCK_BYTES, random.choice([1, 7, 64, 300, 1000])]
    whole, portions = (_answers_or_error(model, path, settings, size) for size in sizes)
    both_fail = isinstance(whole, str) and isinstance(portions, str)  # of two faults another one may come first
    if whole != portions and not both_fail:
        raise AssertionError(
            f"in portions of {sizes[1]} bytes otherwise than whole: {portions!r:.200} / {whole!r:.200}"
        )
    return whole if isinstance(whole, str) else "answered"


def _answers_or_error(model: Model, path: Path, settings: PredictSettings, size: int) -> bytes | str:
    try:
        written = predicted(model, path, settings, size)
    except NncliError as error:
        return f"{_told(error, _DOCUMENTED)}"
    if settings.keep == "none" and settings.bad_rows == "error" and written:
        _check_answers(written, model, None)
    return written


# Whole runs


def train_case(samples: Path, folder: Path) -> Callable[[int], str]:
    """Cases of a table that the real program learns from, and then predicts."""
    rows = (samples / "penguins.csv").read_bytes().splitlines(keepends=True)
    program = Program(folder)

    def case(seed: int) -> str:
        random = Random(seed)
        table = b"".join([rows[0], *random.sample(rows[1:], random.choice([20, 60, 150]))])
        (folder / "t.csv").write_bytes(mutated_table(table, random))
        target = ["--target", "species"] if random.random() < 0.7 else []
        options = ["--effort", "quick", "--threads", "1", "--force", "-q", "-o", "m"]
        trained = _outcome(program("train", "t.csv", *target, *options))
        if trained != "0":
            return f"train {trained}"
        told = _outcome(program("predict", "t.csv", "-m", "m", "--with", "both", "-q", "-o", "p.csv", "--force"))
        return f"train 0, predict {told}"

    return case


def _outcome(outcome: Outcome) -> str:
    """The exit code, where all is as it has to be."""
    lines = outcome.err.splitlines()
    if outcome.code not in (0, 3) or len(lines) != (outcome.code != 0) or inert("".join(lines)) != "".join(lines):
        raise AssertionError(f"exit {outcome.code}: {outcome.err}")
    return str(outcome.code)
