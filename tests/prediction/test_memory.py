import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from program import Program
from pyarrow import parquet

from nncli.errors import UsageError
from nncli.prediction import memory
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


def test_more_memory_gives_larger_blocks_up_to_the_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_peak_bytes", lambda: 10**8)  # other tests have taken more in this process
    sizes = [block_bytes_within(most, 2) for most in (120 * 10**6, 10**9, 10**12)]
    assert sizes == sorted(sizes)
    assert sizes[0] < BLOCK_BYTES
    assert sizes[-1] == BLOCK_BYTES
    with pytest.raises(UsageError, match="this model needs"):
        block_bytes_within(10**6, 2)


def peak(model: Path, data: Path, *options: str) -> int:
    command = [sys.executable, "-c", PEAK, "predict", str(data), "-m", str(model), *options]
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
    short, long = (peak(penguins_model, path, "--keep") for path in paths)
    assert long < 1.15 * short
    cap = short - 5_000_000
    assert peak(penguins_model, paths[1], "--keep", "--memory", f"{cap}") < cap


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' memory is not looked after")
def test_memory_does_not_grow_with_a_file_of_hundreds_of_columns(
    penguins_model: Path, samples: Path, tmp_path: Path
) -> None:
    rows = pd.read_csv(samples / "penguins.csv")
    numbers = np.random.default_rng(0).normal(size=(len(rows), 300))
    wide = pd.concat([rows, pd.DataFrame(numbers).add_prefix("n")], axis=1)
    header, *lines = wide.to_csv(index=False).splitlines(keepends=True)
    peaks = []
    for times in (5, 30):
        (tmp_path / f"{times}.csv").write_text(header + "".join(lines * times))
        peaks.append(peak(penguins_model, tmp_path / f"{times}.csv", "--keep"))
    assert peaks[1] < 1.15 * peaks[0]


@pytest.fixture(scope="module")
def parquets(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that take much more than the cap where a column too many, or a batch of so many rows, is read."""
    folder = tmp_path_factory.mktemp("parquet")
    rows = pd.concat([pd.read_csv(samples / "penguins.csv")] * 30, ignore_index=True)
    n_rows, table = len(rows), pa.Table.from_pandas(rows)
    numbers = np.random.default_rng(0).normal(size=(200, n_rows))
    columns = {
        "wide": {f"n{number}": values for number, values in enumerate(numbers)},
        "repeated": {"text": ["x" * 20_000] * n_rows},
        "late": {"text": ["x"] * (n_rows - 3_000) + [f"{number:020000}" for number in range(3_000)]},
    }
    for name, added in columns.items():
        for column, values in added.items():
            table = table.append_column(column, pa.array(values))
        parquet.write_table(table, folder / f"{name}.parquet", compression="zstd")
        table = table.select(rows.columns)
    return {name: folder / f"{name}.parquet" for name in columns}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("wide", ["--keep=island"]),
        ("repeated", ["--keep"]),
        ("repeated", ["--keep", "--output-format", "parquet"]),
        ("late", ["--keep", "--output-format", "jsonl"]),
    ],
)
def test_the_cap_holds_for_parquet(
    penguins_model: Path, parquets: dict[str, Path], name: str, options: list[str]
) -> None:
    assert peak(penguins_model, parquets[name], "--memory", "200MB", *options) < 200_000_000


def test_too_little_memory_is_said(nncli: Program, penguins_model: Path, samples: Path) -> None:
    outcome = nncli("predict", samples / "penguins.csv", "-m", penguins_model, "--memory", "20MB")
    assert (outcome.code, outcome.out) == (2, "")
    assert "--memory: 20 MB is too little; this model needs" in outcome.err
