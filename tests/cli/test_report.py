"""``nncli report`` by the real program."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest
from program import Outcome, Program
from stored_models import files_of, with_description

from nncli.bundle.folder import PAGES
from nncli.bundle.model import load_model
from nncli.cli import outcome as outcome_module
from nncli.cli.app import app
from nncli.errors import ModelError
from nncli.report.html import render_markdown
from nncli.report.page import render_page


@pytest.fixture
def folder(nncli: Program, penguins_model: Path) -> Path:
    """A copy of the model's folder that may be changed."""
    shutil.copytree(penguins_model, nncli.folder / "m")
    return nncli.folder / "m"


@pytest.fixture(scope="session")
def fresh(penguins_model: Path) -> str:
    """The page that the model's numbers make."""
    return render_page(json.loads((penguins_model / "report.json").read_text()), load_model(penguins_model))


def refused(outcome: Outcome, code: int, words: str) -> None:
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (code, "", 1), outcome.err
    assert words in outcome.err
    assert "a bug" not in outcome.err


def test_without_options_it_says_where_the_page_is(nncli: Program, folder: Path) -> None:
    outcome = nncli("report", "-m", "m")
    assert (outcome.code, outcome.out, outcome.err) == (0, "m/report.html\n", "")
    assert (nncli.folder / outcome.out.strip()).exists()
    shutil.move(folder, nncli.folder / "nncli-model")
    assert nncli("report").out == "nncli-model/report.html\n"


def test_each_format_goes_to_standard_output_or_a_file(nncli: Program, folder: Path, fresh: str) -> None:
    document = json.loads((folder / "report.json").read_text())
    expected = {"html": fresh, "md": render_markdown(document)}
    for form in ("html", "md", "json"):
        shown = nncli("report", "-m", "m", "--format", form)
        assert (shown.code, shown.err) == (0, "")
        written = nncli("report", "-m", "m", "--format", form, "-o", "out")
        assert (written.code, written.out, written.err) == (0, "", "")
        text = (nncli.folder / "out").read_text()
        assert text == shown.out
        assert json.loads(text) == document if form == "json" else text == expected[form]
        (nncli.folder / "out").unlink()


def test_json_is_a_format_and_quiet_says_nothing(nncli: Program, folder: Path) -> None:
    assert nncli("report", "-m", "m", "--json").out == nncli("report", "-m", "m", "--format", "json").out != ""
    refused(nncli("report", "-m", "m", "--json", "--format", "md"), 2, "--json: is --format json")
    quiet = nncli("report", "-m", "m", "-q")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    (folder / "report.html").unlink()
    refused(nncli("report", "-m", "m"), 4, "m/report.html: there is none; make one: nncli report --format html")


def test_a_file_that_exists_is_replaced_only_by_force(nncli: Program, folder: Path) -> None:
    (nncli.folder / "out").write_text("mine")
    command = ("report", "-m", "m", "--format", "md", "-o", "out")
    refused(nncli(*command), 2, "out: exists already")
    assert (nncli.folder / "out").read_text() == "mine"
    assert nncli(*command, "--force").code == 0
    assert (nncli.folder / "out").read_text().startswith("# Network or trees")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["-o", "out"], 2, "--output: needs --format"),
        (["--format", "pdf"], 2, "--format"),
        (["--format", "md", "-o", "none/out"], 5, "none"),
        (["-m", "elsewhere"], 4, "is no model folder"),
    ],
)
def test_what_cannot_be_done_gets_one_line(
    nncli: Program, folder: Path, args: list[str], code: int, words: str
) -> None:
    outcome = nncli("report", "-m", "m", *args)
    refused(outcome, code, words)
    assert not (nncli.folder / "out").exists()


_KEY = '{"target": "t", "target": "u"}'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "report.json: cannot be read"), ("", "is not strict JSON"), ("[]", "is no report of training"),
        (_KEY, "a key stands twice"), ("[" * 100_000, "is not strict JSON"), ('{"a": 1e999}', "too large"),
    ],
)  # fmt: skip
def test_numbers_that_are_damaged_are_refused(nncli: Program, folder: Path, content: str | None, words: str) -> None:
    (folder / "report.json").unlink()
    if content is not None:
        (folder / "report.json").write_text(content)
    refused(nncli("report", "-m", "m", "--format", "json"), 4, words)


def test_no_name_acts_on_a_terminal(nncli: Program, folder: Path) -> None:
    document = json.loads((folder / "report.json").read_text())
    document["target"] = document["verdict"]["sentence"] = document["device"] = "\x1b[2J\x9b2J\u202e\ud800"
    (folder / "report.json").write_text(json.dumps(document))
    shown = nncli("report", "-m", "m", "--format", "json")
    assert shown.out.isascii()
    assert json.loads(shown.out) == document
    for form in ("md", "html"):
        shown = nncli("report", "-m", "m", "--format", form)
        assert shown.code == 0
        assert not set("\x1b\x9b\u202e") & set(shown.out)
        assert "\\x1b[2J\\x9b2J\\u202e\\ud800" in shown.out


def test_a_file_whose_name_is_no_text_makes_numbers_and_pages(penguins_model: Path) -> None:
    document = json.loads((penguins_model / "report.json").read_text())
    document["data"]["path"] = document["repeat"] = os.fsdecode(b"caf\xe9.csv")
    assert json.loads(outcome_module.to_bytes(document).decode()) == document
    assert "caf\\udce9.csv" in render_page(document, load_model(penguins_model)).encode().decode()


