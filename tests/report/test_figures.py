"""The plots of a report, from its document."""

import copy
import re
from itertools import pairwise
from typing import Any

import pytest
from made_reports import full_document
from plot_marks import line_places, marks

from nncli.report import figures

DOCUMENT = full_document()


def changed(**keys: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DOCUMENT), **keys}


def reliability_bin(confidence: float, correct: float) -> dict[str, Any]:
    return {"n_rows": 100, "confidence": confidence, "correct": {"value": correct, "low": 0.6, "high": 0.95}}


def test_a_perfect_bin_is_drawn_on_the_diagonal_and_others_are_not() -> None:
    bins = [reliability_bin(p, p) for p in (0.7, 0.9)] + [reliability_bin(0.8, 0.65), reliability_bin(0.8, 0.95)]
    plot = figures.reliability_plot({"calibration": {"network": {"bins": bins}}})
    (x1, y1), (x2, y2) = line_places(plot, "ideal")
    above = [(y - y1) / (y2 - y1) - (x - x1) / (x2 - x1) for x, y in marks(plot)]
    assert above[:2] == [pytest.approx(0, abs=0.01)] * 2
    assert above[2] < -0.1  # less often right than it thinks
    assert above[3] > 0.1
    assert len(re.findall(r'<path class="line net" d="M[\d.]+ [\d.]+V[\d.]+"', plot)) == len(bins)


def test_every_bin_of_both_sides_is_drawn() -> None:
    plot = figures.reliability_plot(DOCUMENT)
    bins = {side: len(evidence["bins"]) for side, evidence in DOCUMENT["calibration"].items()}
    assert len(marks(plot)) == bins["network"]
    assert plot.count('class="mark trees"') == bins["trees"]


def ranking(roc: dict[str, Any]) -> dict[str, Any]:
    sides = {"network": {"roc": {"area": 1.0, **roc}, "precision_recall": {"x": [0, 1], "y": [1, 0.5], "area": 0.75}}}
    return {"curves": {"positive": "yes", "positive_share": 0.25, "sides": sides}}


def test_a_perfect_ranking_goes_through_the_corner_and_chance_along_the_diagonal() -> None:
    perfect = figures.ranking_plot(ranking({"x": [0, 0, 1], "y": [0, 1, 1]}), "roc")
    chance = figures.ranking_plot(ranking({"x": [0, 1], "y": [0, 1]}), "roc")
    start, corner, end = line_places(perfect, "net")
    assert corner == (start[0], end[1])
    assert line_places(perfect, "ideal") == [start, end] == line_places(chance, "net")
    assert 'aria-label="ROC curve; area: network 1.0000"' in perfect


def test_chance_finds_as_many_as_there_are() -> None:
    document = ranking({"x": [0, 1], "y": [0, 1]})
    plot = figures.ranking_plot(document, "precision_recall")
    (left, top), (right, middle) = line_places(plot, "net")
    quarter = top + 0.75 * 2 * (middle - top)
    assert line_places(plot, "ideal") == [(left, quarter), (right, quarter)]
    document["curves"]["positive_share"] = None  # a mean over classes
    assert "ideal" not in figures.ranking_plot(document, "precision_recall")


@pytest.mark.parametrize("name", ["roc", "precision_recall"])
def test_each_side_has_its_curve(name: str) -> None:
    plot = figures.ranking_plot(DOCUMENT, name)
    assert all(plot.count(f'class="line {kind}"') == 1 for kind in ("net", "trees", "default", "ideal"))


def test_the_best_epoch_is_marked() -> None:
    plot = figures.learning_curve(DOCUMENT)  # validation losses 0.6, 0.55, 0.58
    line = line_places(plot, "net")
    assert marks(plot) == [max(line, key=lambda place: place[1])] == [line[1]]
    assert len(line_places(plot, "train")) == 3
    assert re.findall(r'middle">(\d)<', plot) == ["1", "2", "3"]


def test_epochs_without_a_loss_are_left_out() -> None:
    curve = [{"epoch": 4, "train_loss": None, "validation_loss": None}]
    plot = figures.learning_curve(changed(curve=[*DOCUMENT["curve"], *curve]))
    assert plot == figures.learning_curve(DOCUMENT)
    assert figures.learning_curve(changed(curve=curve)) == ""
    assert marks(figures.learning_curve(changed(network={}))) == []


@pytest.mark.parametrize("n_epochs", [1, 2, 7, 100, 12345])
def test_epochs_are_whole(n_epochs: int) -> None:
    curve = [{"epoch": e, "train_loss": 1 / e, "validation_loss": 2 / e} for e in (1, n_epochs)]
    names = [int(name) for name in re.findall(r'middle">(\d+)<', figures.learning_curve(changed(curve=curve)))]
    assert names[0] == 1
    assert 2 <= len(names) <= 8
    assert all(a < b for a, b in pairwise(names))
    assert names[-1] <= max(2, n_epochs)


def folds(*losses: tuple[float | None, float]) -> dict[str, Any]:
    verdict = {"metric": "log_loss", "opponent": "trees"}
    found = [{"network": {"log_loss": network}, "trees": {"log_loss": trees}} for network, trees in losses]
    return {"verdict": verdict, "folds": found}


def test_a_fold_in_which_the_network_is_better_stands_above_zero() -> None:
    plot = figures.fold_plot(folds((0.5, 0.75), (0.75, 0.5), (None, 0.5), (0.5, 0.5)))
    [(_, zero), (_, same)] = line_places(plot, "ideal")
    better, worse, equal = marks(plot)
    assert better[1] < zero == same == equal[1] < worse[1]
    assert better[0] < worse[0] < equal[0]


def test_growth_goes_from_few_rows_to_all_and_skips_what_is_undefined() -> None:
    points = [(1000, 0.7), (2000, 0.6), (4000, None), (8000, 0.5)]
    grown = [{"n_rows": n, "losses": {"network": loss, "trees": 0.65}} for n, loss in points]
    plot = figures.growth_plot({"assumptions": {"growth": {"points": grown}}})
    line = line_places(plot, "net")
    assert marks(plot) == line
    assert len(line) == 3
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(line))
    assert len({y for _, y in line_places(plot, "trees")}) == 1
    assert re.findall(r'middle">([\d,]+)<', plot) == ["1,000", "2,000", "4,000", "8,000"]


def test_dependence_is_drawn_over_its_grid_with_the_tenths_of_the_rows() -> None:
    [numeric] = [found for found in DOCUMENT["dependence"] if found["kind"] == "numeric"]
    plot = figures.dependence_plot(numeric)
    line = line_places(plot, "net")
    assert len(line) == len(numeric["grid"])
    assert line[0][0] == 52
    assert line[-1][0] == 348
    assert all(a[1] > b[1] for a, b in pairwise(line))
    assert plot.count('class="rug"') == 9
    assert 'class="rug"' not in figures.dependence_plot({**numeric, "deciles": None})
