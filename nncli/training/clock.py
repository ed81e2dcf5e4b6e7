"""How a time limit is shared out."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """The time that is left, for the parts of a run one after the other: what one does not need is the next one's."""

    end: float | None
    """On the clock of ``time.monotonic``; ``None``: there is no limit, and no part ever has to end."""

    def deadline(self, share: float, reserve: float = 0.0) -> float | None:
        """When a part must end that may take a share of what is left beyond a reserve in seconds."""
        if self.end is None:
            return None
        now = time.monotonic()
        return now + share * max(0.0, self.end - reserve - now)
