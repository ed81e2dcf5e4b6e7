"""Plants leaks of ten kinds in real tables and counts those found; counts false alarms in the tables as they are.

    python tests/benchmarks/leaks.py DATA_FOLDER

A leak counts as found where a finding of level ``warn`` or ``error`` names its column; rows that were repeated, where
near-duplicates are found. ``results/leaks.jsonl`` is written anew; ``summary.py`` makes tables of it.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from tables import Table as Entry
from tables import read_index

from nncli.guard.examine import ExaminedTable, examine_table
from nncli.guard.findings import Finding
from nncli.table.arrow import text_array
from nncli.table.reading import Table

Frame, Random = pd.DataFrame, np.random.Generator
_OF_TARGET = {
    *("target-copy", "near-copy", "tells-target", "target-average", "missing-tells-target", "text-names-target"),
    "id-tells-target",
}
"""Findings on what a column knows of the target; a warning of something else does not find a leak."""
PLANTED = "planted"


def _numbers(labels: pd.Series) -> np.ndarray[Any, Any]:
    return np.unique(labels, return_inverse=True)[1]


def copy(frame: Frame, y: str, random: Random) -> Frame:
    """The target under another name."""
    return frame.assign(**{PLANTED: frame[y]})


def recoded_copy(frame: Frame, y: str, random: Random) -> Frame:
    """The target under another name, with other values."""
    return frame.assign(**{PLANTED: "code " + pd.Series(_numbers(frame[y]) * 7 + 3, frame.index).astype(str)})


def near_copy(frame: Frame, y: str, random: Random) -> Frame:
    """The target in 99.5 % of the rows, anything in the others."""
    values, wrong = frame[y].to_numpy(copy=True), random.random(len(frame)) < 0.005
    values[wrong] = random.permutation(values)[: wrong.sum()]
    return frame.assign(**{PLANTED: values})


def monotone_proxy(frame: Frame, y: str, random: Random) -> Frame:
    """A number that was a threshold's argument: each class has a range of it, bent by a monotone function."""
    hidden = _numbers(frame[y]) + 0.02 + 0.96 * random.random(len(frame))
    return frame.assign(**{PLANTED: np.round(np.exp(hidden / (hidden.max() / 6)), 6).astype(str)})


def outcome_date(frame: Frame, y: str, random: Random) -> Frame:
    """A date that is filled in for one class alone, and there in seven rows of ten."""
    rare = frame[y].value_counts().index[-1] if frame[y].nunique() == 2 else frame[y].value_counts().index[0]
    days = np.datetime64("2023-01-01") + random.integers(0, 700, len(frame))
    filled = (frame[y] == rare) & (random.random(len(frame)) < 0.7)
    return frame.assign(**{PLANTED: np.where(filled, days.astype(str), "")})


def missing_flag(frame: Frame, y: str, random: Random) -> Frame:
    """Noise that is missing for one class, in 199 rows of 200."""
    first = frame[y] == frame[y].value_counts().index[0]
    empty = first ^ (random.random(len(frame)) < 0.005)
    return frame.assign(**{PLANTED: np.where(empty, "", random.normal(size=len(frame)).round(3).astype(str))})


def sorted_id(frame: Frame, y: str, random: Random) -> Frame:
    """A row number from a time when the rows were sorted by class; since then they were shuffled."""
    frame = frame.sort_values(y, kind="stable")
    return frame.assign(**{PLANTED: np.arange(1, len(frame) + 1).astype(str)}).sample(frac=1, random_state=random)


def group_average(frame: Frame, y: str, random: Random) -> Frame:
    """The share of a class in the row's group of about fifteen, its own class counted too."""
    group = random.integers(0, max(5, len(frame) // 15), len(frame))
    first = (frame[y] == frame[y].value_counts().index[0]).groupby(group).transform("mean")
    return frame.assign(**{PLANTED: first.round(4).astype(str)})


def duplicated_rows(frame: Frame, y: str, random: Random) -> Frame:
    """One row of ten is there twice, the second time with noise in its number, as an entry corrected later has."""
    noisy = frame.assign(**{PLANTED: random.normal(size=len(frame)).round(3).astype(str)})
    again = noisy.sample(frac=0.1, random_state=random)
    again = again.assign(**{PLANTED: random.normal(size=len(again)).round(3).astype(str)})
    return pd.concat([noisy, again]).sample(frac=1, random_state=random)


def naming_text(frame: Frame, y: str, random: Random) -> Frame:
    """Notes of which every third names the row's class."""
    words = np.array(["seen", "by", "staff", "on", "their", "visit", "and", "filed", "under", "the", "usual", "form"])
    names = {label: f"outcome {label}" for label in frame[y].unique()}
    notes = [
        " ".join(
            [*random.choice(words, 6), *([names[label]] if random.random() < 0.33 else []), *random.choice(words, 4)]
        )
        for label in frame[y]
    ]
    return frame.assign(**{PLANTED: notes})


LEAKS: tuple[Callable[[Frame, str, Random], Frame], ...] = (
    copy, recoded_copy, near_copy, monotone_proxy, outcome_date, missing_flag, sorted_id, group_average,
    duplicated_rows, naming_text,
)  # fmt: skip


def examined(frame: Frame, y: str) -> ExaminedTable:
    """As ``nncli train`` examines the file."""
    cells = pa.record_batch({name: text_array(frame[name].tolist()) for name in frame})
    return examine_table(Table(cells, "planted.csv", "0" * 64, "comma-separated"), y)


def hits(findings: Sequence[Finding], kind: str) -> list[Finding]:
    """Those that warn of the planted leak: near-duplicates where rows were repeated, else what names its column."""
    warnings = [found for found in findings if found.level != "info"]
    if kind == duplicated_rows.__name__:
        return [found for found in warnings if found.code == "near-duplicates"]
    return [found for found in warnings if PLANTED in found.columns and found.code in _OF_TARGET]


def measure(entry: Entry, seed: int) -> Iterator[dict[str, Any]]:
    """A record for the table as it is, and one for each leak."""
    frame = pd.read_csv(entry.path, dtype=str, keep_default_na=False)
    frame = frame[frame[entry.target] != ""]
    started = time.perf_counter()
    found = examined(frame, entry.target).findings
    yield {
        "table": entry.name,
        "leak": None,
        "rows": len(frame),
        "columns": frame.shape[1],
        "seconds": round(time.perf_counter() - started, 2),
        "codes": [[finding.level, finding.code, *finding.columns] for finding in found if finding.level != "info"],
    }
    for plant in LEAKS:
        leaking = plant(frame, entry.target, np.random.default_rng(seed))
        found = hits(examined(leaking, entry.target).findings, plant.__name__)
        yield {
            "table": entry.name,
            "leak": plant.__name__,
            "about": plant.__doc__,
            "codes": [[hit.level, hit.code] for hit in found],
        }


def main() -> None:
    """Runs what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results" / "leaks.jsonl")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    records = []
    for entry in read_index(options.data):
        of_table = list(measure(entry, options.seed))
        missed = [record["leak"] for record in of_table[1:] if not record["codes"]]
        print(entry.name, "missed:", ", ".join(missed) or "none", flush=True)
        records.extend(of_table)
    options.results.write_text("".join(json.dumps(record) + "\n" for record in records))


if __name__ == "__main__":
    main()
