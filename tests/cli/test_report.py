import json
import shutil
import sys
from pathlib import Path

import pytest
from program import Program


@pytest.fixture
def model(penguins_model: Path, tmp_path: Path) -> Path:
    """A copy that may be written to."""
    return Path(shutil.copytree(penguins_model, tmp_path / "m"))


def test_the_report_is_made_anew_from_its_numbers(nncli: Program, model: Path) -> None:
    trained = (model / "report.html").read_text()
    (model / "report.html").write_text("<script>alert(1)</script>")
    page = nncli("report", "-m", model, "--format", "html")
    assert (page.code, page.out) == (0, trained)
    assert nncli("report", "-m", model).out == f"{model / 'report.html'}\n"
    document = json.loads((model / "report.json").read_text())
    assert json.loads(nncli("report", "-m", model, "--format", "json").out) == document
    text = nncli("report", "-m", model, "--format", "md").out
    assert document["verdict"]["sentence"] in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) > 8


def test_it_opens_a_page_of_its_own_making(nncli: Program, model: Path) -> None:
    trained = (model / "report.html").read_text()
    (model / "report.html").write_text("somebody's")
    browser = nncli.folder / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys\nopen({str(nncli.folder / 'asked')!r}, 'w').write(sys.argv[1])\n"
    )
    browser.chmod(0o755)
    assert nncli("report", "-m", model, "--open", env={"BROWSER": f"{browser} %s"}).code == 0
    opened = Path((nncli.folder / "asked").read_text().removeprefix("file://"))
    assert opened.read_text() == trained
    assert opened.stat().st_mode & 0o077 == 0
    opened.unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: "{", "is not strict JSON"),
        (lambda d: "[]", "is no report"),
        (lambda d: json.dumps({**d, "scores": 5}), "is none that this nncli writes"),
        (lambda d: json.dumps({**d, "curve": [{"epoch": "x"}]}), "is none that this nncli writes"),
        (lambda d: json.dumps({**d, "examples": {"columns": [], "rows": [{"number": 1}]}}), "its examples are none"),
        (lambda d: json.dumps({**d, "model_sha256": "0" * 64}), "is of another model"),
    ],
)
def test_a_report_that_nncli_does_not_write_gets_one_line(nncli: Program, model: Path, damage, words: str) -> None:
    path = model / "report.json"
    path.write_text(damage(json.loads(path.read_text())))
    outcome = nncli("report", "-m", model, "--format", "html")
    assert (outcome.code, outcome.out) == (4, "")
    assert words in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_wrong_use_is_refused(nncli: Program, model: Path) -> None:
    (nncli.folder / "there.md").write_text("mine")
    for arguments in (["--format", "pdf"], ["-o", "x.md"], ["--format", "md", "-o", "there.md"]):
        outcome = nncli("report", "-m", model, *arguments)
        assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert (nncli.folder / "there.md").read_text() == "mine"
    (model / "report.json").unlink()
    assert nncli("report", "-m", model, "--format", "md").code == 4
