"""Reports in a real browser: nothing is fetched, nothing runs that data brought, nothing is cut, all can reach it."""

import csv
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from looks import excess_width, plot_faults
from program import Program

from nncli.errors import show

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed")

_LEVEL_A = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag21a"]}}
_MOST_BYTES = 300_000
_HOSTILE = (
    "<script>window.harmed=1</script>", '"><img src=x onerror=window.harmed=1>', "</style></script><b>", "{{7*7}}",
    "[/red]", "x\u202egnp.exe", "javascript:window.harmed=1",
)  # fmt: skip

Cells = dict[str, Sequence[object]]


def _binary(random: np.random.Generator) -> Cells:
    """Two classes; hostile names and cells everywhere."""
    n = 500
    size, kind = random.normal(size=n), random.choice(_HOSTILE, n)
    likely = 1 / (1 + np.exp(-2 * size - (kind == _HOSTILE[0])))
    names = iter(_HOSTILE)
    return {
        next(names): size, next(names): kind, next(names): random.normal(size=n).round(1),
        "flag": random.choice(["yes", "no", ""], n), "note": [f"{random.choice(_HOSTILE)} {i}" for i in range(n)],
        next(names): np.where(random.random(n) < likely, _HOSTILE[0], _HOSTILE[1]),
    }  # fmt: skip


def _letters(random: np.random.Generator) -> Cells:
    """26 classes."""
    letters = np.repeat(np.arange(26), 40)
    places = random.normal(size=(26, 4))
    numbers = {f"moment {j}": places[letters, j] + 0.3 * random.normal(size=letters.size) for j in range(4)}
    return {**numbers, "letter": [chr(65 + letter) for letter in letters]}


def _wide(random: np.random.Generator) -> Cells:
    """300 columns; names as long as people make them."""
    n = 400
    x = random.normal(size=(n, 250))
    names = [f"a rather long name of a column, number {j}, in units per hour" for j in range(250)]
    kinds = {f"kind {j}": random.choice(["a", "b", "c"], n) for j in range(49)}
    return {
        **dict(zip(names, x.T, strict=True)), **kinds, "many": random.choice([f"level {i}" for i in range(60)], n),
        "class": np.where(x[:, 0] + x[:, 1] + random.normal(size=n) > 0, "above the limit", "below"),
    }  # fmt: skip


def _write(path: Path, cells: Cells) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(cells)
        writer.writerows(zip(*cells.values(), strict=True))
    return path


@pytest.fixture(scope="session", params=[_binary, _letters, _wide], ids=["binary", "26 classes", "300 columns"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a model that the real program has trained."""
    make: Callable[[np.random.Generator], Cells] = request.param
    folder = tmp_path_factory.mktemp("report")
    data = _write(folder / "data.csv", make(np.random.default_rng(0)))
    outcome = Program(folder)("train", data, "--effort", "quick", "--epochs", "5", "--time-limit", "20")
    assert outcome.code == 0, outcome.err
    return folder / "nncli-model" / "report.html"


def test_it_is_small_and_nothing_is_fetched_or_complained_of(report: Path, watched) -> None:
    assert report.stat().st_size < _MOST_BYTES
    page = watched.open(report)
    assert page.title().startswith("nncli")
    assert watched.complaints == []
    assert page.evaluate("() => window.harmed") is None


def test_it_loads_within_a_second(report: Path, watched) -> None:
    page = watched.open(report)
    assert page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd") < 1000


@pytest.mark.parametrize(("scheme", "width"), [("light", 1000), ("dark", 320)])
def test_no_violation_of_level_a(report: Path, watched, scheme: str, width: int) -> None:
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.set_viewport_size({"width": width, "height": 800})
    page = watched.open(report)
    for details in page.query_selector_all("details"):
        details.evaluate("d => { d.open = true; }")
    found = axe.Axe().run(page, options=_LEVEL_A)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [1280, 768, 320])
def test_no_text_is_cut_or_covered_and_the_page_fits(report: Path, watched, width: int) -> None:
    watched.page.set_viewport_size({"width": width, "height": 800})
    page = watched.open(report)
    assert excess_width(page) <= 0
    assert plot_faults(page) == []


def test_it_can_be_read_without_scripts(report: Path, chromium) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.absolute().as_uri())
    headings = page.locator("h2").all_inner_texts()
    assert "Scores" in headings and "How it was made" in headings
    context.close()


def _predicted(report: Path, number: int, column: str, cell: object) -> list[float]:
    """What the program says of a row of the data with another cell in one column."""
    folder = report.parent.parent
    with (folder / "data.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    place = next(i for i, name in enumerate(header) if show(name, 60) == column)
    row = [str(cell) if i == place else given for i, given in enumerate(rows[number - 1])]
    asked = _write(folder / "asked.csv", dict(zip(header, ([value] for value in row), strict=True)))
    side = ["--fast"] if "predict --fast" in report.read_text() else ["--with", "network"]
    outcome = Program(folder)("predict", asked, "-m", report.parent, *side, "--output-format", "jsonl")
    assert outcome.code == 0, outcome.err
    answer = json.loads(outcome.out)
    return [share for name, share in answer.items() if name.startswith("probability_")]


def test_sliders_move_the_probabilities_as_predict_does(report: Path, watched) -> None:
    page = watched.open(report)
    names = page.evaluate("() => nncliTouch.page.rows.map(row => row.name)")
    columns = page.evaluate("() => nncliTouch.page.columns.map(({ name, kind }) => [name, kind])")
    moved, column = next((j, name) for j, (name, kind) in enumerate(columns) if kind == "numeric")
    for number, name in list(enumerate(names))[:2]:
        page.select_option("#touch-row", index=number)
        before = page.evaluate("() => [...nncliTouch.probabilities()]")
        page.locator(f"#touch-in-{moved}").fill("900")
        after = page.evaluate("() => [...nncliTouch.probabilities()]")
        value = page.evaluate(f"() => nncliTouch.state.values[{moved}]")
        assert after != before
        assert after == pytest.approx(_predicted(report, int(name.split()[1]), column, value), abs=1e-3)
        assert f"{100 * max(after):.1f}" in page.inner_text("#touch-bars")
    assert watched.complaints == []


def test_a_textbook_step_lowers_the_loss(report: Path, watched) -> None:
    page = watched.open(report)
    page.locator("#touch-lesson > summary").click()
    told = page.locator("#touch-lesson")
    page.wait_for_function("() => /mean loss/.test(document.getElementById('touch-lesson').innerText)")
    before = float(re.search(r"mean loss ([\d.]+)", told.inner_text()).group(1))
    told.get_by_role("button", name="100 steps").click()
    page.wait_for_function("() => /after 100 steps/.test(document.getElementById('touch-lesson').innerText)")
    assert float(re.search(r"mean loss ([\d.]+)", told.inner_text()).group(1)) < before
    assert watched.complaints == []


def test_costs_move_the_cheapest_threshold(report: Path, watched) -> None:
    page = watched.open(report)
    if not page.query_selector("#threshold-table"):
        pytest.skip("thresholds are between two classes")
    cheapest = "() => Number(document.querySelector('#threshold-table tr.cheapest th').textContent.split(' ')[0])"
    page.fill("#cost-fn", "1000")
    low = page.evaluate(cheapest)
    page.fill("#cost-fn", "0.001")
    assert page.evaluate(cheapest) > low
