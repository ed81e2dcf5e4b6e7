"""Files that are no table, told by how they begin, so that the error names them and what to do with each."""

import re
from typing import NamedTuple, Protocol

from nncli.errors import DataError

_MOST_ZIP_BYTES = 1 << 16
"""Of a zip archive in which the names of its first members are looked for."""
_NAME_A_TABLE = "name a table: CSV, TSV, JSON Lines or Parquet"
_SAVE_SHEET = "save the sheet as CSV (UTF-8)"
_WRITE_TABLE = "write its table as Parquet or CSV"
_UNPACK = "unpack it"
_TAR = "\0ustar"
_TAR_HEADER = 512


class Beginning(Protocol):
    """What can be seen of a file before it is read."""

    def peek(self, size: int) -> bytes:
        """The next bytes: so many or more, fewer only at the end."""

    def begins_with(self, magic: bytes) -> bool:
        """Whether the next bytes are these; no more of them are waited for than it takes to tell."""


class _Kind(NamedTuple):
    what: str
    remedy: str


_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"
_PARQUET_AS_TEXT = re.compile(rb"PAR1[\t\n\r -~]")
_BINARY = {
    b"\x89PNG\r\n\x1a\n": _Kind("a PNG picture", _NAME_A_TABLE),
    b"\xff\xd8\xff": _Kind("a JPEG picture", _NAME_A_TABLE),
    b"%PDF-": _Kind("a PDF document", _NAME_A_TABLE),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _Kind("an old Excel workbook (.xls) or other file of Office", _SAVE_SHEET),
    b"SQLite format 3\0": _Kind("an SQLite database", "export its table: sqlite3 -csv -header FILE 'SELECT …'"),
    b"ARROW1\0\0": _Kind("a Feather file", _WRITE_TABLE),
    b"\x89HDF\r\n\x1a\n": _Kind("an HDF5 file", _WRITE_TABLE),
    b"\x93NUMPY": _Kind("an array of NumPy", _WRITE_TABLE),
    b"\x80\x04\x95": _Kind("a Python pickle, which may hold code and is never opened", _WRITE_TABLE),
    b"\x80\x05\x95": _Kind("a Python pickle, which may hold code and is never opened", _WRITE_TABLE),
    b"7z\xbc\xaf\x27\x1c": _Kind("a 7z archive", _UNPACK),
    b"Rar!\x1a\x07": _Kind("a RAR archive", _UNPACK),
}
_IN_ZIP = {
    rb"xl/(workbook|worksheets|_rels|styles)": _Kind("an Excel workbook", _SAVE_SHEET),
    rb"opendocument\.spreadsheet": _Kind("an OpenDocument spreadsheet", _SAVE_SHEET),
}
_ARCHIVE = _Kind("a zip archive", "unpack it (unzip -p FILE > TABLE.csv)")
_TEXT = {
    r"\s*\[[ \t\r]*[{\n]": _Kind("one JSON array", "one object a line is needed: jq -c '.[]' FILE > TABLE.jsonl"),
    r"\s*\{[ \t\r]*\n": _Kind("JSON over several lines", "one object a line is needed: jq -c . FILE > TABLE.jsonl"),
    r"\s*<(!doctype\s+html|html)\b": _Kind("an HTML page, as of a login or an error", "download the data itself"),
    r"\s*<\?xml\b": _Kind("XML", _NAME_A_TABLE),
}
_TAR_ARCHIVE = _Kind("a tar archive", "unpack it (tar -xOf FILE > TABLE.csv)")


def refuse_binary(beginning: Beginning, name: str) -> None:
    """Refuses files of other kinds than tables.

    Args:
        beginning: of the file, decompressed.
        name: of the file, for messages.

    Raises:
        DataError: it is one.
    """
    for magic, kind in _BINARY.items():
        if beginning.begins_with(magic):
            raise _refusal(name, kind)
    if beginning.begins_with(_ZIP):
        head = beginning.peek(_MOST_ZIP_BYTES)
        raise _refusal(name, next((kind for inside, kind in _IN_ZIP.items() if re.search(inside, head)), _ARCHIVE))


def refuse_other_text(beginning: str, name: str) -> None:
    """Refuses text that is no table: documents of JSON, HTML and XML; and archives of text files.

    Args:
        beginning: the first line of the file or more.
        name: of the file, for messages.

    Raises:
        DataError: it is one.
    """
    for pattern, kind in _TEXT.items():
        if re.match(pattern, beginning, re.IGNORECASE):
            raise _refusal(name, kind)
    if _TAR in beginning[:_TAR_HEADER]:
        raise _refusal(name, _TAR_ARCHIVE)


def is_parquet(beginning: Beginning) -> bool:
    """Whether a file begins as Parquet does, and not with the name of a column: then text comes next."""
    return beginning.begins_with(_PARQUET) and not _PARQUET_AS_TEXT.match(beginning.peek(len(_PARQUET) + 1))


def ends_as_parquet(end: bytes) -> bool:
    """Whether the last bytes of a file are those of Parquet."""
    return end.endswith(_PARQUET)


def _refusal(name: str, kind: _Kind) -> DataError:
    return DataError(f"{name}: is {kind.what}; {kind.remedy}")
