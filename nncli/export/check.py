"""Whether an exported model says what the model itself says: only then is it worth a file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nncli.errors import NncliError

TOLERANCE = 1e-5
"""Of a probability: single precision, added up in another order."""


@dataclass(frozen=True)
class Agreement:
    """What a comparison found."""

    n_inputs: int
    """Of the exported model."""
    n_rows: int
    difference: float
    """The largest of all probabilities."""
    runtime: str
    """What ran the exported model."""


def compare(found: NDArray[np.floating], expected: NDArray[np.float64], n_inputs: int, runtime: str) -> Agreement:
    """Compares probabilities, both ``(n_rows, n_classes)``.

    Raises:
        NncliError: they differ.
    """
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE:  # nor where it is not a number
        raise disagreement(f"a probability differs by {difference:.2g}", runtime)
    return Agreement(n_inputs, len(expected), difference, runtime)


def disagreement(what: str, runtime: str) -> NncliError:
    """The error for an exported model that says something else."""
    return NncliError(
        f"export: {what} between the model and its exported form in {runtime}; nothing was written; please report it"
    )
