"""Mutated model folders and tables without end: ``python tests/benchmarks/fuzz.py --n 20000``.

Each case is made from its number, so a finding comes again: ``--first NUMBER --n 1``. What is run, and what counts as a
finding, stands in ``tests/fuzz.py``. Exit code 1 where there is one.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS))

from fuzz import MOST_SECONDS, Outcomes, model_case, run_cases, table_case, train_case  # noqa: E402
from stored_models import store_small_model  # noqa: E402

from nncli.bundle.model import load_model  # noqa: E402

AT_ONCE = 500
MOST_SECONDS_OF_A_RUN = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000, help="cases of each kind")
    parser.add_argument("--first", type=int, default=1_000_000, help="number of the first case")
    parser.add_argument("--kind", choices=["models", "tables", "train"], action="append", help="not train if none")
    asked = parser.parse_args()
    memory = Path("/dev/shm")  # nothing here has to survive
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        n_findings = 0
        for kind in asked.kind or ["models", "tables"]:
            n_findings += run(kind, asked.first, asked.n, Path(folder))
    raise SystemExit(n_findings > 0)


def run(kind: str, first: int, n: int, folder: Path) -> int:
    """Runs cases of one kind and prints what came of them; the number of findings."""
    cases = [made(kind, folder, n_classes) for n_classes in (2, 3)]
    total, started = Outcomes(), time.monotonic()
    for start in range(first, first + n, AT_ONCE):
        seeds = range(start, min(start + AT_ONCE, first + n))
        most_seconds = MOST_SECONDS_OF_A_RUN if kind == "train" else MOST_SECONDS
        some = run_cases(kind, cases[start // AT_ONCE % 2], seeds, most_seconds)
        total.counts += some.counts
        total.findings += some.findings
        for found in some.findings:
            print(f"{kind} {found.seed}: {found.what}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"{kind}: {n:,} cases, {time.monotonic() - started:.0f} s, peak {peak:,.0f} MB, {len(total.findings)} findings"
    )
    for outcome, count in total.counts.most_common():
        print(f"  {count:7,} {outcome}", flush=True)
    return len(total.findings)


def made(kind: str, folder: Path, n_classes: int) -> Callable[[int], str]:
    """What runs a case of a kind."""
    good = folder / f"good-{n_classes}"
    if not good.exists():
        store_small_model(good, n_classes)
    if kind == "models":
        return model_case(good, folder / "m")
    samples = TESTS.parent / "sample_data"
    return train_case(samples, folder) if kind == "train" else table_case(samples, load_model(good), folder)


if __name__ == "__main__":
    main()
