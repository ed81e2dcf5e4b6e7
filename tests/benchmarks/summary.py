"""Makes RESULTS.md of the lines that ``accuracy.py`` appended: ``python tests/benchmarks/summary.py``."""

import json
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
PEERS = ["hgb", "hgb-careful", "lightgbm", "xgboost", "catboost"]
NETWORKS = ["realmlp-td", "tabm-d"]


def main() -> None:
    lines = [json.loads(line) for line in (HERE / "results" / "accuracy.jsonl").read_text().splitlines()]
    fits = latest(pd.DataFrame(lines))
    sections = [
        "# Results",
        f"{HEADER} Machine: {fits.cpus.iloc[0]} cores, {fits.machine.iloc[0]}. Versions: {versions(fits)}.",
    ]
    for name in ("nncli", "nncli-quick", "nncli-best"):
        if name in set(fits.model):
            sections += [f"## {name}", *against(fits, name)]
    (HERE / "RESULTS.md").write_text("\n\n".join(sections) + "\n")


HEADER = (
    "Made by `summary.py`; do not edit. Log loss is of test rows, means over splits; a rank is over the tables that "
    "all contenders finished. Seconds are those of the fit (of nncli: the network's part)."
)


def latest(fits: pd.DataFrame) -> pd.DataFrame:
    """The newest line of each fit that succeeded: an older recipe of nncli is not averaged in."""
    good = fits[fits["log_loss"].notna()] if "log_loss" in fits else fits
    return good.drop_duplicates(["table", "split", "model"], keep="last")


def versions(fits: pd.DataFrame) -> str:
    pairs = fits.drop_duplicates(["model", "version"])[["model", "version"]].itertuples(index=False)
    return ", ".join(f"{model} {version}" for model, version in pairs)


def against(fits: pd.DataFrame, name: str) -> list[str]:
    blocks = []
    for title, rivals in (("Trees", PEERS), ("All", [*PEERS, *NETWORKS])):
        present = [rival for rival in rivals if rival in set(fits.model)]
        if present != rivals and title == "All":
            continue
        mean = fits[fits.model.isin([name, *present])].groupby(["table", "model"]).mean(numeric_only=True)
        wide = {metric: mean[metric].unstack().dropna() for metric in ("log_loss", "roc_auc", "accuracy", "seconds")}
        ranks = pd.DataFrame(
            {
                "rank, log loss": wide["log_loss"].rank(axis=1).mean(),
                "rank, AUC": (-wide["roc_auc"]).rank(axis=1).mean(),
                "rank, accuracy": (-wide["accuracy"]).rank(axis=1).mean(),
                f"{name} wins on log loss": wide["log_loss"].gt(wide["log_loss"][name], axis=0).mean(),
                f"{name} takes of its seconds": (1 / wide["seconds"].div(wide["seconds"][name], axis=0)).median(),
            }
        ).sort_values("rank, log loss")
        ranks.loc[name, ranks.columns[3:]] = float("nan")
        blocks += [f"### {title}, {len(wide['log_loss'])} tables", markdown(ranks, "contender")]
        if title == "Trees":
            blocks.append(markdown(wide["log_loss"][[name, *present]], "log loss", digits=4))
    return blocks


def markdown(frame: pd.DataFrame, corner: str, digits: int = 2) -> str:
    rows = [[corner, *map(str, frame.columns)], ["---"] * (len(frame.columns) + 1)]
    for label, values in zip(frame.index, frame.to_numpy(), strict=True):
        rows.append([str(label), *("" if pd.isna(value) else f"{value:.{digits}f}" for value in values)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    main()
