"""How much is read at once, so that a run stays below a cap on memory."""

import re
from pathlib import Path

from nncli.errors import UsageError, show
from nncli.prediction.pipeline import most_under_way
from nncli.table.reading import BLOCK_BYTES

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE = re.compile(r"(?P<number>\d+(\.\d+)?) ?(?P<unit>[kKmMgG]?)i?[bB]?")
_SMALLEST_BLOCK = 1 << 14
_FIXED = 14 << 20
"""Bytes that any prediction takes beyond what is loaded: stacks of threads, code that is loaded late."""
_USUAL = 100 << 20
"""Bytes of a process with a model loaded, where the system does not tell."""
_PER_BYTE = 24
"""Bytes that a byte of text under way takes at the most, as cells, features, activations and lines; 12 is usual."""


def parse_size(text: str) -> int:
    """Bytes.

    Raises:
        UsageError: it is no size.

    >>> parse_size("200MB"), parse_size("1.5G")
    (200000000, 1500000000)
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise UsageError(f"--memory: '{show(text)}' is no size; write one like 200MB or 1GB")
    return int(float(match["number"]) * _UNITS[match["unit"].upper()])


def block_bytes_within(memory: int, threads: int) -> int:
    """The largest block of text that keeps this process below a cap, with the model loaded.

    Args:
        memory: the cap, in bytes.
        threads: that predict.

    Raises:
        UsageError: the cap is below what the smallest blocks take.
    """
    taken = _peak_bytes() + _FIXED
    per_block_byte = _PER_BYTE * most_under_way(threads)
    least = taken + per_block_byte * _SMALLEST_BLOCK
    if memory < least:
        given = f"{memory / 1e6:,.0f} MB" if memory >= 1e6 else f"{memory:,} bytes"
        raise UsageError(f"--memory: {given} is too little; this model needs {least / 1e6:,.0f} MB")
    return min(BLOCK_BYTES, (memory - taken) // per_block_byte)


def _peak_bytes() -> int:
    """The most that this process has taken so far; where the system does not tell, what is usual."""
    status = Path("/proc/self/status")  # getrusage would count what the parent took, too
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) << 10 if found else _USUAL
