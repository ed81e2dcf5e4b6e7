"""Tables with fixed splits: the same rows for every contender."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

MOST_TEST_ROWS = 10_000


@dataclass(frozen=True)
class Table:
    """One entry of ``index.json``: where the table is, and what a competent user knows of its columns."""

    name: str
    path: Path
    target: str
    id_columns: tuple[str, ...]
    text_columns: tuple[str, ...]
    date_columns: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """Training and test rows of one split, as files."""

    train: Path
    test: Path


def read_index(folder: Path) -> list[Table]:
    """The tables of a folder with an ``index.json``."""
    return [
        Table(
            name=entry["name"],
            path=folder / entry["file"],
            target=entry["target"],
            id_columns=tuple(entry["id_columns"]),
            text_columns=tuple(entry["text_columns"]),
            date_columns=tuple(entry["date_columns"]),
        )
        for entry in json.loads((folder / "index.json").read_text())
    ]


def write_split(table: Table, split: int, most_train_rows: int, folder: Path) -> Part:
    """Writes a stratified split: four fifths to train on, but no more than ``most_train_rows``."""
    part = Part(folder / "train.csv", folder / "test.csv")
    frame = pd.read_csv(table.path, dtype=str, keep_default_na=False)
    frame = frame[frame[table.target] != ""]
    n_train = min(len(frame) * 4 // 5, most_train_rows)
    n_test = min(len(frame) - n_train, MOST_TEST_ROWS)
    train, test = train_test_split(
        frame, train_size=n_train, test_size=n_test, stratify=frame[table.target], random_state=split
    )
    train.to_csv(part.train, index=False)
    test.to_csv(part.test, index=False)
    return part
