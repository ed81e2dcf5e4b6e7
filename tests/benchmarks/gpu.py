"""What a GPU brings: ``python tests/benchmarks/gpu.py``. Runs everywhere and says what it skipped.

Each check prints one line of JSON with its figure, or with the reason why there is none, and appends it to
``results/gpu.jsonl``.
"""

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import typer
from accuracy import machine, version_of
from cost import CATEGORIES, N_NUM, default_plan
from sklearn.metrics import log_loss

from nncli.bundle.forward import NumpyNetwork
from nncli.features.scaling import NetworkInputs
from nncli.settings import TrainingSettings, choose_threads
from nncli.training.budget import Plan
from nncli.training.device import choose_device, use_threads
from nncli.training.loop import Conditions, LabelledInputs, TrainedNetwork, train_network

HERE = Path(__file__).parent


class SkippedError(Exception):
    """A check that cannot run here, and why."""


def main(
    rows: Annotated[int, typer.Option(help="Training rows.")] = 500_000,
    check: Annotated[list[str] | None, typer.Option(help="Check by name; repeat for several. Default: all.")] = None,
) -> None:
    """Runs the checks one after the other."""
    for name, run in CHECKS.items():
        if check and name not in check:
            continue
        try:
            found = run(rows)
        except SkippedError as reason:
            found = {"skipped": str(reason)}
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
        line = json.dumps({"check": name, "version": version_of("nncli"), **machine(), "gpu": device, **found})
        print(line, flush=True)
        with (HERE / "results" / "gpu.jsonl").open("a") as file:
            print(line, file=file)


def gpu() -> torch.device:
    if not torch.cuda.is_available():
        raise SkippedError("no CUDA device here")
    return choose_device("cuda")


def example(n_rows: int, seed: int) -> LabelledInputs:
    """Rows with something to learn: numbers that interact, and categories with effects."""
    random = np.random.default_rng(seed)
    x_num = random.normal(size=(n_rows, N_NUM)).astype(np.float32)
    x_cat = np.column_stack([random.integers(1, codes, n_rows) for codes in CATEGORIES]).astype(np.int32)
    score = x_num[:, 0] * x_num[:, 1] + np.sin(2 * x_num[:, 2]) + 0.3 * (x_cat[:, 0] - 5) * x_num[:, 3]
    labels = (score + random.logistic(size=n_rows) > 0).astype(np.int64)
    return LabelledInputs(NetworkInputs(x_num, x_cat, np.zeros((n_rows, 0), np.float32), x_cat[:, :0]), labels)


def trained(rows: LabelledInputs, plan: Plan, device: torch.device) -> TrainedNetwork:
    with use_threads(choose_threads(None)):
        return train_network(rows, example(2_000, 1), plan, Conditions(TrainingSettings(), 0, device))


def rows_a_second(rows: LabelledInputs, plan: Plan, device: torch.device) -> float:
    """Of the last of three epochs on a GPU, which has warmed up by then; of one epoch on a CPU."""
    plan = replace(plan, max_epochs=3 if device.type == "cuda" else 1)
    seconds = [0.0, *(epoch.seconds for epoch in trained(rows, plan, device).history)]
    return len(rows.labels) / (seconds[-1] - seconds[-2])


def loss_of(network: TrainedNetwork) -> float:
    test = example(50_000, 2)
    proba = NumpyNetwork(network.plan.architecture, network.arrays).predict_proba(test.inputs)
    return float(log_loss(test.labels, proba))


def speed(n_rows: int) -> dict[str, Any]:
    """Rows of training a second, GPU against two CPU cores: at least 20 times as many are wanted."""
    rows = example(n_rows, 0)
    plan = default_plan(rows, None, 1)
    on_cpu = rows_a_second(rows, plan, torch.device("cpu"))
    found = {"rows": n_rows, "batch_size": plan.batch_size, "cpu_rows_a_second": round(on_cpu)}
    if not torch.cuda.is_available():
        return found | {"skipped": "the GPU's part: no CUDA device here"}
    on_gpu = rows_a_second(rows, plan, gpu())
    return found | {"gpu_rows_a_second": round(on_gpu), "factor": round(on_gpu / on_cpu, 1)}


