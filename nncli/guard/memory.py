"""Whether free memory can do for what is to be learned from: short of it, the system ends runs without a word."""

from collections.abc import Iterator
from pathlib import Path

from nncli.errors import MemoryLimitError

_BYTES_A_CELL = 40
"""That both sides take at the least for each cell of the rows that they learn from; measured were 50 to 75."""
_GROUP, _OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_UNITS = (("GB", 1e9), ("MB", 1e6))


def refuse_too_large(n_rows: int, n_columns: int) -> None:
    """Refuses a table that cannot be learned from in the memory that is free. What passes may still be too large.

    Raises:
        MemoryLimitError: it is too large for certain.
    """
    needed, free = n_rows * n_columns * _BYTES_A_CELL, free_bytes()
    if free is not None and needed > free:
        table = f"{n_rows:,} rows of {n_columns:,} columns"
        what = f"to learn from {table} takes {_shown(needed)} or more, and {_shown(free)} are free"
        raise MemoryLimitError(f"not enough memory: {what}; use fewer rows or columns")


def free_bytes() -> int | None:
    """That this process may still take, by the system's word and by that of its group; ``None``: nothing tells."""
    return min(_told(), default=None)


def _told() -> Iterator[int]:
    try:
        pages = {name: int(size.split()[0]) * 1024 for name, size in _pairs(Path("/proc/meminfo"), ":")}
        yield pages["MemAvailable"] + pages["SwapFree"]
    except (OSError, KeyError, ValueError):
        return  # another system than Linux
    try:
        own = next(line.split(":", 2)[2] for line in _OWN_GROUP.read_text().splitlines() if "::" in line)
        group = _GROUP / own.lstrip("/")
        used = int((group / "memory.current").read_text())
        cached = dict(_pairs(group / "memory.stat", " "))["inactive_file"]
        yield max(0, int((group / "memory.max").read_text()) - used + int(cached))
    except (OSError, KeyError, ValueError, StopIteration):
        return  # no group, or one without a limit ("max")


def _pairs(path: Path, between: str) -> Iterator[tuple[str, str]]:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(between)
        yield name, value.strip()


def _shown(n_bytes: int) -> str:
    unit, size = next((unit for unit in _UNITS if n_bytes >= unit[1]), _UNITS[-1])
    return f"{n_bytes / size:,.1f} {unit}"
