import json
import shutil
from pathlib import Path

import pytest
from program import Program


@pytest.fixture
def copy(nncli: Program, penguins_model: Path) -> Path:
    return Path(shutil.copytree(penguins_model, nncli.folder / "m"))


def info_hash(nncli: Program) -> str:
    found: str = json.loads(nncli("info", "-m", "m", "--json").out)["model_sha256"]
    return found


def test_a_whole_model_is_said_to_be_whole(nncli: Program, copy: Path) -> None:
    outcome = nncli("verify", "-m", "m")
    assert (outcome.code, outcome.err) == (0, "")
    *files, pages, last = outcome.out.splitlines()
    assert len(files) == 5
    assert all(line.endswith("as written") for line in files)
    assert pages == ("note: for people, no part of the model, not checked: 'README.md', 'report.html', 'report.json'")
    assert last == f"m: whole, model sha256 {info_hash(nncli)}"
    assert nncli("verify", "-m", "m", "-q").out == ""


def test_as_json(nncli: Program, copy: Path) -> None:
    (copy / "notes\x1b[2J.txt").write_text("mine")
    found = json.loads(nncli("verify", "-m", "m", "--json").out)
    assert found["model_sha256"] == info_hash(nncli)
    assert found["report_error"] is None
    assert {entry["name"] for entry in found["files"]} | set(found["other_files"]) | {"manifest.json"} == {
        path.name for path in copy.iterdir()
    }


def test_other_files_are_named_and_do_no_harm(nncli: Program, copy: Path) -> None:
    (copy / "model.pkl").write_bytes(b"\x80\x04.")
    (copy / "notes\x1b[2J.txt").write_text("mine")
    outcome = nncli("verify", "-m", "m")
    assert outcome.code == 0
    assert "note: no part of the model, never read: 'model.pkl', 'notes\\x1b[2J.txt'" in outcome.out


def test_the_report_of_another_model_is_noted(nncli: Program, copy: Path) -> None:
    document = json.loads((copy / "report.json").read_text())
    (copy / "report.json").write_text(json.dumps({**document, "model_sha256": "0" * 64}))
    outcome = nncli("verify", "-m", "m")
    assert (outcome.code, outcome.err) == (0, "")
    assert "\nnote: m/report.json: is of another model than this folder's; " in outcome.out
    assert json.loads(nncli("verify", "-m", "m", "--json").out)["report_error"].startswith("m/report.json: is of")
    (copy / "report.json").unlink()
    assert json.loads(nncli("verify", "-m", "m", "--json").out)["report_error"] is None


@pytest.mark.parametrize(
    ("role", "damage"),
    [
        *((role, "a bit") for role in ("model", "weights", "trees", "fast", "heldout")),
        ("heldout", "the end"),
        ("trees", "all"),
    ],
)
def test_damage_is_found_and_the_file_named(nncli: Program, copy: Path, role: str, damage: str) -> None:
    (path,) = copy.glob(f"{role}-*")
    content = path.read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    path.unlink()
    if damage != "all":
        path.write_bytes(changed if damage == "a bit" else content[:-1])
    outcome = nncli("verify", "-m", "m", *(["--json"] if damage == "a bit" else []))
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (4, "", 1)
    assert path.name in outcome.err


def test_a_pinned_model_is_the_only_one_that_passes(nncli: Program, copy: Path, samples: Path) -> None:
    sha256 = info_hash(nncli)
    other = sha256[:-1] + ("0" if sha256[-1] != "0" else "1")
    for command in (["verify"], ["predict", samples / "penguins.csv", "-o", "out.csv", "--prior", "Gentoo=0.2"]):
        assert nncli(*command, "-m", "m", "--expect-model", sha256.upper()).code == 0
        (nncli.folder / "out.csv").unlink(missing_ok=True)
        outcome = nncli(*command, "-m", "m", "--expect-model", other)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (4, "", 1)
        assert sha256 in outcome.err
        assert not (nncli.folder / "out.csv").exists()
