"""Scales and marks: where the page's plots put numbers."""

import re
from itertools import pairwise
from math import inf, isclose, nan

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plot_marks import line_places, marks

from nncli.report.plots import Axes, Scale, Series, dot_plot, line_plot, row_axis, row_plot, row_scale, tick_names

_SIZES = st.floats(1e-6, 1e9)
_FRAME = (52.0, 348.0, 192.0, 12.0)
"""Left, right, bottom and top of what a line plot draws in."""


@given(low=st.floats(-1e6, 1e6), span=_SIZES, most=st.integers(2, 9))
@settings(deadline=None)
def test_ticks_are_some_round_values_within_the_ends(low: float, span: float, most: int) -> None:
    scale = Scale(low, low + span)
    ticks, slack = scale.ticks(most), 1e-6 * span
    if abs(low) > 1e6 * span:  # so near to each other that their digits do not tell them apart
        return
    assert 2 <= len(ticks) <= most
    assert ticks[0] >= low - slack
    assert ticks[-1] <= low + span + slack
    step = (ticks[-1] - ticks[0]) / (len(ticks) - 1)
    assert all(isclose(b - a, step, abs_tol=slack) for a, b in pairwise(ticks))
    assert len(f"{step:.2g}".replace("-", "").rstrip("0")) < 7
    assert float(f"{step:.1g}") == pytest.approx(step)
    assert 0.1 * span < step * len(ticks) <= 3 * span


@given(low=st.floats(-1e6, 1e6), span=_SIZES)
@settings(deadline=None)
def test_names_of_ticks_can_be_told_apart_and_are_true(low: float, span: float) -> None:
    ticks = Scale(low, low + span).ticks()
    names = tick_names(ticks)
    assert len(set(names.values())) == len(names) == len(ticks)
    assert all(float(name) == pytest.approx(tick, abs=0.01 * span, rel=1e-3) for tick, name in names.items())


def test_one_value_has_one_tick() -> None:
    assert Scale(0.25, 0.25).ticks() == [0.25]
    assert tick_names([0.25]) == {0.25: "0.25"}
    assert list(tick_names([5000.0, 10_000.0, 15_000.0]).values()) == ["5000", "10000", "15000"]
    assert tick_names([0.99994, 0.99996]) == {0.99994: "0.99994", 0.99996: "0.99996"}


@example(low=-5e-324, high=0.0)
@given(low=st.floats(-1e300, 1e300), high=st.floats(-1e300, 1e300))
@settings(deadline=None)
def test_no_ends_make_too_many_ticks(low: float, high: float) -> None:
    assert len(Scale(low, high).ticks(4)) <= 4


def test_points_land_where_the_scales_say() -> None:
    left, right, bottom, top = _FRAME
    line = [(0.0, 10.0), (2.0, 20.0), (4.0, 10.0)]
    plot = line_plot([Series("net", line, line[1:2])], Axes("x", "y", x=(0, 4), y=(10, 30)), "title")
    middle = ((left + right) / 2, (bottom + top) / 2)
    assert line_places(plot, "net") == [(left, bottom), middle, (right, bottom)]
    assert marks(plot) == [middle]


def test_ends_that_are_not_given_are_those_of_the_points_with_room_above_and_below() -> None:
    left, right, bottom, top = _FRAME
    plot = line_plot([Series("net", [(3.0, -1.0), (7.0, 1.0)])], Axes("x", "y"), "title")
    (x1, y1), (x2, y2) = line_places(plot, "net")
    assert (x1, x2) == (left, right)
    assert top < y2 < y1 < bottom


def test_a_curve_on_the_diagonal_is_the_ideal_line() -> None:
    ends = [(0.0, 0.0), (1.0, 1.0)]
    axes = Axes("x", "y", x=(0, 1), y=(0, 1))
    plot = line_plot([Series("ideal", ends), Series("net", ends), Series("trees", [(0.5, 0.5), *ends[1:]])], axes, "t")
    assert line_places(plot, "net") == line_places(plot, "ideal")
    (x1, y1), (x2, y2) = line_places(plot, "ideal")
    assert line_places(plot, "trees") == [((x1 + x2) / 2, (y1 + y2) / 2), (x2, y2)]


