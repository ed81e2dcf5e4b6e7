"""Headless Chromium, where the machine has one; a page in it that notes whatever goes wrong."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass
class Watched:
    """A page of the browser, and what it has done that a report must not do."""

    page: "Page"
    complaints: list[str] = field(default_factory=list)
    """Messages of the console, errors of scripts, requests for anything but the file."""

    def open(self, file: Path) -> "Page":
        self.complaints.clear()
        self.page.goto(file.absolute().as_uri(), wait_until="load")
        return self.page


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    # The sandbox needs rights that containers' root lacks.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def watched(chromium: "Browser") -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 1000, "height": 800})
    watched = Watched(context.new_page())
    page, note = watched.page, watched.complaints.append
    page.on("console", lambda message: note(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: note(f"error: {error}"))
    page.on("dialog", lambda dialog: (note(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: request.url.startswith("file:") or note(f"request: {request.url}"))
    yield watched
    context.close()
