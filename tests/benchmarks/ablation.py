"""What each ingredient of the default recipe brings: ``python tests/benchmarks/ablation.py --help``.

The network's part of a default run, whole and with one ingredient changed at a time, in one process and one after the
other. A line is appended for each fit to ``results/ablation.jsonl``; ``summary.py`` makes a table of them.
"""

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
import typer
from accuracy import machine, scores, version_of
from tables import Table, read_index, write_split

from nncli.bundle.forward import NumpyNetwork
from nncli.evaluation.calibration import UNCALIBRATED, fit_calibration
from nncli.features.encoder import FeatureEncoder, Features, fit_encoder
from nncli.features.scaling import NetworkInputs, Scaler, fit_scaler
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.settings import EFFORTS, NetworkSettings, SplitSettings, TrainingSettings, choose_threads
from nncli.table.reading import read_table
from nncli.table.split import Split, make_split
from nncli.training.budget import Plan, make_plan, plan_for_all_rows
from nncli.training.device import use_threads
from nncli.training.loop import Conditions, LabelledInputs, TrainedNetwork, continue_network, train_network
from nncli.training.optimisers import Optimiser, make_optimisers

HERE = Path(__file__).parent
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Change:
    """One ingredient changed."""

    plan: Callable[[Plan], Plan] = lambda plan: plan
    training: dict[str, Any] = field(default_factory=dict)
    patches: dict[str, Any] = field(default_factory=dict)
    """Names in the package, and what stands there instead."""
    learns_on: bool = True
    new_rows_twice: bool = True
    is_calibrated: bool = True


def form(**changes: Any) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, architecture=replace(plan.architecture, **changes))