@pytest.mark.parametrize("points", [[], [(nan, 1.0)], [(1.0, inf), (-inf, 2.0)]])
def test_without_a_finite_point_there_is_no_plot(points: list[tuple[float, float]]) -> None:
    assert line_plot([Series("net", points)], Axes("x", "y"), "title") == ""


def test_what_is_not_finite_is_not_drawn() -> None:
    points = [(0.0, 1.0), (1.0, nan), (inf, 2.0), (2.0, 3.0)]
    series = Series("net", points, points, [(0.0, nan, 1.0), (2.0, 2.0, inf), (2.0, 2.0, 3.0)])
    plot = line_plot([series], Axes("x", "y"), "title")
    assert not re.search(r"\b(nan|inf)\b", plot)
    assert plot.count("<circle") == 2
    assert plot.count('class="line net"') == 2


HOSTILE = "</svg><script>alert(1)</script>\x1b[2J\u202e\"' onload='x"


def test_labels_do_nothing() -> None:
    def plot(name: str) -> str:
        axes = Axes(name, name, x_ticks={0.0: name, 1.0: "b"})
        return line_plot([Series("net", [(0.0, 1.0), (1.0, 2.0)])], axes, name)

    assert re.findall("<[a-z]+", plot(HOSTILE)) == re.findall("<[a-z]+", plot("harmless"))
    assert not set("\x1b\u202e") & set(plot(HOSTILE))
    assert "\"'" not in plot(HOSTILE)
    assert "…" in plot("long" * 100)


def interval(value: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


def test_intervals_in_rows_share_a_scale() -> None:
    found = [interval(1.0, 0.0, 2.0), interval(3.0, 2.0, 4.0), interval(None, None, None), interval(1.0, None, None)]
    scale = row_scale(found)
    plots = [row_plot(scale, ("net", one)) for one in found]
    lines = [re.findall(r'x1="([\d.]+)%" x2="([\d.]+)%"', plot) for plot in plots]
    (low, middle), (same, high) = (tuple(map(float, ends[0])) for ends in lines[:2])
    assert 5 < low < middle == same < high < 95
    assert marks(plots[0])[0][0] == pytest.approx((low + middle) / 2, abs=0.01)
    assert lines[2:] == [[], []]
    assert "circle" not in plots[2] + plots[3]
    assert "aria-hidden" in plots[0]  # the figures stand beside it
    axis = {name: float(x) for x, name in re.findall(r'x="([\d.]+)%"[^>]*>([^<]+)<', row_axis(scale))}
    assert 2 <= len(axis) <= 3
    assert all(x == pytest.approx(scale(float(name)), abs=0.01) for name, x in axis.items())


def test_a_row_says_where_zero_is_if_asked() -> None:
    found = interval(0.2, 0.1, 0.3)
    scale = row_scale([found], with_zero=True)
    assert scale.low < 0
    zero = f'class="zero" x1="{scale(0):.2f}%"'
    assert zero in row_plot(scale, ("net", found), ("trees", found), with_zero=True)
    assert "zero" not in row_plot(scale, ("net", found))
    assert row_scale([])(0.5) == 50


def test_dots_stand_on_one_line_and_none_is_left_out() -> None:
    scale = row_scale([interval(p, p, p) for p in (0.2, 0.8)])
    plot = dot_plot(scale, [("trees", 0.8), ("net", 0.2), ("net", None)])
    assert marks(plot) == [(pytest.approx(scale(0.2), abs=0.01), 9)]
    assert re.findall(r'<svg class="at" x="([\d.]+)%" y="9">', plot) == [f"{scale(0.8):.2f}"]
