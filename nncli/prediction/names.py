"""Which files the words of a command line mean."""

from glob import glob
from pathlib import Path

from nncli.errors import UsageError

_WILDCARDS = frozenset("*?[")


def expanded(words: list[str]) -> list[str]:
    """File names, patterns replaced by the files that they match, in the order of their names.

    Raises:
        UsageError: a pattern matches no file, or a word is a folder.
    """
    return [name for word in words for name in _matched(word)]


def is_file_or_pattern(word: str) -> bool:
    """Whether a word names a file that exists, or matches one."""
    return (bool(word) and Path(word).exists()) or bool(_WILDCARDS.intersection(word) and _glob(word))


def _matched(word: str) -> list[str]:
    if Path(word).is_dir():
        raise UsageError(f"{word}: is a folder; name files in it, such as '{Path(word) / '*.csv'}'")
    if Path(word).exists() or not _WILDCARDS.intersection(word):
        return [word]
    found = sorted(name for name in _glob(word) if Path(name).is_file())
    if not found:
        raise UsageError(f"{word}: matches no file; check the pattern")
    return found


def _glob(pattern: str) -> list[str]:
    return glob(pattern, recursive=True)  # noqa: PTH207 (Path's knows no absolute patterns)