def nets(n: int) -> Callable[[Plan], Plan]:
    """So many nets, half of them with vectors for values, where the recipe has any."""
    return lambda plan: form(n_nets=n, n_value_nets=n // 2 if plan.architecture.n_value_nets else 0)(plan)


def plainly_scaled(features: Features) -> Scaler:
    """Mean 0 and standard deviation 1, where the recipe maps quantiles onto a normal distribution."""
    scaler = fit_scaler(features)
    numeric = []
    for j, column in enumerate(scaler.numeric):
        cells = features.x_num[:, j]
        mean, std = np.nanmean(cells), np.nanstd(cells)
        values = [float(mean - 20 * std), float(mean + 20 * std)]
        numeric.append(replace(column, values=tuple(values), scores=(-20.0, 20.0)) if std > 0 else column)
    return replace(scaler, numeric=tuple(numeric))


def clipping(module: torch.nn.Module, *rest: Any) -> list[Optimiser]:
    """The optimisers, with gradients cut to a norm of 1 before each step."""
    first, *others = make_optimisers(module, *rest)
    step = first.step

    def clipped_step() -> None:
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        step()

    first.step = clipped_step  # type: ignore[method-assign]
    return [first, *others]


CHANGES = {
    "the recipe": Change(),
    "one net": Change(nets(1)),
    "two nets": Change(nets(2)),
    "four nets": Change(nets(4)),
    "no vectors for values": Change(form(n_value_nets=0)),
    "vectors for values in all nets": Change(lambda plan: form(n_value_nets=plan.architecture.most_value_nets)(plan)),
    "one member a net": Change(form(n_members=1)),
    "16 members a net": Change(form(n_members=16)),
    "no bins": Change(form(n_bins=0, n_value_nets=0)),
    "at most 32 bins": Change(lambda plan: form(n_bins=min(32, plan.architecture.n_bins))(plan)),
    "plain scaling, not quantiles": Change(patches={f"{__name__}.fit_scaler_of_run": plainly_scaled}),
    "AdamW, not Muon": Change(lambda plan: replace(plan, optimizer="adamw", learning_rate=2e-3)),
    "no averaged weights": Change(training={"average_decay": 0.0}),
    "no dropout": Change(lambda plan: replace(plan, dropout=0.0)),
    "dropout 0.1": Change(lambda plan: replace(plan, dropout=0.1)),
    "gradients clipped": Change(patches={"nncli.training.loop.make_optimisers": clipping}),
    "no weight decay": Change(lambda plan: replace(plan, weight_decay=0.0)),
    "batches half as large": Change(
        lambda plan: replace(plan, batch_size=plan.batch_size // 2, learning_rate=plan.learning_rate / 2)
    ),
    "patience 10": Change(training={"patience": 10}),
    "no learning on with all rows": Change(learns_on=False),
    "new rows once, not twice": Change(new_rows_twice=False),
    "no temperature": Change(is_calibrated=False),
}
fit_scaler_of_run = fit_scaler


def main(
    data: Annotated[Path, typer.Option(envvar="NNCLI_BENCH_DATA", help="Folder with tables and index.json.")],
    change: Annotated[list[str] | None, typer.Option(help="Changed ingredient; repeat for several. All.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Table; repeat for several. Default: all.")] = None,
    split: Annotated[list[int], typer.Option(help="Split by number; repeat for several.")] = [0],  # noqa: B006
    train_rows: Annotated[int, typer.Option(help="The most training rows.")] = 10_000,
    results: Annotated[Path, typer.Option(help="JSON Lines to append to.")] = HERE / "results" / "ablation.jsonl",
) -> None:
    """Fits the recipe and every change on every table; a line for each fit that is not there yet."""
    version = version_of("nncli")
    done = {key(json.loads(line)) for line in results.read_text().splitlines()} if results.exists() else set()
    for entry in [entry for entry in read_index(data) if not table or entry.name in table]:
        for number in split:
            with tempfile.TemporaryDirectory() as folder:
                case = prepare(entry, number, train_rows, Path(folder))
            for name in dict.fromkeys(["the recipe", *(change or CHANGES)]):
                about = {"table": entry.name, "split": number, "train_rows": train_rows}
                record = about | {"change": name, "version": version}
                if key(record) not in done:
                    record |= machine() | fit(case, CHANGES[name])
                    print(json.dumps(record), flush=True)
                    with results.open("a") as file:
                        print(json.dumps(record), file=file)


def key(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("table", "split", "change", "version", "train_rows"))


@dataclass(frozen=True)
class Case:
    """A table, split once for the benchmark and once more by nncli."""

    table: ExaminedTable
    split: Split
    test: pd.DataFrame
    truth: "pd.Series[str]"


def prepare(entry: Table, number: int, train_rows: int, folder: Path) -> Case:
    part = write_split(entry, number, train_rows, folder)
    table = examine_table(read_table(str(part.train)), entry.target)
    test = pd.read_csv(part.test, dtype=str, keep_default_na=False)
    split = make_split(table.arrangement, SplitSettings(), 0)
    return Case(table, split, test, test[entry.target])


def fit(case: Case, change: Change) -> dict[str, Any]:
    """Trains, learns on, and scores the rows that neither nncli nor its split has seen."""
    with ExitStack() as stack, use_threads(choose_threads(None)):
        for name, value in change.patches.items():
            stack.enter_context(patch(name, value))
        table, split, y = case.table, case.split, case.table.target.labels
        encoder = fit_encoder(table.rows.take(split.train), table.schema)
        scaler = fit_scaler_of_run(encoder.encode(table.rows.take(split.train)))
        inputs = scaler.scale(encoder.encode(table.rows))
        train, validation = (LabelledInputs(inputs.take(rows), y[rows]) for rows in (split.train, split.validation))
        start = time.monotonic()
        network = first_run(train, validation, encoder, scaler, change, table)
        proba = NumpyNetwork(network.plan.architecture, network.arrays).predict_proba(validation.inputs)
        calibration = fit_calibration(validation.labels, proba) if change.is_calibrated else UNCALIBRATED
        if change.learns_on:
            network = second_run(network, inputs, y, split, change)
        seconds = time.monotonic() - start
        test = scaler.scale(encoder.encode(case.test))
        found = calibration.apply(NumpyNetwork(network.plan.architecture, network.arrays).predict_proba(test))
    return scores(case.truth, list(table.schema.classes), found) | {"seconds": round(seconds, 3)}


def first_run(
    train: LabelledInputs,
    validation: LabelledInputs,
    encoder: FeatureEncoder,
    scaler: Scaler,
    change: Change,
    table: ExaminedTable,
) -> TrainedNetwork:
    settings, effort = TrainingSettings(**change.training), EFFORTS["default"]
    sizes, n_classes, n_rows = encoder.cat_cardinalities, len(table.schema.classes), table.target.labels.size
    columns = encoder.n_text, scaler.value_cardinalities
    plan = make_plan(train.inputs, sizes, n_classes, NetworkSettings(), settings, effort, n_rows, *columns)
    return train_network(train, validation, change.plan(plan), Conditions(settings, 0, CPU))


def second_run(
    network: TrainedNetwork, inputs: NetworkInputs, y: "np.ndarray[Any, Any]", split: Split, change: Change
) -> TrainedNetwork:
    new = [split.validation, split.test]
    rows = np.concatenate([split.train, *(2 * new if change.new_rows_twice else new)])
    plan = plan_for_all_rows(network.plan, network.best_epoch)
    conditions = Conditions(TrainingSettings(**change.training), 0, CPU)
    return continue_network(network, LabelledInputs(inputs.take(rows), y[rows]), plan, conditions)


if __name__ == "__main__":
    typer.run(main)
