"""What the report of every table is like: its size, what it takes to make, how soon it is there, what is wrong with it.

``python reports.py FOLDER [SCREENSHOTS]`` (with an ``index.json``): trains on whole tables with ``--effort quick``,
where making a report weighs most, and opens each report in headless Chromium. Making is what a run spends on looking
closer at the test rows (``seconds.explaining``) and on writing the page. Writes ``results/reports.jsonl`` anew.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from student import said
from tables import Table, read_index

from nncli.bundle.model import load_model
from nncli.report.html import render_html
from nncli.report.touch import touch_page

sys.path.append(str(Path(__file__).parents[1] / "browser"))
from looks import excess_width, plot_faults

RESULTS = Path(__file__).parent / "results" / "reports.jsonl"
LEVEL_A = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag21a"]}}
WIDTHS = 1280, 768, 320


def main(folder: str, screenshots: str | None = None) -> None:
    records = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for table in read_index(Path(folder)):
            with tempfile.TemporaryDirectory() as work:
                records.append(measured(table, Path(work), browser, screenshots))
            print(json.dumps(records[-1]), flush=True)
        browser.close()
    RESULTS.write_text("".join(f"{json.dumps(record)}\n" for record in records))


def measured(table: Table, work: Path, browser: Browser, screenshots: str | None) -> dict[str, object]:
    said("train", table.path, "--target", table.target, "--effort", "quick", "-o", work / "model", "--json")
    page = work / "model" / "report.html"
    document = json.loads((work / "model" / "report.json").read_text())
    seconds, rendering = document["seconds"], rendering_seconds(work / "model", document)
    making = seconds["explaining"] + rendering
    training = seconds["total"] - seconds["explaining"]
    return {
        "table": table.name,
        "kilobytes": round(page.stat().st_size / 1000, 1),
        "training": round(training, 2),
        "explaining": round(seconds["explaining"], 2),
        "rendering": round(rendering, 2),
        "within": bool(making <= max(3, 0.1 * training)),
        **seen(page, browser, Path(screenshots) / f"{table.name}.png" if screenshots else None),
    }


def rendering_seconds(folder: Path, document: dict[str, object]) -> float:
    """Of the page alone, with everything loaded."""
    model = load_model(folder)
    render_html(document, touch_page(model, document))
    start = time.monotonic()
    render_html(document, touch_page(load_model(folder), document))
    return time.monotonic() - start


def seen(file: Path, browser: Browser, screenshot: Path | None) -> dict[str, object]:
    """How long the page takes to load, and its faults."""
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: request.url.startswith("file:") or complaints.append(request.url))
    page.goto(file.as_uri(), wait_until="load")
    loaded = page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd")
    if screenshot:
        page.screenshot(path=screenshot, full_page=True)
    page.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = true; })")
    violations = Axe().run(page, options=LEVEL_A).violations_count
    faults = [fault for width in WIDTHS for fault in faults_at(page, width)]
    page.close()
    return {"load_ms": round(loaded), "level_a": violations, "complaints": complaints, "faults": faults[:5]}


def faults_at(page: Page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(1000)  # what is drawn to fit waits until nobody pulls at the window
    excess = excess_width(page)
    return [f"{width}: {fault}" for fault in [*([f"{excess} px too wide"] if excess > 0 else []), *plot_faults(page)]]


if __name__ == "__main__":
    main(*sys.argv[1:])
