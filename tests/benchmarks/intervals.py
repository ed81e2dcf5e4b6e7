"""How often nncli's 95 % intervals hold the true value, on test rows drawn from known populations.

``python intervals.py [REPETITIONS]``, 2,000 if not given: some ten minutes on one core. Of each set of test rows,
``judge_held_out`` gives every metric's interval for one model and that of two models' difference in log loss, and
``calibration_error`` that of a model that is calibrated and of one that is too sure. The true values are those of a
million rows. Writes ``results/intervals.jsonl`` anew, a line for each population and number of rows.
"""

import json
import sys
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import numpy as np

from nncli.evaluation.comparison import Interval, judge_held_out
from nncli.evaluation.metrics import Floats, Labels
from nncli.evaluation.reliability import calibration_error
from nncli.settings import EvaluationSettings

RESULTS = Path(__file__).parent / "results" / "intervals.jsonl"
DRAWS = {200: 200, 1000: 150, 5000: 100}
"""By number of test rows. The intervals need the spread of the draws alone: a hundred tell it to 7 %."""
TRUTH_ROWS = 1_000_000


@dataclass(frozen=True)
class Population:
    """Rows whose class moves one of as many features; the network sees them clearer than the trees do."""

    n_classes: int
    rarest: float
    """Share of the last class; the others are equally frequent."""
    signal: float
    """How far a class moves its feature: 1 is hard, 2.5 is easy."""

    def draw(self, n_rows: int, random: np.random.Generator) -> tuple[Labels, dict[str, Floats]]:
        shares = np.append(np.full(self.n_classes - 1, (1 - self.rarest) / (self.n_classes - 1)), self.rarest)
        labels = random.choice(self.n_classes, size=n_rows, p=shares)
        features = self.signal * np.eye(self.n_classes)[labels] + random.normal(size=(n_rows, self.n_classes))

        def side(noise: float, sharpness: float) -> Floats:
            seen = features + noise * random.normal(size=features.shape)
            odds = shares * np.exp(sharpness * self.signal * seen)
            return odds / odds.sum(axis=1, keepdims=True)

        calibrated, too_sure = side(0.3, 1 / (1 + 0.3**2)), side(0.5, 1.2)
        return labels, {"network": calibrated, "trees": too_sure, "majority": np.tile(shares, (n_rows, 1))}


POPULATIONS = [
    Population(n_classes, rarest or round(1 / n_classes, 4), signal)
    for n_classes, rarest, signal in product((2, 3), (None, 0.1), (1.0, 2.5))
]


def main(repetitions: int = 2000) -> None:
    random = np.random.default_rng(0)
    lines = []
    for population in POPULATIONS:
        true = {name: found.value for name, found in intervals(*population.draw(TRUTH_ROWS, random), 1).items()}
        for n_rows, n_draws in DRAWS.items():
            found = [intervals(*population.draw(n_rows, random), n_draws) for _ in range(repetitions)]
            held = {name: np.mean([f[name].low <= true[name] <= f[name].high for f in found]) for name in true}
            cell = {**asdict(population), "n_rows": n_rows, "draws": n_draws, "repetitions": repetitions}
            lines.append({**cell, "true": rounded(true), "held": rounded(held)})
            print(json.dumps(lines[-1]), flush=True)
    RESULTS.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def intervals(labels: Labels, probabilities: dict[str, Floats], n_draws: int) -> dict[str, Interval]:
    """Every interval that is checked, by name."""
    judged = judge_held_out(labels, probabilities, EvaluationSettings(bootstrap_draws=n_draws))
    verdict = judged.verdict
    sides = {"calibrated": "network", "too sure": "trees"}
    errors = {name: calibration_error(labels, probabilities[side], 0.95) for name, side in sides.items()}
    return {
        **judged.scores["network"],
        "difference in log_loss": Interval(verdict.difference, verdict.low, verdict.high),
        **{f"calibration error, {name}": error for name, error in errors.items()},
    }


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in values.items()}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