def precision(n_rows: int) -> dict[str, Any]:
    """Rows a second and test loss in float32, TF32 and bfloat16: what pays."""
    device, rows = gpu(), example(n_rows, 0)
    plan = default_plan(rows, None, 5)
    found: dict[str, Any] = {}
    for name, matmul, is_half in (("float32", "highest", False), ("tf32", "high", False), ("bf16", "high", True)):
        torch.set_float32_matmul_precision(matmul)
        with torch.autocast("cuda", torch.bfloat16, enabled=is_half):
            speed_of = rows_a_second(rows, plan, device)
            found[name] = {"rows_a_second": round(speed_of), "log_loss": round(loss_of(trained(rows, plan, device)), 4)}
    torch.set_float32_matmul_precision("highest")
    return found


def equality(n_rows: int) -> dict[str, Any]:
    """The same rows and seed on both devices: test losses must agree within what another seed would change."""
    rows = example(min(n_rows, 50_000), 0)
    plan = default_plan(rows, None, 3)
    on_cpu = loss_of(trained(rows, plan, torch.device("cpu")))
    if not torch.cuda.is_available():
        return {"cpu_log_loss": round(on_cpu, 4), "skipped": "the GPU's part: no CUDA device here"}
    return {"cpu_log_loss": round(on_cpu, 4), "gpu_log_loss": round(loss_of(trained(rows, plan, gpu())), 4)}


def synchronisation(n_rows: int) -> dict[str, Any]:
    """How often the host waits for the device in three epochs, beyond what every epoch may: copies and its loss."""
    device, rows = gpu(), example(min(n_rows, 100_000), 0)
    plan = default_plan(rows, None, 3)
    trained(rows, plan, device)
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        trained(rows, plan, device)
    torch.cuda.set_sync_debug_mode("default")
    waits = sum("synchroniz" in str(warning.message) for warning in seen)
    return {"waits": waits, "steps": 3 * (len(rows.labels) // plan.batch_size)}


def little_memory(n_rows: int) -> dict[str, Any]:
    """A batch that does not fit is taken in parts: training ends with a network all the same."""
    device, rows = gpu(), example(min(n_rows, 200_000), 0)
    plan = replace(default_plan(rows, None, 1), batch_size=100_000)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 1.5e9 / total))
    try:
        network = trained(rows, plan, device)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    return {"batch_size": plan.batch_size, "memory_gb": 1.5, "log_loss": round(loss_of(network), 4)}


def rival(n_rows: int) -> dict[str, Any]:
    """pytabkit's TabM-D on the same GPU and rows: at least three times its rows a second are wanted."""
    device = gpu()
    if find_spec("pytabkit") is None:
        raise SkippedError("pytabkit is not installed; it is in the extra [bench]")
    from pytabkit import TabM_D_Classifier

    rows = example(n_rows, 0)
    categories = {f"c{j}": codes.astype(str) for j, codes in enumerate(rows.inputs.x_cat.T)}
    frame = pd.DataFrame(rows.inputs.x_num).assign(**categories)
    frame.columns = frame.columns.astype(str)

    def seconds(epochs: int) -> float:
        model = TabM_D_Classifier(device="cuda", random_state=0, n_epochs=epochs)
        start = time.monotonic()
        model.fit(frame, rows.labels, cat_col_names=list(categories))
        return time.monotonic() - start

    n_train = round(0.8 * n_rows)  # it keeps a fifth to stop early
    theirs = 2 * n_train / (seconds(3) - seconds(1))
    ours = rows_a_second(rows, default_plan(rows, None, 1), device)
    return {"rows_a_second": round(ours), "their_rows_a_second": round(theirs), "factor": round(ours / theirs, 1)}


CHECKS: dict[str, Callable[[int], dict[str, Any]]] = {
    "speed": speed,
    "precision": precision,
    "equality": equality,
    "synchronisation": synchronisation,
    "little memory": little_memory,
    "rival": rival,
}

if __name__ == "__main__":
    typer.run(main)
