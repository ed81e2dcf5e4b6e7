"""Whether a training that is killed again and again, at random moments, ends with the model of an unbroken one.

``python resume.py [LOOPS] [FIRST]``: LOOPS runs (30), each with a seed of its own from FIRST (0) on, that SIGKILL,
SIGTERM and SIGINT end one to five times each. Exit code 1 if a single one has another hash.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from cut_runs import RUNS, Run


def main(n_loops: int = 30, first: int = 0) -> None:
    expected: dict[str, tuple[str, float]] = {}
    n_same, signals = 0, Counter[str]()
    for seed in range(first, first + n_loops):
        name = list(RUNS)[seed % len(RUNS)]
        if name not in expected:
            expected[name] = unbroken(name)
        sha256, seconds = expected[name]
        with tempfile.TemporaryDirectory() as folder:
            cuts = Run(Path(folder), RUNS[name]).cut(random.Random(seed), seconds / 8)
        n_same += cuts.sha256 == sha256
        signals += Counter(cuts.signals)
        same = "same" if cuts.sha256 == sha256 else "ANOTHER"
        print(f"{seed} {name}: {len(cuts.signals)} cuts, taken up {cuts.n_taken_up} times: {same} model", flush=True)
    print(f"{n_same} of {n_loops} end with the unbroken run's model; {dict(signals)}")
    raise SystemExit(n_same < n_loops)


def unbroken(name: str) -> tuple[str, float]:
    """The hash of the model, and the seconds that it took."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        return Run(Path(folder), RUNS[name], seconds=1e9).unbroken(), time.monotonic() - start


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
