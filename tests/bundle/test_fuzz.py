"""A slice of ``tests/benchmarks/fuzz.py --kind models``, with seeds of its own."""

import time
from pathlib import Path

import numpy as np
from fuzz import MOST_BYTES, model_case, run_cases
from stored_models import store_small_model


def test_no_mutated_model_folder_gets_through(tmp_path: Path) -> None:
    case = model_case(store_small_model(tmp_path / "good"), tmp_path / "m")
    outcomes = run_cases("models", case, range(400))
    assert outcomes.findings == []
    assert outcomes.counts["answered"] > 20  # some mutations leave a sound model


def test_the_fuzzer_notices_what_it_is_there_for(tmp_path: Path) -> None:
    def case(seed: int) -> str:
        if seed == 0:
            raise RecursionError("too deep")
        if seed == 1:
            return str(len(bytearray(2 * MOST_BYTES)))
        if seed == 2:
            time.sleep(20)
        return str(np.float32(3e38) * np.float32(10))

    found = run_cases("models", case, range(4), most_seconds=1).findings
    assert [(finding.seed, finding.what.partition(":")[0]) for finding in found] == [
        (0, "RecursionError"),
        (1, "MemoryError"),
        (2, "TakesTooLong"),
        (3, "RuntimeWarning"),
    ]
