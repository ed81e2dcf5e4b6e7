"""Models with every kind of column and random weights: what a long training would not make better as an example."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import torch
from rows import rows_of

from nncli.baseline.trees import TreeData, fit_careful_trees
from nncli.bundle.architecture import Architecture
from nncli.bundle.model import Description, Model, Provenance
from nncli.bundle.trees import tree_inputs
from nncli.evaluation.calibration import UNCALIBRATED, Calibration
from nncli.features.encoder import fit_encoder
from nncli.features.scaling import NetworkInputs, fit_scaler
from nncli.network.embeddings import bin_edges
from nncli.network.mlp import MLP
from nncli.settings import TreesSettings
from nncli.table.schema import Column, Kind, Schema
from nncli.table.target import encode_target

NUMERIC, ENCODABLE = ("size", "limit", "é [%]"), ("flag", "label", "city", "once")
KINDS: dict[str, Kind] = {
    **dict.fromkeys(NUMERIC, "numeric"), "flag": "boolean", **dict.fromkeys(ENCODABLE[1:], "categorical"),
    "day": "date", "note": "text",
}  # fmt: skip
SOFT, SHARP = Calibration(1.7, 0.01), Calibration(0.3, 0.001)


def raw_rows(n_rows: int, seed: int = 0) -> dict[str, list[str]]:
    """Cells of a table, some of them missing in every column."""
    random = np.random.default_rng(seed)

    def cells(values: Sequence[object], missing: str) -> list[str]:
        return [
            missing if gone else str(value) for value, gone in zip(values, random.random(n_rows) < 0.15, strict=True)
        ]

    return {
        "size": cells(random.lognormal(3, 2, n_rows).tolist(), "NA"),
        "limit": cells(random.choice([0, 1, 2.5, 10, 99], n_rows).tolist(), ""),
        "é [%]": cells(random.normal(size=n_rows).tolist(), "nan"),
        "flag": cells(random.choice(["Yes", "no"], n_rows).tolist(), ""),
        "label": cells(random.choice(["low", "mid", "high", "odd 'one'"], n_rows).tolist(), "n/a"),
        "city": cells([f"city {i}" for i in (60 * random.beta(1, 2, n_rows)).astype(int)], ""),
        "once": [f"only {seed} {i}" for i in range(n_rows)],
        "day": cells([f"20{i % 25:02}-{i % 12 + 1:02}-{i % 28 + 1:02}" for i in range(n_rows)], ""),
        "note": [f"a note of {word} words" for word in random.choice(["few", "many", "kind", "bad"], n_rows)],
        "target": [f"class {i}" for i in range(n_rows)],
    }


@cache
def made_model(
    n_classes: int = 2,
    columns: tuple[str, ...] = (*NUMERIC, *ENCODABLE),
    nets: tuple[int, ...] = (2,),
    calibration: Calibration = UNCALIBRATED,
    n_members: int = 3,
    n_bins: int = 6,
    activation: str = "relu",
) -> Model:
    """A model whose encoder, scaler and trees learned from rows; its networks, one of so many nets each, did not."""
    cells = raw_rows(1500)
    labels = labels_of(cells, n_classes)
    target = encode_target(rows_of({"y": [f"class {i}" for i in labels]})["y"], "y")
    rows = rows_of({name: cells[name] for name in columns})
    schema = Schema(tuple(Column(name, KINDS[name]) for name in columns), "y", target.classes)
    return model_of(
        rows,
        schema,
        labels,
        nets=nets,
        calibration=calibration,
        n_members=n_members,
        n_bins=n_bins,
        activation=activation,
    )


def model_of(
    rows: pa.RecordBatch,
    schema: Schema,
    labels: np.ndarray,
    nets: tuple[int, ...],
    *,
    calibration: Calibration = UNCALIBRATED,
    layers: tuple[int, ...] = (16, 8),
    n_members: int = 3,
    n_bins: int = 6,
    activation: str = "relu",
) -> Model:
    """A model of a table, made in the same way."""
    n_classes = len(schema.classes)
    encoder = fit_encoder(rows, schema)
    features = encoder.encode(rows)
    scaler = fit_scaler(features)
    inputs = scaler.scale(features)
    first = Architecture(
        n_num=encoder.n_num, n_dense=scaler.n_dense, cat_cardinalities=encoder.cat_cardinalities, n_classes=n_classes,
        layers=layers, activation=activation, n_nets=1, n_members=n_members, n_bins=n_bins if encoder.n_num else 0,
        d_embedding=4, n_text=encoder.n_text, text_scale=0.3, value_cardinalities=scaler.value_cardinalities,
    )  # fmt: skip
    networks = [replace(first, n_nets=n) for n in nets]
    networks = [replace(a, n_value_nets=(a.most_value_nets + 1) // 2) for a in networks]
    x = tree_inputs(features)
    data = TreeData(x[:1000], labels[:1000], x[1000:], labels[1000:], features.x_cat.shape[1])
    trees = fit_careful_trees(data, TreesSettings(learning_rate=0.2, min_samples_leaf=5), 15, seed=0).trees
    description = Description(
        schema=schema,
        encoder=encoder,
        scaler=scaler,
        networks=tuple(networks),
        student=None,
        trees=trees.shape,
        network_calibration=calibration,
        trees_calibration=calibration,
        class_shares=(1 / n_classes,) * n_classes,
        reference=("",) * len(encoder.columns),
        default_side="network",
        decision=None,
        provenance=Provenance("0", "0", 0, len(labels), len(schema.columns), 1000, len(labels) - 1000, 0, ()),
    )
    assert description.is_consistent()
    return Model(description, [_random_arrays(a, inputs, seed) for seed, a in enumerate(networks)], trees)


def rows_for(model: Model, n_rows: int) -> pa.RecordBatch:
    """Rows that the model never saw, with levels that it does not know."""
    cells = raw_rows(n_rows, seed=1)
    return rows_of({name: cells[name] for name in model.description.schema.names})


def labels_of(cells: dict[str, list[str]], n_classes: int) -> np.ndarray:
    """Class numbers that follow ``limit``, ``label`` and ``city``, and nothing else."""
    number = np.array([float(cell or "nan") for cell in cells["limit"]])
    signal = np.nan_to_num(number, nan=5) / 20 + np.array([len(cell) for cell in cells["label"]]) / 5
    signal += np.array([hash_of(cell) for cell in cells["city"]])
    return np.searchsorted(np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1]), signal).astype(np.int64)


def hash_of(cell: str) -> float:
    """A city's share of the signal: no order of the cities follows it."""
    return sum(cell.encode()) * 7 % 11 / 5


def _random_arrays(architecture: Architecture, inputs: NetworkInputs, seed: int) -> dict[str, np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    bins = bin_edges(torch.from_numpy(inputs.x_num), architecture.n_bins) if architecture.n_bins else None
    module = MLP(architecture, bins, 0.0, generator, generator)
    with torch.no_grad():  # away from the start, where scalings are one and bins are zero
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return {name: tensor.detach().numpy() for name, tensor in module.arrays().items()}
