"""A slice of ``tests/benchmarks/fuzz.py --kind models``, with seeds of its own."""

from pathlib import Path

from fuzz import model_case, run_cases
from stored_models import store_small_model


def test_no_mutated_model_folder_gets_through(tmp_path: Path) -> None:
    case = model_case(store_small_model(tmp_path / "good"), tmp_path / "m")
    outcomes = run_cases("models", case, range(1500))
    assert outcomes.findings == []
    assert outcomes.counts["answered"] > 100  # some mutations leave a sound model


def test_the_fuzzer_notices_what_it_is_there_for(tmp_path: Path) -> None:
    def case(seed: int) -> str:
        if seed == 0:
            raise RecursionError("too deep")
        return "answered"

    found = run_cases("models", case, range(2)).findings
    assert [(finding.seed, finding.what) for finding in found] == [(0, "RecursionError: too deep")]
