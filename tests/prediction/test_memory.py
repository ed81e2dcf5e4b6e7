import re
import subprocess
import sys
from pathlib import Path

import pytest
from program import Program

from nncli.errors import UsageError
from nncli.prediction.memory import block_bytes_within, parse_size
from nncli.table.reading import BLOCK_BYTES

PEAK = """
import pathlib, re, runpy, sys
try:
    runpy.run_module("nncli", run_name="__main__", alter_sys=True)
finally:
    status = pathlib.Path("/proc/self/status").read_text()
    print("peak", int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) * 1024, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("text", "size"), [("200MB", 2e8), ("0.5 GB", 5e8), ("64k", 64e3), ("1000", 1e3), ("3GiB", 3e9)]
)
def test_sizes(text: str, size: float) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1MB", "1TB", "1e9"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--memory"):
        parse_size(text)


def test_more_memory_gives_larger_blocks_up_to_the_usual_ones() -> None:
    sizes = [block_bytes_within(memory, 2) for memory in (10**9, 2 * 10**9, 10**12)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == BLOCK_BYTES
    with pytest.raises(UsageError, match="this model needs"):
        block_bytes_within(10**6, 2)


def peak(model: Path, data: Path, *options: str) -> int:
    command = [sys.executable, "-c", PEAK, "predict", str(data), "-m", str(model), "--keep", *options]
    process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    (found,) = re.findall(r"peak (\d+)", process.stderr)
    return int(found)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
def test_memory_does_not_grow_with_the_file_and_the_cap_holds(
    penguins_model: Path, samples: Path, tmp_path: Path
) -> None:
    header, *rows = (samples / "penguins.csv").read_text().splitlines(keepends=True)
    paths = []
    for times in (200, 1600):
        paths.append(tmp_path / f"{times}.csv")
        paths[-1].write_text(header + "".join(rows * times))
    short, long = (peak(penguins_model, path) for path in paths)
    assert long < 1.15 * short
    cap = short - 5_000_000
    assert peak(penguins_model, paths[1], "--memory", f"{cap}") < cap


def test_too_little_memory_is_said(nncli: Program, penguins_model: Path, samples: Path) -> None:
    outcome = nncli("predict", samples / "penguins.csv", "-m", penguins_model, "--memory", "20MB")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--memory: 20 MB is too little; this model needs" in outcome.err
