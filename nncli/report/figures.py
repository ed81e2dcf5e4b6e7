"""Each plot of the report's page, from the keys of its JSON document."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from nncli.evaluation.metrics import gain
from nncli.report.names import KINDS, METRIC_NAMES, SIDE_NAMES
from nncli.report.plots import Axes, Series, line_plot

Document = Mapping[str, Any]
_FEW_POINTS = 8
"""Of a line: then each is marked, for between them nothing is known."""


def learning_curve(document: Document) -> Markup:
    """Training and validation loss by epoch; the best epoch is marked."""
    curve = [p for p in document["curve"] if p["train_loss"] is not None and p["validation_loss"] is not None]
    best = document["network"].get("best_epoch")
    train = [(p["epoch"], p["train_loss"]) for p in curve]
    validation = [(p["epoch"], p["validation_loss"]) for p in curve]
    series = [Series("train", train), Series("net", validation, [p for p in validation if p[0] == best])]
    ends = (1.0, float(max(2, *(epoch for epoch, _ in train)))) if train else (1.0, 2.0)
    axes = Axes("epoch", "cross-entropy (nats)", x=ends, x_ticks=_whole_ticks(*ends))
    return line_plot(series, axes, f"training and validation loss by epoch; the best is epoch {best}")


def _whole_ticks(low: float, high: float) -> dict[float, str]:
    step = max(1, round((high - low) / 5))
    return (
        {float(n): str(n) for n in [1, *range(step, int(high) + 1, step)]}
        if step > 1
        else {float(n): str(n) for n in range(1, int(high) + 1)}
    )


def growth_plot(document: Document) -> Markup:
    """The log loss of both sides by the number of rows that were learned from, each twice the one before."""
    points = document["assumptions"]["growth"]["points"]
    series = [
        Series(KINDS[side], line, line)
        for side in ("trees", "network")
        for losses in [[point["losses"][side] for point in points]]
        for line in [[(float(i), loss) for i, loss in enumerate(losses) if loss is not None]]
    ]
    ticks = {float(i): f"{point['n_rows']:,}" for i, point in enumerate(points)}
    ends = (-0.15, len(points) - 0.85)
    axes = Axes("rows learned from", "log loss (nats)", x=ends, x_ticks=ticks)
    return line_plot(series, axes, "log loss by rows learned from")


def fold_plot(document: Document) -> Markup:
    """The difference in each fold; above zero the network is better."""
    metric, opponent = document["verdict"]["metric"], document["verdict"]["opponent"]
    pairs = [(fold["network"][metric], fold[opponent][metric]) for fold in document["folds"]]
    found = [(float(i), gain(metric, *pair)) for i, pair in enumerate(pairs, start=1) if None not in pair]
    ends = (0.5, len(pairs) + 0.5)
    zero = Series("ideal", [(ends[0], 0.0), (ends[1], 0.0)])
    axes = Axes("fold", f"{METRIC_NAMES[metric]}: network better by", x=ends, x_ticks=_whole_ticks(1, len(pairs)))
    return line_plot([zero, Series("net", [], found)], axes, "how much better the network is, fold by fold")


def ranking_plot(document: Document, name: str) -> Markup:
    """The ROC or the precision-recall curve of each side."""
    curves = document["curves"]
    sides = {side: found[name] for side, found in curves["sides"].items()}
    series = [Series(KINDS[side], list(zip(c["x"], c["y"], strict=True))) for side, c in reversed(sides.items())]
    areas = ", ".join(f"{SIDE_NAMES[side]} {curve['area']:.4f}" for side, curve in sides.items())
    if name == "roc":
        axes = Axes("false alarms, share of negatives", "found, share of positives", x=(0, 1), y=(0, 1))
        chance = [(0.0, 0.0), (1.0, 1.0)]
    else:
        axes = Axes("recall", "precision", x=(0, 1), y=(0, 1))
        share = curves["positive_share"]
        chance = [] if share is None else [(0.0, share), (1.0, share)]
    title = "ROC curve" if name == "roc" else "precision-recall curve"
    return line_plot([Series("ideal", chance), *series], axes, f"{title}; area: {areas}")


def reliability_plot(document: Document) -> Markup:
    """How often each side is right by how sure it is: with its interval for each bin; on the line is perfect."""
    bins = {side: evidence["bins"] for side, evidence in document["calibration"].items()}
    ends = [min(b["confidence"], b["correct"]["low"]) for of_side in bins.values() for b in of_side]
    low = min(ends, default=0.0)
    series = [
        Series(
            KINDS[side],
            [],
            [(b["confidence"], b["correct"]["value"]) for b in of_side],
            [(b["confidence"], b["correct"]["low"], b["correct"]["high"]) for b in of_side],
        )
        for side, of_side in bins.items()
    ]
    axes = Axes("probability of the predicted class", "share that is right", x=(low, 1.0), y=(low, 1.0))
    ideal = Series("ideal", [(low, low), (1.0, 1.0)])
    return line_plot([ideal, *series], axes, "share of right answers by the probability of the predicted class")


def dependence_plot(found: Mapping[str, Any]) -> Markup:
    """The mean probability of a class by one number."""
    grid: Sequence[float] = found["grid"]
    few = len(grid) <= _FEW_POINTS
    series = [
        Series(KINDS[side], line, line if few else ())
        for side in ("trees", "network")
        for line in [list(zip(grid, found[side], strict=True))]
    ]
    axes = Axes(found["column"], f"probability of {found['class']}", rug=found.get("deciles") or ())
    return line_plot(series, axes, f"mean probability of {found['class']} by {found['column']}")
