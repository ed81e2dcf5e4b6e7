"""What the names of files say: which files a pattern means, and which format and compression an extension."""

from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path

from nncli.errors import UsageError
from nncli.prediction.compression import COMPRESSIONS, Compression
from nncli.settings import OutputFormat

_FORMATS: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class FileType:
    """What an extension, or two, says."""

    stem: str
    """The name without them."""
    format: OutputFormat | None
    compression: Compression | None

    def written_as(self, output_format: OutputFormat | None) -> "FileType":
        """The same, in some format."""
        return replace(self, format=output_format)


def file_type(name: str) -> FileType:
    """The format and the compression that a file name states.

    >>> file_type("scored.jsonl.gz")
    FileType(stem='scored', format='jsonl', compression='gz')
    >>> file_type("table.dat")
    FileType(stem='table.dat', format=None, compression=None)
    """
    compression = next((c for c in COMPRESSIONS if name.lower().endswith(f".{c}")), None)
    inner = name[: -len(compression) - 1] if compression else name
    extension = Path(inner).suffix
    found = _FORMATS.get(extension.lower())
    return FileType(inner.removesuffix(extension) if found else inner, found, compression)


def with_format(name: str, wanted: OutputFormat | None) -> str:
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


def expanded(words: list[str]) -> list[str]:
    """File names, patterns replaced by the files that they match, in the order of their names.

    Raises:
        UsageError: a pattern matches no file.
    """
    return [name for word in words for name in _matched(word)]


def is_file_or_pattern(word: str) -> bool:
    """Whether a word names a file that exists, or matches one."""
    return Path(word).exists() or bool(_WILDCARDS.intersection(word) and _glob(word))


def _matched(word: str) -> list[str]:
    if Path(word).exists() or not _WILDCARDS.intersection(word):
        return [word]
    found = sorted(name for name in _glob(word) if Path(name).is_file())
    if not found:
        raise UsageError(f"{word}: matches no file; check the pattern")
    return found


def _glob(pattern: str) -> list[str]:
    return glob(pattern, recursive=True)  # noqa: PTH207 (Path's knows no absolute patterns)
