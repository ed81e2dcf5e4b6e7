"""What a check found, as a value."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["info", "warn", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing to know about the data."""

    code: str
    """A stable name for programs, such as ``id-column``."""
    level: Level
    columns: tuple[str, ...]
    message: str
    """One sentence for people."""
