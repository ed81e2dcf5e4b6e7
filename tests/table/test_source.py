"""The beginning of a stream is understood however its bytes come."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from nncli.errors import UsageError
from nncli.table.reading import open_rows, read_table
from nncli.table.source import ByteStream, open_source

TEXT = b'a,b\r\n1,"x\r\ny"\r\n2,\xc3\xa9\r\n'
PLAIN = {"a": ["1", "2"], "b": ["x\r\ny", "é"]}


def as_parquet() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(PLAIN), sink)
    return sink.getvalue()


@contextmanager
def pieces_of(path: Path, content: bytes, cuts: list[int]) -> Iterator[None]:
    """A FIFO into which another thread writes, cut by cut."""
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb", buffering=0) as stream:
            for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
                stream.write(content[start:end])
                time.sleep(0.01)

    thread = threading.Thread(target=write)
    thread.start()
    yield
    thread.join(timeout=30)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT, PLAIN),
        (codecs.BOM_UTF8 + TEXT, PLAIN),
        (TEXT.decode().encode("utf-16"), PLAIN),
        (b"a,b\r1,x\r2,y\r", {"a": ["1", "2"], "b": ["x", "y"]}),
        (b'"a\rc",b\n1,x\n', {"a\rc": ["1"], "b": ["x"]}),
        (gzip.compress(TEXT), PLAIN),
        (gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), PLAIN),
        (bz2.compress(TEXT), PLAIN),
        (lzma.compress(TEXT), PLAIN),
        (pa.compress(TEXT, codec="zstd", asbytes=True), PLAIN),
        (as_parquet(), PLAIN),
    ],
    ids=["crlf", "bom", "utf-16", "cr", "cr in quotes", "gz", "two gz", "bz2", "xz", "zst", "parquet"],
)
def test_the_first_bytes_may_come_one_by_one(tmp_path: Path, content: bytes, expected: dict[str, list[str]]) -> None:
    (tmp_path / "whole").write_bytes(content)
    assert read_table(str(tmp_path / "whole")).rows.to_pydict() == expected
    with pieces_of(tmp_path / "fifo", content, list(range(1, min(24, len(content))))):
        assert read_table(str(tmp_path / "fifo")).rows.to_pydict() == expected


@pytest.mark.parametrize("first", [b"a,b\n", b"a,b\r\n", b"a,b\r1,2\r", b'{"a": 1}\n'])
def test_what_is_there_is_read_though_no_more_comes(tmp_path: Path, first: bytes) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, first)
    with open_rows(f"/dev/fd/{read_end}", ["a"]) as given:
        assert given.columns[0] == "a"
    os.close(write_end)


def test_a_stream_shows_its_beginning_and_loses_nothing() -> None:
    pieces = iter([b"ab", b"c"])
    stream = ByteStream(lambda _: next(pieces, b""), hashed=True)
    assert stream.peek(1) == b"ab"
    assert stream.peek(3) == b"abc"
    assert (stream.read(2), stream.read(2)) == (b"ab", b"c")
    assert stream.peek(1) == b""
    assert stream.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"^{tmp_path}: is a folder; name a file in it$"), open_source(str(tmp_path)):
        pass
