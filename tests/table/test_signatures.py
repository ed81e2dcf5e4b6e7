"""Files that are no table: each is named, whatever it is called, and what to do is said."""

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from nncli.errors import DataError
from nncli.table.reading import open_rows, read_table

PLAIN = b"a,b,y\n" + b"1,2,n\n3,4,y\n" * 20


def refusal(path: Path, content: bytes) -> str:
    """What training and prediction say alike."""
    path.write_bytes(content)
    with pytest.raises(DataError) as to_train:
        read_table(str(path))
    with pytest.raises(DataError) as to_predict, open_rows(str(path), ["a", "b"]):
        pass
    assert str(to_train.value) == str(to_predict.value)
    return str(to_train.value).removeprefix(f"{path}: ")


def zip_of(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, PLAIN * 9)
    return file.getvalue()


def tar_of(name: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(PLAIN)
        archive.addfile(member, io.BytesIO(PLAIN))
    return file.getvalue()


def numpy_file() -> bytes:
    file = io.BytesIO()
    np.save(file, np.eye(3))
    return file.getvalue()


def feather_file() -> bytes:
    file = io.BytesIO()
    feather.write_feather(pa.table({"a": [1, 2]}), file)
    return file.getvalue()


def sqlite_file(folder: Path) -> bytes:
    with sqlite3.connect(folder / "made.db") as database:
        database.execute("create table t (a, b)")
    database.close()
    return (folder / "made.db").read_bytes()


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "a PNG picture", "name a table"),
        (b"\xff\xd8\xff\xe0" + bytes(99), "a JPEG picture", "name a table"),
        (b"%PDF-1.7\n1 0 obj", "a PDF document", "name a table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an old Excel workbook", "save the sheet as CSV"),
        (zip_of("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"), "an Excel workbook", "save the sheet as CSV"),
        (zip_of("xl/worksheets/sheet1.xml"), "an Excel workbook", "save the sheet as CSV"),
        (zip_of("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument", "save the sheet as CSV"),
        (zip_of("data.csv"), "a zip archive", "unzip -p FILE > TABLE.csv"),
        (feather_file(), "a Feather file", "as Parquet or CSV"),
        (numpy_file(), "an array of NumPy", "as Parquet or CSV"),
        (pickle.dumps(pd.DataFrame({"a": [1]}), 4), "a Python pickle, which may hold code", "as Parquet or CSV"),
        (pickle.dumps(pd.DataFrame({"a": [1]}), 5), "a Python pickle, which may hold code", "as Parquet or CSV"),
        (tar_of("data.csv"), "a tar archive", "tar -xOf FILE > TABLE.csv"),
        (b'[{"a": 1}, {"a": 2}]', "one JSON array", "jq -c '.[]' FILE > TABLE.jsonl"),
        (b'{\n "a": 1\n}', "JSON over several lines", "jq -c . FILE > TABLE.jsonl"),
        (b"<!DOCTYPE html>\n<p>Sign in</p>", "an HTML page", "download the data itself"),
        (b"\n <HTML><body>\n", "an HTML page", "download the data itself"),
        (b'<?xml version="1.0"?>\n<rows/>', "XML", "name a table"),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_other_files_are_named(tmp_path: Path, name: str, content: bytes, what: str, remedy: str) -> None:
    for pack in (bytes, gzip.compress):
        message = refusal(tmp_path / name, pack(content))
        assert message.startswith(f"is {what}")
        assert remedy in message


def test_a_database_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "t.csv", sqlite_file(tmp_path)).startswith("is an SQLite database; export its table")


@pytest.mark.parametrize("first", ["PAR1", "7z", "PK", "%PDF", "Rar!", "ustar", "html", "BZh", "SQLite format 3"])
def test_a_column_of_such_a_name_is_a_column(tmp_path: Path, first: str) -> None:
    (tmp_path / "t.csv").write_bytes(PLAIN.replace(b"a", first.encode(), 1))
    assert read_table(str(tmp_path / "t.csv")).rows.schema.names == [first, "b", "y"]


@pytest.mark.parametrize(
    ("pack", "what"),
    [(gzip.compress, "the gzip data"), (bz2.compress, "the bzip2 data"), (lzma.compress, "the xz data")],
)
def test_compressed_data_that_ends_early_is_cut_off(tmp_path: Path, pack, what: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "t.csv").write_bytes(pack(PLAIN * 50)[:-10])
    with pytest.raises(DataError, match=f"{what} is cut off before its end; copy or download the file anew"):
        read_table(str(tmp_path / "t.csv"))


def test_a_parquet_file_without_its_end_is_cut_off(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1, 2], "y": ["n", "y"]}), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    for cut in (content[:-1], content[: len(content) // 2], content[:5]):
        assert refusal(tmp_path / "t.parquet", cut).startswith("begins as Parquet does, but does not end so")
