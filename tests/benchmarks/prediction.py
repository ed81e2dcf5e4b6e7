"""What a call of ``nncli predict`` costs, beside the scripts that people write instead.

``python prediction.py TABLE.csv TARGET``: every command is a fresh process; those of a comparison take turns, and
medians of the ratios within a turn are given. Writes a JSON line to ``results/prediction.jsonl``.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
PYTHON = sys.executable
N_TRAIN, N_ROWS, N_FEWER, N_TURNS = 10_000, 1_000_000, 100_000, 5
WATCHED = """
import pathlib, re, runpy, sys
try:
    runpy.run_module("nncli", run_name="__main__", alter_sys=True)
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""
Command = Sequence[object]


def main(table: str, target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        models = prepare(pd.read_csv(table, dtype=str, keep_default_na=False), target, work)
        record = {
            "table": Path(table).name,
            "date": datetime.now().isoformat(timespec="minutes"),
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "version": version(),
            **starting(work, models),
            **throughput(work, models),
            "memory_mb": memory(work),
        }
    with (HERE / "results" / "prediction.jsonl").open("a") as results:
        print(json.dumps(record), file=results)
    print(json.dumps(record, indent=1))


def prepare(frame: pd.DataFrame, target: str, work: Path) -> dict[str, Path]:
    """Training rows, rows to predict, and a model of each kind."""
    train, rest = train_test_split(frame, train_size=N_TRAIN, stratify=frame[target], random_state=0)
    train.to_csv(work / "train.csv", index=False)
    rest = rest.drop(columns=target)
    for name, n_rows in (("one.csv", 1), ("fewer.csv", N_FEWER), ("rows.csv", N_ROWS)):
        times = -(-n_rows // len(rest))
        pd.concat([rest] * times).head(n_rows).to_csv(work / name, index=False)
    run(PYTHON, "-m", "nncli", "train", work / "train.csv", "--target", target, "-o", work / "model", "-q")
    scripts = {name: HERE / "scripts" / f"{name}.py" for name in ("hist_gradient_boosting", "lightgbm_script")}
    for name, script in scripts.items():
        run(PYTHON, script, "fit", work / "train.csv", target, work / f"{name}.joblib")
    return scripts


def starting(work: Path, scripts: dict[str, Path]) -> dict[str, object]:
    """One row, and no row."""
    hgb = scripts["hist_gradient_boosting"]
    commands: dict[str, Command] = {
        "import typer": (PYTHON, "-c", "import typer"),
        "--help": (PYTHON, "-m", "nncli", "--help"),
        "import pandas": (PYTHON, "-c", "import pandas"),
        "one row": (PYTHON, "-m", "nncli", "predict", work / "one.csv", "-m", work / "model"),
        "one row, script": (PYTHON, hgb, "predict", work / f"{hgb.stem}.joblib", work / "one.csv", work / "out.csv"),
    }
    pairs = [("--help", "import typer"), ("one row", "import pandas"), ("one row", "one row, script")]
    return compared(commands, pairs, turns=2 * N_TURNS)


def throughput(work: Path, scripts: dict[str, Path]) -> dict[str, object]:
    """Many rows, file to file, all columns kept."""
    predict = (PYTHON, "-m", "nncli", "predict", work / "rows.csv", "-m", work / "model", "--keep", "-q", "--force")
    commands: dict[str, Command] = {
        "rows": (*predict, "-o", work / "out.csv"),
        "rows, --fast": (*predict, "--fast", "-o", work / "out.csv"),
        "read and write": (PYTHON, HERE / "scripts" / "bare.py", work / "rows.csv", work / "out.csv"),
    }
    for name, script in scripts.items():
        model = work / f"{name}.joblib"
        commands[f"rows, {name}"] = (PYTHON, script, "predict", model, work / "rows.csv", work / "out.csv")
    pairs = [
        ("rows", "rows, hist_gradient_boosting"),
        ("rows, --fast", "rows, lightgbm_script"),
        ("rows, --fast", "read and write"),
    ]
    return compared(commands, pairs, turns=N_TURNS)


def compared(commands: dict[str, Command], pairs: list[tuple[str, str]], turns: int) -> dict[str, object]:
    """Medians of the seconds, and of the ratios within a turn; a first turn warms the disk's cache up."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(turns + 1):
        for name, command in commands.items():
            start = time.monotonic()
            run(*command)
            if turn:
                seconds[name].append(time.monotonic() - start)
    found: dict[str, object] = {name: round(statistics.median(times), 3) for name, times in seconds.items()}
    for first, second in pairs:
        ratios = [a / b for a, b in zip(seconds[first], seconds[second], strict=True)]
        found[f"{first} / {second}"] = round(statistics.median(ratios), 3)
    return found


def memory(work: Path) -> dict[str, float]:
    """Peaks, in MB."""
    found = {}
    for name in ("fewer.csv", "rows.csv"):
        command = (PYTHON, "-c", WATCHED, "predict", work / name, "-m", work / "model", "--keep", "-q")
        peaks = [int(run(*command).splitlines()[-1]) * 1024 / 1e6 for _ in range(N_TURNS)]
        found[name] = round(statistics.median(peaks), 1)
    return found


def run(*command: object) -> str:
    """Runs a command to its end; what it says on standard error."""
    process = subprocess.run([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{process.stderr}")
    return process.stderr


def version() -> str:
    """The commit that was measured."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return re.sub(r"\s", "", commit.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
