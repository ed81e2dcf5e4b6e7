"""What the name of a file says of its format and its compression."""

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Literal, get_args

from nncli.settings import InputFormat

Compression = Literal["gz", "zst", "bz2", "xz"]
_FORMATS: dict[str, InputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_OF_OTHERS = (
    ".json",
    ".xlsx",
    ".xls",
    ".ods",
    ".feather",
    ".arrow",
    ".orc",
    ".avro",
    ".db",
    ".sqlite",
    ".html",
    ".xml",
    *(".zip", ".lz4", ".7z", ".rar", ".tar", ".tgz", ".br", ".lzma"),
)


@dataclass(frozen=True)
class FileType:
    """What an extension, or two, says."""

    stem: str
    """The name without them."""
    format: InputFormat | None
    compression: Compression | None
    promises_other: bool = False
    """Whether it says a format that is not written here."""

    def written_as(self, output_format: InputFormat | None) -> "FileType":
        """The same, in some format."""
        return replace(self, format=output_format)


def file_type(name: str) -> FileType:
    """The format and the compression that a file name states.

    >>> file_type("scored.JSONL.gz")
    FileType(stem='scored', format='jsonl', compression='gz', promises_other=False)
    >>> file_type("table.xlsx")
    FileType(stem='table.xlsx', format=None, compression=None, promises_other=True)
    """
    compression = next((c for c in get_args(Compression) if name.lower().endswith(f".{c}")), None)
    inner = name[: -len(compression) - 1] if compression else name
    extension = PurePath(inner).suffix
    found, is_other = _FORMATS.get(extension.lower()), extension.lower() in _OF_OTHERS
    return FileType(inner.removesuffix(extension) if found else inner, found, compression, is_other)


def with_format(name: str, wanted: InputFormat | None) -> str:
    """A file name whose extension states the wanted format; Parquet is not compressed once more.

    >>> with_format("new.csv.gz", "jsonl"), with_format("new.csv.gz", "parquet"), with_format("new.tsv", None)
    ('new.jsonl.gz', 'new.parquet', 'new.tsv')
    """
    stated = file_type(name)
    if (wanted or stated.format) == "parquet" and stated.compression:
        return f"{stated.stem}.parquet"
    if wanted in (None, stated.format):
        return name
    return f"{stated.stem}.{wanted}" + (f".{stated.compression}" if stated.compression else "")
