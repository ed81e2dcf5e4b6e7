import gzip
import hashlib
import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from rows import frame_of

from nncli.errors import DataError
from nncli.table import source
from nncli.table.reading import open_rows, read_table

READ = """
import resource, sys
from nncli.table.reading import open_rows
with open_rows(sys.argv[1], ["n0"]) as given:
    n_rows = sum(chunk.rows().cells.num_rows for chunk in given.chunks)
print(n_rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def written(table: pa.Table | pd.DataFrame, path: Path) -> str:
    parquet.write_table(table if isinstance(table, pa.Table) else pa.Table.from_pandas(table), path)
    return str(path)


def cells_in(path: str, needed: list[str]) -> pd.DataFrame:
    with open_rows(path, needed) as given:
        assert given.format == "parquet"
        return pd.concat([frame_of(chunk.rows().cells) for chunk in given.chunks], ignore_index=True)


def test_cells_are_the_text_of_their_values(tmp_path: Path) -> None:
    table = pa.table({"n": [1.5, None], "s": ["x", None], "b": [True, False]})
    rows = read_table(written(table, tmp_path / "t.parquet")).rows
    assert rows.to_pydict() == {"n": ["1.5", ""], "s": ["x", ""], "b": ["true", "false"]}


def test_bytes_are_cells_by_one_rule_in_training_and_prediction(tmp_path: Path) -> None:
    both, alone = ([b"abc", b"\xff\xfe"], ["abc", "fffe"]), ([b"abc"], ["abc"])
    for values, expected in (both, alone):
        path = written(pa.table({"a": values}), tmp_path / "t.parquet")
        assert read_table(path).rows.to_pydict() == {"a": expected}
        assert cells_in(path, ["a"]).to_dict("list") == {"a": expected}


def test_columns_that_are_no_cells_matter_only_where_they_are_needed(tmp_path: Path) -> None:
    path = written(pa.table({"a": [1, 2, 3], "list": [[1], [2], None]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="column 'list'"):
        read_table(path)
    assert cells_in(path, ["a"]).to_dict("list") == {"a": ["1", "2", "3"]}


def test_values_keep_their_types(tmp_path: Path) -> None:
    table = pa.table({"n": [1.5, None], "day": pa.array([1, 2], pa.date32()), "list": [[1], None]})
    with open_rows(written(table, tmp_path / "t.parquet"), ["n"]) as given:
        chunks = list(given.chunks)
    assert all(chunk.lines is None and chunk.values is not None for chunk in chunks)
    assert pa.Table.from_batches([chunk.values() for chunk in chunks if chunk.values]).equals(table)


@pytest.mark.parametrize(
    ("kept", "expected"), [((), ["a.b", "n"]), (("n", "a", "none"), ["a", "a.b", "n"]), (None, ["a", "z", "a.b", "n"])]
)
def test_only_columns_that_are_needed_or_kept_are_read(
    tmp_path: Path, kept: Sequence[str] | None, expected: list[str]
) -> None:
    table = pa.table({"a": [{"b": 1, "c": 2}], "z": ["z"], "a.b": ["x"], "n": [1.5]})
    with open_rows(written(table, tmp_path / "t.parquet"), ["n", "a.b"], kept=kept) as given:
        assert given.columns == table.column_names
        chunks = list(given.chunks)
    for chunk in chunks:
        assert chunk.values is not None
        assert chunk.values().schema.names == expected
        assert chunk.rows().cells.schema.names == ["a.b", "n"]
    assert chunks[-1].values is not None
    assert chunks[-1].values() == table.select(expected).to_batches()[0]


@pytest.mark.parametrize("block_bytes", [1, 300, 5_000, 1 << 20])
def test_chunks_are_of_so_many_bytes_whatever_hides_them(tmp_path: Path, block_bytes: int) -> None:
    texts = ["x" * 1000, *"abcde"] * 100 + ["", None, "y" * 4000]
    table = pa.table({"n": np.arange(603.0), "text": texts, "kind": pa.array(texts).dictionary_encode()})
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=201)
    with open_rows(str(tmp_path / "t.parquet"), ["n"], block_bytes) as given:
        found = [chunk.values() for chunk in given.chunks if chunk.values]
    assert pa.Table.from_batches(found) == table
    for batch in found:
        n_bytes = sum(2 * len(text or "") for text in batch["text"].to_pylist())
        assert batch.num_rows <= 1 or n_bytes <= block_bytes


def test_a_name_that_is_no_text_is_damage(tmp_path: Path) -> None:
    path = Path(written(pa.table({"nnnn": [1, 2]}), tmp_path / "t.parquet"))
    path.write_bytes(path.read_bytes().replace(b"nnnn", b"n\xffnn"))
    with pytest.raises(DataError, match="the Parquet file is damaged"), open_rows(str(path), ["a"]):
        pass


@pytest.mark.parametrize("how", ["file", "gzip", "stdin", "pipe"])
def test_the_cells_are_the_same_in_place_and_copied(  # type: ignore[no-untyped-def]
    tmp_path: Path, samples: Path, monkeypatch, how: str
) -> None:
    frame = pd.read_csv(samples / "penguins.csv", dtype="str", na_filter=False)
    path = Path(written(frame, tmp_path / "t.parquet"))
    content = path.read_bytes()
    if how == "gzip":
        path.write_bytes(gzip.compress(content))
    if how == "stdin":
        monkeypatch.setattr(sys, "stdin", path.open())
    if how == "pipe":
        cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
        assert cat.stdout is not None
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(cat.stdout))
    if how in ("file", "stdin"):
        monkeypatch.setattr(source.tempfile, "TemporaryFile", lambda: pytest.fail("it was copied"))
    table = read_table("-" if how in ("stdin", "pipe") else str(path))
    pd.testing.assert_frame_equal(frame_of(table.rows), frame)
    assert table.sha256 == hashlib.sha256(content).hexdigest()
    if how in ("stdin", "pipe"):
        sys.stdin.close()
    if how == "pipe":
        assert cat.wait() == 0


def test_memory_does_not_grow_with_a_row_group(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def peak(n_rows: int) -> int:
        table = pa.table({f"n{i}": rng.normal(size=n_rows) for i in range(10)})
        path = tmp_path / f"{n_rows}.parquet"
        parquet.write_table(table, path, row_group_size=n_rows, use_dictionary=False)
        done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
        found, kilobytes = map(int, done.stdout.split())
        assert found == n_rows
        return kilobytes

    assert peak(500_000) - peak(50_000) < 15_000  # the file grows by 36 MB


def test_what_is_no_parquet_is_not_read_as_such(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with (
        pytest.raises(DataError, match="does not begin as Parquet does"),
        open_rows(str(tmp_path / "t.csv"), ["a"], input_format="parquet"),
    ):
        pass
