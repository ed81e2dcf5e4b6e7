"""A slice of ``tests/benchmarks/fuzz.py --kind tables``, with seeds of its own."""

from pathlib import Path

from fuzz import run_cases, table_case
from stored_models import store_small_model

from nncli.bundle.model import load_model


def test_no_mutated_table_gets_through(tmp_path: Path, samples: Path) -> None:
    model = load_model(store_small_model(tmp_path / "good", n_classes=3))
    outcomes = run_cases("tables", table_case(samples, model, tmp_path), range(120))
    assert outcomes.findings == []
    assert min(outcomes.counts[f"{way}: {end}"] for way, end in (("train", "learned"), ("predict", "answered"))) > 5
