"""When which of two classes is predicted: a rule, the thresholds that came of it, and rows decided by them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nncli.evaluation.metrics import Floats, Labels
from nncli.settings import Costs, Side


@dataclass(frozen=True)
class DecisionRule:
    """What a threshold is chosen for: the least cost, a precision, or, where neither is given, the largest F1."""

    positive: int
    """Number of the positive class: the one that the threshold, precision, recall and F1 are about."""
    costs: Costs | None
    precision: float | None

    @property
    def kind(self) -> Literal["cost", "precision", "f1"]:
        """The rule in one word."""
        if self.costs is not None:
            return "cost"
        return "f1" if self.precision is None else "precision"

    def is_sound(self) -> bool:
        """Whether its numbers are such as the command line takes."""
        has_one = self.costs is None or self.precision is None
        costs_can_be = self.costs is None or self.costs.are_in_range
        return (
            self.positive in (0, 1) and has_one and costs_can_be and (self.precision is None or 0 < self.precision < 1)
        )


@dataclass(frozen=True)
class Border:
    """Between two classes."""

    positive: int
    """Number of the class that is predicted from the threshold on."""
    threshold: float

    def predicted(self, proba: Floats) -> Labels:
        """The class number of each row; probabilities count in single precision, as they are written.

        Shape:
            ``(n_rows,)``.
        """
        is_positive = proba[:, self.positive].astype(np.float32) >= np.float32(self.threshold)
        return np.where(is_positive, self.positive, 1 - self.positive).astype(np.int64)


@dataclass(frozen=True)
class Decision:
    """A rule, and the threshold of each side: their probabilities differ."""

    rule: DecisionRule
    network: float
    trees: float
    blend: float
    fast: float | None
    """Of the small network, where there is one."""

    @property
    def thresholds(self) -> dict[Side, float]:
        """By side."""
        found: dict[Side, float] = {"network": self.network, "trees": self.trees, "blend": self.blend}
        return found if self.fast is None else {**found, "fast": self.fast}

    def border(self, side: Side) -> Border:
        """Of a side; that of the network for ``fast`` where there is no small one."""
        return Border(self.rule.positive, self.thresholds.get(side, self.network))

    def is_sound(self) -> bool:
        """Whether its numbers can be."""
        return self.rule.is_sound() and all(0 <= threshold <= 1 for threshold in self.thresholds.values())


def decide(proba: Floats, border: Border | None) -> Labels:
    """The class number of each row, shape ``(n_rows,)``: by the border, else the most probable.

    Args:
        proba: shape ``(n_rows, n_classes)``.
        border: between two classes; ``None``: there is none.
    """
    if border is not None:
        return border.predicted(proba)
    best: Labels = proba.argmax(axis=1)
    return best
