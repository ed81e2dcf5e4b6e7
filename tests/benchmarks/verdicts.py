"""How often verdicts are wrong, and what they can find: ``python verdicts.py FOLDER PART RUNS [FIRST]``.

Parts: ``shuffled``: real tables whose labels were shuffled, so that no side can be better; ``itself``: the network
against the network of another seed; ``planted``: two logistic regressions whose true difference is known, over
thousands of simulated tables. Every part appends lines to ``results/verdicts.jsonl``; ``summary.py`` counts them.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from tables import Table, read_index

from nncli.evaluation.comparison import judge_held_out
from nncli.evaluation.folds import is_foreseen, judge_folds
from nncli.evaluation.metrics import by_name, score
from nncli.experiment.repeated import Folds, test_share
from nncli.experiment.scoring import answering_sides, score_test_rows
from nncli.fitting.context import Context
from nncli.fitting.sides import fit_sides
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.settings import EvaluationSettings, RepeatSettings, RunSettings
from nncli.table.reading import Table as ReadTable
from nncli.table.split import make_folds, make_split

RESULTS = Path(__file__).parent / "results" / "verdicts.jsonl"
N_ROWS, N_FOLDS, N_ROUNDS = 300, 5, 3
EVALUATION = EvaluationSettings()


class Silent:
    """An observer that says nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


def main(folder: str, part: str, n_runs: int, first: int = 0) -> None:
    runs = {"shuffled": shuffled, "itself": itself, "planted": planted}[part]
    with RESULTS.open("a") as file:
        for record in runs(read_index(Path(folder)), range(first, n_runs)):
            print(json.dumps({"part": part, **record}), file=file, flush=True)


def shuffled(tables: Sequence[Table], numbers: range) -> Iterator[dict[str, object]]:
    """Labels in random order: train's verdict, and that of repeated cross-validation."""
    for run in numbers:
        start, table = time.monotonic(), tables[run % len(tables)]
        random = np.random.default_rng(run)
        examined = examine(table, random, shuffle=True)
        settings = RunSettings(effort="quick", seed=run, threads=1)
        folds, _ = Folds(examined, settings, RepeatSettings(n_rounds=N_ROUNDS), Silent(), start).folds()
        repeated = judge_folds([fold.scores for fold in folds], test_share(folds), EVALUATION)
        yield {
            "run": run,
            "table": table.name,
            "train": held_out_word(examined, settings),
            "compare": repeated.verdict.word,
            "folds": len(folds),
            "seconds": round(time.monotonic() - start, 1),
        }


def held_out_word(table: ExaminedTable, settings: RunSettings) -> str:
    """Of the verdict of ``train``, without the model that is kept."""
    split = make_split(table.arrangement, settings.split, settings.seed)
    fitted_sides = fit_sides(table, split, Context(settings, Silent(), learns_on=False))
    test = score_test_rows(table, split, fitted_sides, answering_sides(fitted_sides))
    return judge_held_out(test.labels, test.probabilities, EVALUATION).verdict.word


def itself(tables: Sequence[Table], numbers: range) -> Iterator[dict[str, object]]:
    """The network of two seeds on the same folds: they differ by chance alone."""
    for run in numbers:
        start, table = time.monotonic(), tables[run % len(tables)]
        examined = examine(table, np.random.default_rng(run), shuffle=False)
        verdict, n_folds = judged(lambda r, e=examined, seed=run: two_networks(e, seed, r))  # type: ignore[misc]
        seconds = round(time.monotonic() - start, 1)
        yield {"run": run, "table": table.name, "compare": verdict, "folds": n_folds, "seconds": seconds}


def two_networks(table: ExaminedTable, seed: int, round_number: int) -> list[dict[str, dict[str, float]]]:
    settings, folds = RunSettings(effort="quick", seed=seed, threads=1), []
    splits = make_folds(table.arrangement, settings.split, seed, round_number)
    for number, split in enumerate(splits):
        answers = []
        for half in range(2):
            of_seed = replace(settings, seed=1_000_000 * (half + 1) + 1000 * seed + 10 * round_number + number)
            context = Context(of_seed, Silent(), learns_on=False)
            fitted_sides = fit_sides(table, split, context)
            answers.append(score_test_rows(table, split, fitted_sides, answering_sides(fitted_sides)))
        sides = {"network": answers[0].probabilities["network"], "trees": answers[1].probabilities["network"]}
        sides["majority"] = answers[0].probabilities["majority"]
        folds.append({side: by_name(score(answers[0].labels, proba)) for side, proba in sides.items()})
    return folds


def judged(make_round: Callable[[int], list[dict[str, dict[str, float]]]]) -> tuple[str, int]:
    """The word of rounds of folds, stopped as ``compare-baseline`` stops them; and how many folds it took."""
    folds: list[dict[str, dict[str, float]]] = []
    share = 1 / (N_FOLDS - 1)
    for round_number in range(N_ROUNDS):
        folds += make_round(round_number)
        n_more = N_FOLDS * N_ROUNDS - len(folds)
        if n_more and is_foreseen(folds, n_more, share, EVALUATION):
            break
    return judge_folds(folds, share, EVALUATION).verdict.word, len(folds)