def test_numbers_of_something_else_are_refused(nncli: Program, folder: Path) -> None:
    document = {"target": "x\x1b[2J", "model_sha256": load_model(folder).sha256}
    (folder / "report.json").write_text(json.dumps(document))
    for form in ("md", "html"):
        refused(nncli("report", "-m", "m", "--format", form), 4, "is none that this nncli writes")
    (folder / "report.json").write_text('{"target": "x"}')
    refused(nncli("report", "-m", "m", "--format", "md"), 4, "m/report.json: is no report of training; train anew")


@pytest.mark.parametrize(
    "options", [[], ["--open"], ["-q"], ["--json"], *(["--format", form] for form in ("md", "json", "html"))]
)
def test_the_report_of_another_model_is_refused(
    nncli: Program, penguins_model: Path, folder: Path, options: list[str]
) -> None:
    """As it stands beside a new model if saving was killed between the two."""
    with_description(folder, files_of(folder), lambda description: description["provenance"].update(seed=9))
    for name in PAGES:
        shutil.copy(penguins_model / name, folder)
    outcome = nncli("report", "-m", "m", *options, env={"BROWSER": "/bin/false"})
    refused(outcome, 4, "m/report.json: is of another model than this folder's")
    command = outcome.err.partition("this one: nncli ")[2].partition(";")[0].split()
    assert nncli(*command).code == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"scores": 5}, "is none that this nncli writes"),
        ({"curve": [{"epoch": "x"}]}, "is none that this nncli writes"),
        ({"examples": {"columns": [], "rows": [{"number": 1}]}}, "is none that this nncli writes"),
    ],
)
def test_numbers_of_another_kind_are_refused(nncli: Program, folder: Path, damage: dict[str, Any], words: str) -> None:
    document = json.loads((folder / "report.json").read_text())
    (folder / "report.json").write_text(json.dumps(document | damage))
    refused(nncli("report", "-m", "m", "--format", "html"), 4, words)


def test_a_pipe_or_a_link_in_the_place_of_numbers_is_refused(nncli: Program, folder: Path) -> None:
    (folder / "report.json").unlink()
    os.mkfifo(folder / "report.json")
    refused(nncli("report", "-m", "m"), 4, "is no regular file")
    (folder / "report.json").unlink()
    (folder / "report.json").symlink_to("/etc/hostname")
    refused(nncli("report", "-m", "m"), 4, "is a link, maybe to elsewhere")


@pytest.fixture
def browser(nncli: Program) -> Callable[..., tuple[Outcome, Path]]:
    """Runs a command that opens a browser: its outcome, and the file that was opened."""
    script = nncli.folder / "browser"
    script.write_text(f'#!/bin/sh\nprintf "%s" "$1" > "{nncli.folder}/opened"\n')
    script.chmod(0o755)
    (nncli.folder / "tmp").mkdir()
    env = {"BROWSER": f"{script} %s", "TMPDIR": str(nncli.folder / "tmp")}

    def run(*args: Any) -> tuple[Outcome, Path]:
        outcome = nncli(*args, env=env)
        url = urlparse((nncli.folder / "opened").read_text())
        assert url.scheme == "file"
        return outcome, Path(unquote(url.path))

    return run


def test_the_browser_gets_a_page_of_our_own_making(
    folder: Path, fresh: str, browser: Callable[..., tuple[Outcome, Path]]
) -> None:
    assert browser("report", "-m", "m", "--open")[1] == folder / "report.html"
    (folder / "report.html").write_text("<script>alert('anybody')</script>")
    outcome, opened = browser("report", "-m", "m", "--open")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert opened.parent.name == "tmp"
    assert opened.suffix == ".html"
    assert opened.read_text() == fresh
    assert opened.stat().st_mode & 0o077 == 0
    (folder / "report.html").unlink()
    outcome, opened = browser("report", "-m", "m", "--open", "--format", "md")
    assert opened.read_text() == fresh
    assert outcome.out.startswith("# Network or trees")


def test_without_a_browser_it_says_where_the_page_is(nncli: Program, folder: Path, fresh: str) -> None:
    nothing = {"BROWSER": "/bin/false", "PATH": "/nowhere", "DISPLAY": "", "WAYLAND_DISPLAY": "", "TMPDIR": str(folder)}
    outcome = nncli("report", "-m", "m", "--open", env=nothing)
    assert outcome.code == 0
    [words, path] = outcome.err.rstrip().split("; the page is ")
    assert words == "no browser could be started"
    assert Path(path).read_text() == fresh


def test_a_page_that_fails_leaves_a_model_that_predicts(
    nncli: Program, samples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no page of an older model."""
    monkeypatch.chdir(nncli.folder)
    data = str(samples / "penguins.csv")
    command = [
        "train",
        data,
        "--target",
        "species",
        "--effort",
        "quick",
        "--epochs",
        "2",
        "--threads",
        "1",
        "-q",
        "-o",
        "m",
    ]

    def run() -> int:
        with pytest.raises(SystemExit) as leave:
            app(command, prog_name="nncli")
        return int(leave.value.code or 0)

    shutil.rmtree("m", ignore_errors=True)
    assert run() == 0
    assert (nncli.folder / "m" / "report.html").exists()

    def failing(*_: object) -> None:
        raise ModelError("report.json: no page today")

    monkeypatch.setattr(outcome_module, "render_page", failing)
    command.append("--force")
    assert run() == 4
    assert capsys.readouterr().err == "nncli: report.json: no page today\n"
    assert not (nncli.folder / "m" / "report.html").exists()
    assert not (nncli.folder / "m" / "README.md").exists()
    assert (nncli.folder / "m" / "report.json").exists()
    predicted = nncli("predict", data, "-m", "m")
    assert predicted.code == 0
    assert len(predicted.out.splitlines()) == 345
    assert nncli("report", "-m", "m", "--format", "html").out.startswith("<!doctype html>")
