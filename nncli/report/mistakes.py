"""Where a model is right and wrong, as keys of a JSON document."""

from dataclasses import asdict
from typing import Any

from nncli.prediction.mistakes import Mistakes


def mistakes_document(found: Mistakes) -> dict[str, Any]:
    """Those of ``nncli evaluate`` and ``nncli train`` alike."""
    return {
        "confusion": found.confusion.tolist(),
        "per_class": [asdict(scores) for scores in found.per_class],
        "slices": asdict(found.slices),
        "wrong": [asdict(row) for row in found.wrong],
    }
