"""What nncli costs: ``python tests/benchmarks/cost.py --help``. Each figure is a ratio or a slope within one run.

A line of JSON is printed for each figure and appended to ``results/cost.jsonl``.
"""

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from accuracy import machine, run_child, train_command, version_of
from tables import Table, read_index

from nncli.bundle.forward import NumpyNetwork
from nncli.features.scaling import NetworkInputs
from nncli.settings import EFFORTS, NetworkSettings, TrainingSettings, choose_threads
from nncli.training.budget import Plan, make_plan
from nncli.training.device import use_threads
from nncli.training.loop import Conditions, LabelledInputs, train_network

HERE = Path(__file__).parent
REPEATS = 7
LONG = "skin_segmentation", "fertility_morekids"
"""Tables with rows enough to tell how the seconds grow."""
N_NUM, CATEGORIES = 14, (11,) * 6
"""14 numbers and 60 one-hot columns."""


def main(
    data: Annotated[Path, typer.Option(envvar="NNCLI_BENCH_DATA", help="Folder with tables and index.json.")],
    figure: Annotated[list[str] | None, typer.Option(help="step, forward, growth or memory; repeat. All.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Tables for the memory; repeat. Default: all.")] = None,
) -> None:
    """Measures and appends."""
    figures: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "step": step,
        "forward": forward,
        "growth": lambda: growth(data),
        "memory": lambda: memory(data, table),
    }
    for name in figure or figures:
        for found in figures[name]():
            line = json.dumps({"figure": name, "version": version_of("nncli"), **machine(), **found})
            print(line, flush=True)
            with (HERE / "results" / "cost.jsonl").open("a") as file:
                print(line, file=file)


def example(n_rows: int) -> LabelledInputs:
    """Random rows of the form that the figures are stated for."""
    random = np.random.default_rng(0)
    x_num = random.normal(size=(n_rows, N_NUM)).astype(np.float32)
    x_cat = np.column_stack([random.integers(0, codes, n_rows) for codes in CATEGORIES]).astype(np.int32)
    return LabelledInputs(
        NetworkInputs(x_num, x_cat, np.zeros((n_rows, 0), np.float32), x_cat[:, :0]), random.integers(0, 2, n_rows)
    )


def default_plan(rows: LabelledInputs, batch_size: int | None, epochs: int) -> Plan:
    training = TrainingSettings(batch_size=batch_size, epochs=epochs)
    effort = EFFORTS["default"]
    return make_plan(rows.inputs, CATEGORIES, 2, NetworkSettings(layers=(64,) * 3), training, effort, len(rows.inputs))


def step() -> list[dict[str, Any]]:
    """Training throughput as a share of torch.mm's: 6 x weights x members x rows / seconds / (flop/s of a product)."""
    found, conditions = [], Conditions(TrainingSettings(), 0, torch.device("cpu"))
    for batch_size in (32, 256, 1024):
        rows, one_row = example(20 * batch_size), example(1)
        plan = default_plan(rows, batch_size, 3)
        shares = []
        with use_threads(choose_threads(None)):
            for _ in range(REPEATS):
                peak = matmul_flops()
                first, *_, last = train_network(rows, one_row, plan, conditions).history
                n_rows = (last.number - first.number) * len(rows.inputs)  # the first epoch warms up
                shares.append(6 * plan.architecture.n_weights * n_rows / (last.seconds - first.seconds) / peak)
        found.append({"batch_size": batch_size, "share_of_matmul": round(statistics.median(shares), 3)})
    return found


def matmul_flops() -> float:
    a, b, out = torch.randn(2048, 512), torch.randn(512, 512), torch.empty(2048, 512)
    seconds = statistics.median(timed(lambda: torch.mm(a, b, out=out)) for _ in range(30))
    return 2 * 2048 * 512 * 512 / seconds


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def forward() -> list[dict[str, Any]]:
    """Rows a second of the numpy forward pass of the default network, both cores."""
    rows = example(50_000)
    architecture = default_plan(rows, None, 1).architecture
    random = np.random.default_rng(0)
    arrays = {k: random.normal(0, 0.1, s).astype(np.float32) for k, s in architecture.array_shapes().items()}
    network = NumpyNetwork(architecture, arrays)
    seconds = statistics.median(timed(lambda: network.predict_proba(rows.inputs)) for _ in range(REPEATS))
    return [
        {"rows_a_second": round(len(rows.inputs) / seconds), "members": architecture.n_nets * architecture.n_members}
    ]


def growth(data: Path) -> list[dict[str, Any]]:
    """Seconds of the network's part against rows, at fixed form and epochs: the slope of the logarithms."""
    return [growth_of(entry) for entry in read_index(data) if entry.name in LONG]


def growth_of(entry: Table) -> dict[str, Any]:
    frame = pd.read_csv(entry.path)
    random, seconds = np.random.default_rng(0), {}
    for n_rows in (10_000, 100_000, 1_000_000):
        rows = frame.sample(n_rows, replace=True, random_state=0).reset_index(drop=True)
        for name in rows.select_dtypes("number").columns.drop(entry.target, errors="ignore"):
            rows[name] = (rows[name] + random.normal(scale=0.2 * rows[name].std(), size=n_rows)).round(3)
        with tempfile.TemporaryDirectory() as folder:
            rows.to_csv(Path(folder) / "rows.csv", index=False)
            command = train_command(Path(folder) / "rows.csv", entry.target, Path(folder) / "model")
            run_child([*command, "--layers", "64,64,64", "--epochs", "3"])
            report = json.loads((Path(folder) / "model" / "report.json").read_text())
        seconds[n_rows] = report["seconds"]["network"]
    exponent = math.log(seconds[1_000_000] / seconds[10_000]) / math.log(100)
    return {"table": entry.name, "seconds": {str(n): s for n, s in seconds.items()}, "exponent": round(exponent, 3)}


def memory(data: Path, names: list[str] | None) -> list[dict[str, Any]]:
    """Peak resident memory of training minus that of importing torch and reading the table, in MB."""
    found = []
    for entry in read_index(data):
        if names and entry.name not in names:
            continue
        reading = "import sys, torch; from nncli.table.reading import read_table; read_table(sys.argv[1])"
        base = run_child([sys.executable, "-c", reading, str(entry.path)])
        with tempfile.TemporaryDirectory() as folder:
            peak = run_child(train_command(entry.path, entry.target, Path(folder) / "model"))
        found.append(
            {"table": entry.name, "peak_mb": round(peak), "reading_mb": round(base), "more": round(peak - base)}
        )
    return found


if __name__ == "__main__":
    try:
        typer.run(main)
    except subprocess.CalledProcessError as error:
        sys.exit(error.stderr)
