from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nncli.fitting.recipe import run_recipe
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.settings import DecisionSettings, NetworkSettings, RunSettings, TrainingSettings, WeightSettings
from nncli.table.reading import read_table

SETTINGS = RunSettings()


@pytest.fixture(scope="module")
def penguins(samples: Path) -> ExaminedTable:
    return examine_table(read_table(str(samples / "penguins.csv")), "species")


@pytest.mark.parametrize(
    "change",
    [{"time_limit": 9.0}, {"blend": True}, {"decision": DecisionSettings(max_f1=True)}, {"device": "cpu"}],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_no_network_is_no_part_of_it(
    penguins: ExaminedTable, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert run_recipe(penguins, replace(SETTINGS, **change)) == run_recipe(penguins, SETTINGS)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"threads": 1}, "threads"),
        ({"effort": "quick"}, "effort"),
        ({"weights": WeightSettings(balanced=True)}, "weights.balanced"),
        ({"weights": WeightSettings(column="year")}, "weights.column"),
        ({"training": TrainingSettings(epochs=3)}, "training.epochs"),
        ({"network": NetworkSettings(layers=(8, 8))}, "network.layers"),
    ],
)
def test_what_changes_a_network_is_a_part_of_it_by_name(
    penguins: ExaminedTable, change: dict[str, Any], name: str
) -> None:
    ours, other = run_recipe(penguins, SETTINGS), run_recipe(penguins, replace(SETTINGS, **change))
    assert [key for key in ours if ours[key] != other[key]] == [name]


def test_data_and_columns_are_a_part_of_it(penguins: ExaminedTable) -> None:
    ours = run_recipe(penguins, SETTINGS)
    changed = run_recipe(replace(penguins, data_sha256="0" * 64), SETTINGS)
    fewer = replace(penguins, schema=replace(penguins.schema, columns=penguins.schema.columns[1:]))
    assert [key for key in ours if ours[key] != changed[key]] == ["data (SHA-256)"]
    assert [key for key in ours if ours[key] != run_recipe(fewer, SETTINGS)[key]] == ["columns (SHA-256)"]
    assert {"torch", "numpy", "scikit-learn", "nncli-tabular", "device"} <= set(ours)
