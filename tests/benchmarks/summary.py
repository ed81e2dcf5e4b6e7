"""Makes RESULTS.md of the lines that ``accuracy.py`` appended: ``python tests/benchmarks/summary.py``."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

HERE = Path(__file__).parent
NNCLI = ["nncli", "nncli-quick", "nncli-best"]
TREES = ["hgb", "hgb-careful", "lightgbm", "xgboost", "catboost"]
NETWORKS = ["realmlp-td", "tabm-d"]
MACHINE = "cpus", "machine", "date", "version"
ABOUT = "figure", "check", "table", "batch_size"
"""What tells the figures of cost.py and gpu.py from each other."""
MANY_TEST_ROWS = 2000
"""So many tell calibration errors of models that are well calibrated."""
HEADER = (
    "Made by `summary.py`; do not edit. Log loss is of test rows, means over the splits that all contenders finished; "
    "a rank is over the tables that all finished. Seconds are those of the fit (of nncli: the network's part, all "
    "that was tried included); their ratio is the median over fits on the same rows in the same run. Memory is the "
    "median peak of a whole process."
)


def main() -> None:
    lines = read_lines("accuracy.jsonl")
    fits = latest(pd.DataFrame(lines))
    sections = [
        "# Results",
        f"{HEADER} Machine: {fits.cpus.iloc[0]} cores, {fits.machine.iloc[0]}. Versions: {versions(fits)}.",
    ]
    present = set(fits.model)
    for name in [name for name in NNCLI if name in present]:
        sections += [f"## {name}", *against(fits, name, "Trees", TREES), losses(fits, name)]
        if present.issuperset(NETWORKS):
            sections += against(fits, name, "All", [*TREES, *NETWORKS])
    sections += [*unfinished(lines), *cost(), *prediction(), *student(), *sets(), *calibration()]
    sections += [*intervals(), *verdicts(), *leaks(), *ablation(), (HERE / "notes.md").read_text().strip()]
    (HERE / "RESULTS.md").write_text("\n\n".join(sections) + "\n")


def latest(fits: pd.DataFrame) -> pd.DataFrame:
    """The newest line of each fit, where it succeeded; of nncli, those of its newest version alone."""
    newest = fits.groupby("model")["version"].transform("last")
    fits = fits[~fits["model"].isin(NNCLI) | (fits["version"] == newest)]
    fits = fits.drop_duplicates(["table", "split", "model"], keep="last")
    return fits[fits["log_loss"].notna()]


def unfinished(lines: list[dict[str, Any]]) -> list[str]:
    """Fits that failed, and have not succeeded since."""
    newest = pd.DataFrame(lines).drop_duplicates(["table", "split", "model"], keep="last")
    failed = newest[newest["log_loss"].isna()]
    if failed.empty:
        return []
    named = [f"- {row.model} on {row.table}, split {row.split}: {row.error}" for row in failed.itertuples()]
    return ["## Not finished", "\n".join(named)]


def prediction() -> list[str]:
    """The newest measurement of whole commands."""
    newest = read_lines("prediction.jsonl")[-1]
    memory = newest.pop("memory_mb")
    rows = [f"| {name} | {value} |" for name, value in newest.items() if name not in ("table", *MACHINE)]
    rows += [f"| peak MB, {name} | {peak} |" for name, peak in memory.items()]
    about = f"Table {newest['table']}, version {newest['version']}, {newest['cpus']} cores; see prediction.py."
    return ["## Prediction", f"{about} Seconds, and medians of ratios.", "\n".join(["| | |", "| --- | --- |", *rows])]


def student() -> list[str]:
    """What the fast network loses, table by table."""
    found = pd.DataFrame(read_lines("student.jsonl"))
    seconds = pd.DataFrame(found["seconds"].tolist())
    rows = [
        f"| {row.table} | {row.network:.4f} | {row.fast:.4f} | {row.lost:+.1%} | {row.test_rows:,} | {row.nets} |"
        for row in found.itertuples()
    ]
    head = ["| table | network | fast | lost | test rows | nets |", "| --- | --- | --- | --- | --- | --- |"]
    mean, median = found["lost"].mean(), found["lost"].median()
    nats = (found["fast"] - found["network"]).mean()
    share = (seconds["fast"] / seconds["network"]).median()
    about = (
        f"Log loss on nncli's own test rows. Mean {mean:+.1%}, median {median:+.1%}; mean {nats:+.4f} nats. Teaching "
        f"takes {share:.2f} of the network's seconds in the median, before and after the verdict together."
    )
    return ["## The fast network", about, "\n".join([*head, *rows])]


def verdicts() -> list[str]:
    """How often a side won where there was nothing to win, and how often a difference was found that there was."""
    lines = read_lines("verdicts.jsonl")
    if not lines:
        return []
    null = [nothing_to_win(lines, part) for part in ("shuffled", "itself") if any(e["part"] == part for e in lines)]
    about = (
        "Shuffled: rows of real tables whose labels were shuffled. Itself: the network against the network of another "
        "seed, on real tables. Both at `--effort quick`, 300 rows. Planted: two regressions on made-up tables of which "
        "the second lacks a column; the difference is that in log loss after learning from four fifths of the rows. "
        "Folds are repeated and stopped as by compare-baseline."
    )
    planted = [
        [
            f"{line['rows']:,}",
            f"{line['difference']:+.4f}",
            *(f"{line[kind] / line['runs']:.1%}" for kind in ("train", "compare")),
            *(f"{line['wrong'][kind] / line['runs']:.1%}" for kind in ("train", "compare")),
        ]
        for line in lines
        if line["part"] == "planted"
    ]
    columns = ["rows", "difference", "train finds it", "compare-baseline", "train, wrong side", "compare-baseline"]
    heads = ["", "runs", "winners by train", "winners by compare-baseline", "within chance of 5 %", "folds"]
    return ["## Verdicts", about, rows_of_markdown(heads, null), rows_of_markdown(columns, planted)]


def nothing_to_win(lines: list[dict[str, Any]], part: str) -> list[str]:
    """How often there was a winner all the same; up to how many the luck of 5 % goes in 39 of 40 cases."""
    runs = [line for line in lines if line["part"] == part]
    n_winners = {
        kind: sum(run[kind] != "no clear difference" for run in runs) if kind in runs[0] else None
        for kind in ("train", "compare")
    }
    most = int(binom.ppf(0.975, len(runs), 0.05))
    folds = np.mean([run["folds"] for run in runs])
    return [part, str(len(runs)), *("" if n is None else str(n) for n in n_winners.values()), str(most), f"{folds:.1f}"]


def leaks() -> list[str]:
    """How many planted leaks the guard finds, and what it says of the tables as they are."""
    lines = read_lines("leaks.jsonl")
    if not lines:
        return []
    plain, planted = ([line for line in lines if (line["leak"] is None) == is_plain] for is_plain in (True, False))
    rows = []
    for kind in dict.fromkeys(line["leak"] for line in planted):
        of_kind = [line for line in planted if line["leak"] == kind]
        missed = [line["table"] for line in of_kind if not line["codes"]]
        found_as = sorted({f"{code} ({level})" for line in of_kind for level, code in line["codes"]})
        n_found = f"{len(of_kind) - len(missed)} of {len(of_kind)}"
        rows.append([of_kind[0]["about"].rstrip("."), n_found, ", ".join(missed), ", ".join(found_as)])
    levels = [found[0] for line in plain for found in line["codes"]]
    n_errors, n_warnings = levels.count("error"), levels.count("warn")
    largest = max(plain, key=lambda line: line["rows"])
    about = (
        f"Leaks of ten kinds, planted in each of {len(plain)} tables. The tables as they are get {n_errors} findings "
        f"of level error and {n_warnings} of level warn, below; all that is looked at in the largest, "
        f"{largest['rows']:,} rows, takes {largest['seconds']} s. Rows of few discrete cells are alike by chance: "
        "there repeated rows cannot be told from others."
    )
    warned = [
        [line["table"], ", ".join(" ".join(found[1:]) for found in line["codes"])] for line in plain if line["codes"]
    ]
    heads = ["planted", "found", "missed", "as"]
    return ["## Leaks", about, rows_of_markdown(heads, rows), rows_of_markdown(["table as it is", "warnings"], warned)]


def cost() -> list[str]:
    """The newest line of each figure that ``cost.py`` and ``gpu.py`` measured."""
    newest: dict[str, list[str]] = {}
    for line in [*read_lines("cost.jsonl"), *read_lines("gpu.jsonl")]:
        about = ", ".join(str(line[name]) for name in ABOUT if name in line)
        values = ", ".join(f"{name} {value}" for name, value in line.items() if name not in (*MACHINE, *ABOUT))
        newest[about] = [about, line["version"], values]
    return ["## Cost", rows_of_markdown(["figure", "version", "found"], newest.values())] if newest else []


def read_lines(name: str) -> list[dict[str, Any]]:
    path = HERE / "results" / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def versions(fits: pd.DataFrame) -> str:
    pairs = fits.drop_duplicates(["model", "version"])[["model", "version"]].itertuples(index=False)
    return ", ".join(f"{model} {version}" for model, version in pairs)


def wide(fits: pd.DataFrame, models: list[str], metric: str) -> pd.DataFrame:
    """Mean of a metric over the splits that all models finished: a row for each table, a column for each model."""
    rows = fits[fits.model.isin(models)]
    by_split = rows.pivot_table(index=["table", "split"], columns="model", values=metric)[models].dropna()
    return by_split.groupby("table").mean()


def against(fits: pd.DataFrame, name: str, title: str, rivals: list[str]) -> list[str]:
    log_loss, auc, accuracy = (wide(fits, [name, *rivals], metric) for metric in ("log_loss", "roc_auc", "accuracy"))
    ranks = pd.DataFrame(
        {
            "rank, log loss": log_loss.rank(axis=1).mean(),
            "rank, AUC": (-auc).rank(axis=1).mean(),
            "rank, accuracy": (-accuracy).rank(axis=1).mean(),
            f"{name} wins on log loss": log_loss.gt(log_loss[name], axis=0).mean(),
            f"{name} takes of its seconds": seconds_ratios(fits, name, rivals),
            "memory, MB": fits.groupby("model")["memory_mb"].median().reindex(log_loss.columns),
        }
    ).sort_values("rank, log loss")
    ranks.loc[name, ranks.columns[3:5]] = float("nan")
    return [f"### {title}, {len(log_loss)} tables", markdown(ranks, "contender")]


def seconds_ratios(fits: pd.DataFrame, name: str, rivals: list[str]) -> "pd.Series[float]":
    """Median over the fits that both finished in one run: a machine is faster on one day than on the next."""
    by_fit = fits[fits.model.isin([name, *rivals])].pivot_table(
        index=["table", "split", "run"], columns="model", values="seconds"
    )
    return by_fit.rdiv(by_fit[name], axis=0).median()


def sets() -> list[str]:
    """How often the sets of ``--coverage`` held the true class of test rows."""
    checks = pd.DataFrame([check for line in read_lines("student.jsonl") for check in line.get("sets", [])])
    if checks.empty:
        return []
    bands = [classes_outside(check) for _, check in checks.iterrows()]
    checks[["classes", "below", "above"]] = pd.DataFrame(bands, index=checks.index)
    groups = checks.groupby(["side", "method", "each class", "coverage"], sort=False)
    rows = [
        [side, method, "each class" if each else "one limit", f"{asked:.0%}", f"{group.value.mean():.3f}"]
        + [f"{x:.3f}" for x in (group.value.min(), group.value.max(), group.mean_size.mean())]
        + [f"{group[what].sum()} of {group.classes.sum()}" for what in ("below", "above")]
        for (side, method, each, asked), group in groups
    ]
    header = ["side", "sets", "rule", "asked", "held, mean", "least", "most", "classes in a set"]
    note = (
        "Limits from the validation rows, held against the test rows of nncli's own split; least and most are of "
        "tables with as few as 53 test rows. Classes below and above the band in which 99.9 % of such classes lie."
    )
    return ["## Sets of classes", note, rows_of_markdown([*header, "below band", "above band"], rows)]


def calibration() -> list[str]:
    """Calibration errors of the served models, and of default trees fitted to the same rows."""
    records = [line for line in read_lines("student.jsonl") if "ece" in line]
    if not records:
        return []
    sides = ["network", "trees", "trees_default"]
    rows = [
        [line["table"], f"{line['n_test']:,}"]
        + ["{value:.4f} ({low:.3f} to {high:.3f})".format(**line["ece"][side]) for side in sides]
        for line in records
    ]
    if large := [line["ece"] for line in records if line["n_test"] >= MANY_TEST_ROWS]:
        means = [f"{np.mean([errors[side]['value'] for errors in large]):.4f}" for side in sides]
        rows.append([f"mean of {len(large)} tables", f"{MANY_TEST_ROWS:,} and more", *means])
    note = (
        "Expected calibration error of the most probable class, chance taken off, with 95 % intervals, on rows that "
        "nobody was given; trees (default) are scikit-learn's, not calibrated."
    )
    return ["## Calibration", note, rows_of_markdown(["table", "rows", "network", "trees", "trees (default)"], rows)]


def intervals() -> list[str]:
    """How often intervals held the true value of known populations."""
    lines = read_lines("intervals.jsonl")
    if not lines:
        return []
    held = pd.DataFrame([line["held"] for line in lines])
    sizes = pd.Series([line["n_rows"] for line in lines])
    found = pd.DataFrame({"all": held.mean(), "least": held.min(), "most": held.max()})
    for n_rows, group in held.groupby(sizes):
        found[f"{n_rows:,} rows"] = group.mean()
    note = (
        f"Share of {lines[0]['repetitions']:,} sets of test rows of each of {len(lines)} kinds (two and three classes, "
        "easy and hard, all as frequent or one of 10 %; 200, 1,000, 5,000 rows) whose 95 % interval held the true "
        "value, in per cent; see intervals.py."
    )
    return ["## Intervals", note, markdown(100 * found, "interval of", digits=1)]


def classes_outside(check: "pd.Series[Any]") -> tuple[int, int, int]:
    """Classes with test rows, and how many of them were covered too rarely or too often for chance."""
    known = [(share, n) for share, n in zip(check.by_class, check.class_rows, strict=True) if n]
    below = sum(binom.cdf(round(share * n), n, check.coverage) < 0.0005 for share, n in known)
    above = sum(binom.sf(round(share * n) - 1, n, check.coverage) < 0.0005 for share, n in known)
    return len(known), below, above


def ablation() -> list[str]:
    """Each ingredient of the default changed, against the recipe on the same split of the same table."""
    lines = read_lines("ablation.jsonl")
    if not lines:
        return []
    fits = pd.DataFrame(lines).drop_duplicates(["table", "split", "change", "version"], keep="last")
    # A change counts in the newest version in which it was measured, against the recipe of that version.
    fits = fits[
        (fits["version"] == fits.groupby("change")["version"].transform("last")) | (fits.change == "the recipe")
    ]
    same = ["table", "split", "version"]
    recipe = fits[fits.change == "the recipe"].set_index(same)
    changed = fits[fits.change != "the recipe"].set_index(same)
    base = recipe.loc[changed.index]
    changed["log loss, %"] = 100 * np.log(changed.log_loss.to_numpy() / base.log_loss.to_numpy())
    changed["AUC, points"] = 100 * (changed.roc_auc.to_numpy() - base.roc_auc.to_numpy())
    changed["worse on"] = (changed.log_loss.to_numpy() > base.log_loss.to_numpy()).astype(float)
    changed["seconds, factor"] = np.log(changed.seconds.to_numpy() / base.seconds.to_numpy())
    columns = ["log loss, %", "AUC, points", "worse on", "seconds, factor"]
    by_table = changed.groupby(["change", "table"])[columns].mean().groupby("change")
    found = by_table.mean()
    found.insert(1, "± standard error", by_table["log loss, %"].sem())
    found.insert(2, "median, %", by_table["log loss, %"].median())
    found["seconds, factor"] = np.exp(found["seconds, factor"])
    found["tables"] = by_table.size().astype(float)
    note = (
        "One ingredient of the default changed at a time, in the newest version in which that was measured, against "
        "the recipe of that version; plus is worse for log loss. Means over tables of the change of the logarithm of "
        "the log loss (in per cent; penguins and breast_cancer_wdbc, with losses near zero on a hundred rows, move it "
        "most: see the median) and of AUC, the share of fits on which the log loss is worse, and the geometric mean of "
        "the factor on seconds."
    )
    return ["## Ingredients", note, markdown(found.sort_values("log loss, %", ascending=False), "change")]


def losses(fits: pd.DataFrame, name: str) -> str:
    return markdown(wide(fits, [name, *TREES], "log_loss"), "log loss", digits=4)


def markdown(frame: pd.DataFrame, corner: str, digits: int = 2) -> str:
    rows = [
        [str(label), *("" if pd.isna(value) else f"{value:.{digits}f}" for value in values)]
        for label, values in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    return rows_of_markdown([corner, *map(str, frame.columns)], rows)


def rows_of_markdown(header: list[str], rows: Iterable[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])


if __name__ == "__main__":
    main()
