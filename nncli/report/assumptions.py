"""The two things that networks rest on, in sentences: enough rows, and a training that ends well."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nncli.evaluation.comparison import Interval
from nncli.report.names import IN_SENTENCES


@dataclass(frozen=True)
class SizePoint:
    """Log losses on the same test rows after learning from some of the rows."""

    n_rows: int
    """That were learned from, validation rows among them."""
    losses: Mapping[str, float]
    """By side."""


@dataclass(frozen=True)
class Growth:
    """Whether more rows would help."""

    points: Sequence[SizePoint]
    """From few rows to all."""
    n_folds: int
    gains: Mapping[str, Interval]
    """By side: how much twice as many rows would lower the log loss, extrapolated."""


@dataclass(frozen=True)
class SeedSpread:
    """Networks of several seeds on the same rows."""

    losses: Sequence[float]
    """Log losses on the same test rows."""
    deviation: float
    gap: float
    """How much the network is better than the opponent over all folds."""


@dataclass(frozen=True)
class Optimisation:
    """How the training of the network went."""

    gaps: Mapping[str, Interval]
    """By side, how much lower its log loss is on training rows than on validation rows."""
    dead_units: Sequence[float]
    """Share of each hidden layer's units that say the same of every row."""
    gradient_norms: Sequence[float]
    """By epoch."""
    converged: bool
    epochs: int
    best_epoch: int
    n_folds: int = 1
    """That were trained; the rest is told of the one that was looked at."""
    n_converged: int = 1


def growth_sentence(growth: Growth) -> str:
    """Whether more rows would help, and whom."""
    parts = [
        f"of {IN_SENTENCES[side]} by {gain.value:.4f} ({gain.low:.4f} to {gain.high:.4f})"
        for side, gain in growth.gains.items()
    ]
    words = {side: _helps(gain, 0.01 * growth.points[-1].losses[side]) for side, gain in growth.gains.items()}
    by_word: dict[str, list[str]] = {}
    for side, word in words.items():
        by_word.setdefault(word, []).append(IN_SENTENCES[side])
    told = "; ".join(f"{word} {' and '.join(sides)}" for word, sides in by_word.items())
    return f"More rows {told}: twice as many should lower the log loss {' and '.join(parts)}."


def _helps(gain: Interval, worth: float) -> str:
    """By a gain and what is worth having."""
    if gain.low > worth:
        return "would help"
    return "would hardly help" if gain.high < worth else "may or may not help"


def seeds_sentence(spread: SeedSpread, opponent: str) -> str:
    """Whether the luck of a seed is small beside the gap."""
    small = abs(spread.gap) > 2 * spread.deviation
    luck = "small beside" if small else "not small beside"
    return (
        f"The luck of a seed is {luck} the gap to {IN_SENTENCES[opponent]}: networks of {len(spread.losses)} seeds "
        f"on the same rows differ by {spread.deviation:.4f} (standard deviation of the log loss), the gap in log loss "
        f"is {spread.gap:+.4f}."
    )


def optimisation_sentences(found: Optimisation) -> list[str]:
    """Whether the training converged, its units are in use, and how far it knows its own rows better than others."""
    norms = [norm for norm in found.gradient_norms if norm == norm]
    norm = f"; the gradient's norm went from {norms[0]:.3g} to {norms[-1]:.3g}" if norms else ""
    dead = ", ".join(f"{share:.1%}" for share in found.dead_units)
    gaps = " and ".join(f"{gap.value:+.4f} for {IN_SENTENCES[side]}" for side, gap in found.gaps.items())
    return [
        f"{_ending(found)}best epoch {found.best_epoch} of {found.epochs}{norm}).",
        *([f"Units of the hidden layers that are never used: {dead}."] if dead else []),
        f"From training to validation rows the log loss changes by {gaps}.",
    ]


def _ending(found: Optimisation) -> str:
    if found.n_folds > 1:
        return (
            f"The validation loss had stopped falling in {found.n_converged} of {found.n_folds} folds (the one that is "
            "looked at here: "
        )
    return f"The validation loss {'had stopped falling' if found.converged else 'was still falling'} ("


@dataclass(frozen=True)
class Assumptions:
    """All of it; what was not looked at is none."""

    optimisation: Optimisation
    growth: Growth | None = None
    seeds: SeedSpread | None = None

    def sentences(self, opponent: str) -> list[str]:
        """One for each thing that was looked at."""
        growth = [growth_sentence(self.growth)] if self.growth else []
        seeds = [seeds_sentence(self.seeds, opponent)] if self.seeds else []
        return [*growth, *seeds, *optimisation_sentences(self.optimisation)]

    def document(self, opponent: str) -> dict[str, Any]:
        """As JSON values, plots' data and sentences."""
        return {**asdict(self), "sentences": self.sentences(opponent)}