def examine(table: Table, random: np.random.Generator, shuffle: bool) -> ExaminedTable:
    """Some rows of a table."""
    frame = pd.read_csv(table.path, dtype=str, keep_default_na=False)
    frame = frame[frame[table.target] != ""].drop(columns=list(table.id_columns))
    frame = frame.iloc[random.permutation(len(frame))[:N_ROWS]]
    counts = frame[table.target].value_counts()
    known = counts[(counts >= 10) | (np.arange(counts.size) < 2)].index
    frame = frame[frame[table.target].isin(known)].reset_index(drop=True)
    if shuffle:
        frame[table.target] = random.permutation(frame[table.target].to_numpy())
    rows = pa.RecordBatch.from_pandas(frame.astype(str), preserve_index=False)
    return examine_table(ReadTable(rows, f"{table.name}.csv", "0" * 64, "made"), table.target)


N_COLUMNS = 5
WEIGHTS = (0.0, 0.25, 0.35, 0.5, 0.7, 1.0)
"""Of the column that only the first side sees; with none, either side lacks one column of the same weight."""


def planted(_: Sequence[Table], numbers: range) -> Iterator[dict[str, object]]:
    """Two regressions, the second without a column: the true difference is that of many large tables."""
    for n_rows in (300, 1000, 3000):
        for weight in WEIGHTS:
            truth = np.mean([true_difference(weight, n_rows, seed) for seed in range(40)])
            words: dict[str, list[str]] = {"train": [], "compare": []}
            for run in numbers:
                x, y = made_rows(np.random.default_rng([run, n_rows]), n_rows, weight)
                words["train"].append(of_one_split(x, y, weight, run))
                words["compare"].append(judged(lambda r, x=x, y=y, w=weight, s=run: regressions(x, y, w, s, r))[0])  # type: ignore[misc]
            found = {name: sum(word == "better" for word in of_name) for name, of_name in words.items()}
            wrong = {name: sum(word == "worse" for word in of_name) for name, of_name in words.items()}
            yield {
                "rows": n_rows,
                "weight": weight,
                "difference": float(truth),
                "runs": len(numbers),
                **found,
                "wrong": wrong,
            }


def made_rows(random: np.random.Generator, n_rows: int, weight: float) -> tuple[np.ndarray, np.ndarray]:
    x = random.normal(size=(n_rows, N_COLUMNS + 2))
    signal = np.full(N_COLUMNS + 2, 0.6)
    signal[-2:] = (weight, 0.0) if weight else (0.5, 0.5)
    return x, (random.random(n_rows) < 1 / (1 + np.exp(-x @ signal))).astype(np.int64)


def seen(weight: float, side: str) -> list[int]:
    """The columns of a side: the second lacks the weighted one; where none is, each lacks one of two alike."""
    common = list(range(N_COLUMNS))
    return [*common, N_COLUMNS] if side == "network" else [*common, *([] if weight else [N_COLUMNS + 1])]


def fitted(x: np.ndarray, y: np.ndarray, weight: float, side: str) -> Callable[[np.ndarray], np.ndarray]:
    columns = seen(weight, side)
    model = LogisticRegression().fit(x[:, columns], y)
    return lambda rows: model.predict_proba(rows[:, columns])


def true_difference(weight: float, n_rows: int, seed: int) -> float:
    """In log loss, of models that learned from as many rows as a fold has."""
    random = np.random.default_rng([seed, 7])
    x, y = made_rows(random, n_rows * 4 // 5, weight)
    x_new, y_new = made_rows(random, 100_000, weight)
    losses = [score(y_new, fitted(x, y, weight, side)(x_new)).log_loss for side in ("network", "trees")]
    return losses[1] - losses[0]


def answers(x: np.ndarray, y: np.ndarray, weight: float, test: np.ndarray) -> dict[str, np.ndarray]:
    learned = np.setdiff1d(np.arange(y.size), test)
    sides = {side: fitted(x[learned], y[learned], weight, side)(x[test]) for side in ("network", "trees")}
    share = y[learned].mean()
    return {**sides, "majority": np.tile([1 - share, share], (test.size, 1))}


def of_one_split(x: np.ndarray, y: np.ndarray, weight: float, run: int) -> str:
    test = np.random.default_rng(run).permutation(y.size)[: y.size // 5]
    return judge_held_out(y[test], answers(x, y, weight, test), EVALUATION).verdict.word


def regressions(
    x: np.ndarray, y: np.ndarray, weight: float, run: int, number: int
) -> list[dict[str, dict[str, float]]]:
    order = np.random.default_rng([run, number]).permutation(y.size)
    return [
        {side: by_name(score(y[test], proba)) for side, proba in answers(x, y, weight, test).items()}
        for test in np.array_split(order, N_FOLDS)
    ]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
