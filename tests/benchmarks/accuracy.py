"""nncli against its peers on real tables: ``python tests/benchmarks/accuracy.py --help``.

Every fit runs in a process of its own, one after the other. A line is appended for each, so a run that was cut off
goes on where it stopped; ``summary.py`` makes RESULTS.md of the lines.
"""

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from peers import PEERS
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from tables import Part, Table, read_index, write_split

HERE = Path(__file__).parent
EFFORTS = {"nncli": "default", "nncli-quick": "quick", "nncli-best": "best"}
RUN = time.strftime("%Y-%m-%dT%H:%M:%S")
NNCLI = [sys.executable, "-m", "nncli"]
WATCH = (
    "import os, sys; pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:]); _, status, usage = os.wait4(pid, 0); "
    "print(usage.ru_maxrss); sys.exit(os.waitstatus_to_exitcode(status) & 255)"
)
"""Runs a command and prints its peak memory. In a small process of its own, because Linux counts the memory of whoever
starts a process as that process's first peak."""


def main(
    data: Annotated[Path, typer.Option(envvar="NNCLI_BENCH_DATA", help="Folder with tables and index.json.")],
    model: Annotated[list[str], typer.Option(help="Contender; repeat for several.")] = [*EFFORTS, *PEERS],  # noqa: B006
    table: Annotated[list[str] | None, typer.Option(help="Table; repeat for several. Default: all.")] = None,
    split: Annotated[list[int], typer.Option(help="Split by number; repeat for several.")] = [0],  # noqa: B006
    train_rows: Annotated[int, typer.Option(help="The most training rows.")] = 10_000,
    results: Annotated[Path, typer.Option(help="JSON Lines to append to.")] = HERE / "results" / "accuracy.jsonl",
    time_limit: Annotated[int, typer.Option(help="Seconds that nncli-best may take a table.")] = 600,
    fit_limit: Annotated[int, typer.Option(help="Seconds after which a fit counts as failed.")] = 3600,
    again: Annotated[bool, typer.Option("--again", help="Fit what is there already too, to pair seconds.")] = False,
) -> None:
    """Fits every contender on every table and appends a line for each fit that is not there yet."""
    lines = results.read_text().splitlines() if results.exists() and not again else []
    done = {key(json.loads(line)) for line in lines}
    results.parent.mkdir(exist_ok=True)
    limits = Limits(time_limit, fit_limit)
    versions = {name: version_of(name) for name in model}
    tables = [entry for entry in read_index(data) if not table or entry.name in table]
    for entry, number in product(tables, split):
        # Fits of one run are made one after the other: their seconds may be compared.
        shared = {"table": entry.name, "split": number, "train_rows": train_rows, "run": RUN}
        wanted = [shared | {"model": name, "version": versions[name]} for name in model]
        if missing := [fit for fit in wanted if key(fit) not in done]:
            fit_split(entry, missing, results, limits)


@dataclass(frozen=True)
class Limits:
    """Seconds."""

    best: int
    """``--time-limit`` of nncli-best."""
    fit: int
    """After which a fit counts as failed."""


def fit_split(table: Table, fits: list[dict[str, Any]], results: Path, limits: Limits) -> None:
    """Fits contenders on one split of a table; a line for each as soon as it is done."""
    with tempfile.TemporaryDirectory() as folder:
        part = write_split(table, fits[0]["split"], fits[0]["train_rows"], Path(folder))
        for fit in fits:
            record = fit | run(fit["model"], table, part, Path(folder), limits)
            with results.open("a") as file:
                print(json.dumps(record), file=file)
            shown = {name: record.get(name) for name in ("log_loss", "roc_auc", "seconds", "error")}
            print(table.name, fit["split"], fit["model"], shown, flush=True)


def key(record: dict[str, Any]) -> tuple[Any, ...]:
    """What need not be fitted twice; never equal for a package that was changed since its last commit."""
    if record["version"].endswith("-dirty"):
        return (record["run"],)
    return tuple(record[name] for name in ("table", "split", "model", "train_rows", "version"))


def version_of(model: str) -> str:
    """The package's version; of nncli, the last commit that changed the package, marked where it was changed since."""
    if model not in EFFORTS:
        return version(PEERS[model][1])

    def git(*arguments: str) -> str:
        command = ["git", *arguments, "--", "../../nncli"]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE).stdout.strip()

    return git("log", "-1", "--format=%h") + ("-dirty" if git("status", "--porcelain") else "")


