"""Where lines and marks of a plot are."""

import re

Place = tuple[float, float]


def line_places(plot: str, kind: str) -> list[Place]:
    """Where the line of a kind goes."""
    [path] = re.findall(rf'<path class="line {kind}" d="M([^"V]*)"', plot)
    return [(float(x), float(y)) for x, y in (place.split() for place in path.split("L"))]


def marks(plot: str) -> list[Place]:
    """Where the network's marks are."""
    found = re.findall(r'<circle class="mark net" cx="([\d.-]+)%?" cy="([\d.-]+)"', plot)
    return [(float(x), float(y)) for x, y in found]
