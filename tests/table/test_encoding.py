"""Bytes become text in the same way wherever a file is cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncli.errors import DataError, UsageError
from nncli.settings import ReadingSettings
from nncli.table.encoding import as_text, recoded
from nncli.table.plaintext import whole_lines
from nncli.table.reading import open_rows, read_table

ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "gb18030", "iso2022_jp", "utf-7"]


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(deadline=None)
@given(
    text=st.text(st.characters(codec="ascii", exclude_characters="\x1b")),
    end=st.sampled_from(["", "日本", "é"]),
    size=st.integers(1, 9),
)
def test_text_of_any_encoding_comes_back(encoding: str, text: str, end: str, size: int) -> None:
    text += end if encoding not in ("cp1252", "shift_jis", "iso2022_jp") else ""
    assert b"".join(recoded(cut(text.encode(encoding), size), encoding, "t")).decode() == text


@pytest.mark.parametrize(
    ("content", "encoding", "place"),
    [
        (b"a\nb\xe9c", "utf-8", "line 2: byte 4 of the file is 0xE9"),
        (b"a\nb\xe9", "ascii", "line 2: byte 4 of the file is 0xE9"),
        ("a\nb".encode("utf-16-le") + b"c", "utf-16-le", "line 2: byte 7 of the file is 0x63"),
        ("ab\n".encode("utf-16-le") + b"\x00\xdc\x41\x00", "utf-16-le", "line 2: byte 7 of the file is 0x00"),
        ("\ufeffab\n".encode("utf-16-be") + b"\xdc\x00", "utf-16", "line 2: byte 9 of the file is 0xDC"),
        ("日\n本".encode("shift_jis")[:-1], "shift_jis", "line 2: byte 4 of the file is 0x96"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_what_is_not_of_an_encoding_has_a_place(content: bytes, encoding: str, place: str, size: int) -> None:
    with pytest.raises(DataError) as caught:
        list(recoded(cut(content, size), encoding, "t"))
    assert str(caught.value) == f"t, {place}, which is not {encoding}; name another --encoding, or leave it out"


@settings(deadline=None)
@given(st.binary(), st.integers(1, 9))
def test_lines_that_are_no_utf_8_are_of_windows_1252_and_others_stay(content: bytes, size: int) -> None:
    parts = list(whole_lines(cut(content, size), "t"))
    text = b"".join(part.text for part in parts)
    lines = content.replace(b"\0", "\ufffd".encode()).split(b"\n")
    assert text.decode().removesuffix("\n") == "\n".join(map(as_text, lines)).removesuffix("\n")
    foreign = [number for number, line in enumerate(content.split(b"\n"), start=1) if not is_utf_8(line)]
    said = [part.foreign for part in parts if part.foreign]
    assert sum(found.n_lines for found in said) == len(foreign)
    assert not foreign or said[0].line == foreign[0]


def is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_bytes_that_windows_1252_lacks_are_those_of_latin_1() -> None:
    for byte in range(256):
        line = b"\xff" + bytes([byte])
        expected = bytes([byte]).decode("latin-1" if byte in b"\x81\x8d\x8f\x90\x9d" else "cp1252")
        assert as_text(line) == "ÿ" + expected


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "a\0b", ""])
def test_an_encoding_that_is_none_is_wrong_use(name: str) -> None:
    with pytest.raises(UsageError, match=r"--encoding: '.*' is no encoding of text"):
        ReadingSettings(encoding=name)


def test_the_mark_of_an_encoding_goes_before_what_is_insisted_on(tmp_path: Path) -> None:
    insisted = ReadingSettings(encoding="cp1252")
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / "t.csv").write_bytes("a,y\né,n\n".encode(encoding))
        assert read_table(str(tmp_path / "t.csv"), insisted).rows["a"].to_pylist() == ["é"]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_chunks_say_which_of_their_lines_are_foreign(tmp_path: Path, format_: str) -> None:
    head, row = (b"a,y\n", b"%b,n\n") if format_ == "csv" else (b"", b'{"a": "%b", "y": "n"}\n')
    (tmp_path / "t").write_bytes(head + row % b"x" * 50 + row % b"\xe9" + row % "é".encode() * 50 + row % b"\xe9")
    with open_rows(str(tmp_path / "t"), ["a"], 64) as given:
        cells, said = [], []
        for chunk in given.chunks:
            cells += chunk.rows().cells["a"].to_pylist()
            said += [chunk.foreign] if chunk.foreign else []
    assert cells == ["x"] * 50 + ["é"] * 52
    assert [found.line for found in said] == [51 + bool(head), 102 + bool(head)]