def run(model: str, table: Table, part: Part, folder: Path, limits: Limits) -> dict[str, Any]:
    fit = fit_nncli if model in EFFORTS else fit_peer
    try:
        outcome = fit(model, table, part, folder, limits)
    except subprocess.CalledProcessError as error:
        return machine() | {"error": error.stderr[-500:]}
    except subprocess.TimeoutExpired:
        return machine() | {"error": f"not done in {limits.fit} s"}
    truth = pd.read_csv(part.test, dtype=str, keep_default_na=False)[table.target]
    return machine() | scores(truth, outcome.pop("classes"), outcome.pop("proba")) | outcome


def fit_peer(model: str, table: Table, part: Part, folder: Path, limits: Limits) -> dict[str, Any]:
    description = folder / "description.json"
    description.write_text(json.dumps(asdict(table), default=str))
    command = [sys.executable, "-W", "ignore", str(HERE / "peers.py"), model, str(part.train), str(part.test)]
    command += [str(description)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, timeout=limits.fit)
    outcome = json.loads(done.stdout.splitlines()[-1])
    return outcome | {"proba": np.array(outcome["proba"])}


def fit_nncli(model: str, table: Table, part: Part, folder: Path, limits: Limits) -> dict[str, Any]:
    """``nncli train``, then ``nncli predict``: seconds are those of the network's part alone."""
    where, scored = folder / "model", folder / "scored.csv"
    train = train_command(part.train, table.target, where)
    train += ["--effort", EFFORTS[model], *(["--time-limit", str(limits.best)] if model == "nncli-best" else [])]
    memory_mb = run_child(train, limits.fit)
    start = time.monotonic()
    run_child([*NNCLI, "predict", str(part.test), "-m", str(where), "-o", str(scored), "--force"])
    predict_seconds = time.monotonic() - start
    report = json.loads((where / "report.json").read_text())
    classes = [str(name) for name in report["classes"]]
    proba = pd.read_csv(scored)[[f"probability_{name}" for name in classes]].to_numpy()
    seconds = {"seconds": report["seconds"]["network"], "total_seconds": report["seconds"]["total"]}
    return seconds | {"classes": classes, "proba": proba, "predict_seconds": predict_seconds, "memory_mb": memory_mb}


def train_command(table: Path, target: str, where: Path) -> list[str]:
    return [*NNCLI, "train", str(table), "--target", target, "-o", str(where), "--force", "-q"]


def run_child(command: list[str], limit: float = 3600) -> float:
    """Runs a command to its end; its peak resident memory in MB."""
    watched = [sys.executable, "-I", "-S", "-c", WATCH, *command]
    process = subprocess.Popen(
        watched, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=err)
    return int(out.split()[-1]) / 1024


def scores(truth: "pd.Series[str]", classes: list[str], proba: "np.ndarray[Any, Any]") -> dict[str, float]:
    """Log loss, AUC (macro one-vs-rest) and accuracy; a class that was not in training costs the clipped loss.

    By scikit-learn, not by ``nncli.evaluation``: the judge is not one of the contenders.
    """
    everything = sorted({*classes, *truth})
    full = np.zeros((len(truth), len(everything)))
    full[:, [everything.index(name) for name in classes]] = proba
    full = np.clip(full, 1e-12, None)
    full /= full.sum(axis=1, keepdims=True)
    y = np.array([everything.index(name) for name in truth])
    seen = [k for k in range(len(everything)) if (y == k).any()]
    aucs = [roc_auc_score(y == k, full[:, k]) for k in (seen if len(everything) > 2 else seen[1:])]
    return {
        "n_test": len(y),
        "log_loss": log_loss(y, full, labels=range(len(everything))),
        "roc_auc": float(np.mean(aucs)),
        "accuracy": accuracy_score(y, full.argmax(axis=1)),
    }


def machine() -> dict[str, Any]:
    """Where and when: figures are comparable within one machine and day only."""
    return {"cpus": os.cpu_count(), "machine": platform.machine(), "date": time.strftime("%Y-%m-%d %H:%M")}


if __name__ == "__main__":
    typer.run(main)
