"""``nncli explain`` by the real program: a made table whose truth is known, with columns and classes that mean harm."""

import json
import shutil
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from program import Program

LEFT, RIGHT, ALONE = "a<script>alert(1)</script>", 'b"&[red]x', "c\x1b[31mred"
NOISE, YES, NO = "noise</table>", "yes<b>", "no\u202e"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows to learn from and others: two columns count only together, one alone, one not at all."""
    folder, random = tmp_path_factory.mktemp("made"), np.random.default_rng(0)
    x = random.normal(size=(2600, 4)).round(3)
    odds = 4 * x[:, 0] * x[:, 1] + 2 * x[:, 2]
    rows = pd.DataFrame(x, columns=[LEFT, RIGHT, ALONE, NOISE]).astype(str)
    rows["target"] = np.where(random.random(2600) < 1 / (1 + np.exp(-odds)), YES, NO)
    rows[:1800].to_csv(folder / "train.csv", index=False)
    rows[1800:].to_csv(folder / "new.csv", index=False)
    outcome = Program(folder)("train", "train.csv", "--effort", "quick", "-q", "-o", "model")
    assert outcome.code == 0, outcome.err
    return folder


def test_planted_columns_and_pairs_are_found_on_both_sides(made: Path) -> None:
    nncli = Program(made)
    found = json.loads(nncli("explain", "new.csv", "-m", "model", "--json").out)
    assert (found["schema_version"], found["command"], found["data"]["rows"]) == (1, "explain", 800)
    columns = {each["column"]: each for each in found["importances"]["columns"]}
    for side in ("network", "trees"):
        assert all(columns[name][side]["low"] > 0.05 for name in (LEFT, RIGHT, ALONE))
        assert columns[NOISE][side]["low"] <= 0 <= columns[NOISE][side]["high"]
    first, *others = found["interactions"]["pairs"]
    assert set(first["columns"]) == {LEFT, RIGHT}
    for side in ("network", "trees"):
        assert first[side]["h"] > 0.8
        assert all(first[side]["effect"] > 3 * other[side]["effect"] for other in others)


def test_without_rows_it_tells_what_training_found(made: Path) -> None:
    nncli = Program(made)
    found = json.loads(nncli("explain", "-m", "model", "--json").out)
    report = json.loads((made / "model" / "report.json").read_text())
    assert found["importances"] == report["importances"]
    assert found["interactions"] is None
    lines = nncli("explain", "-m", "model").out.splitlines()
    assert "360 test rows of training" in lines[0]
    assert lines[0].endswith("the scores are of models that never saw the test rows.")
    assert len(lines) == 2 + 4


def test_one_row_is_explained_as_predict_answers_it(made: Path) -> None:
    nncli = Program(made)
    nncli("predict", "new.csv", "-m", "model", "--with", "both", "-o", "scored.csv", "--force")
    scored = pd.read_csv(made / "scored.csv", dtype={"prediction": str})
    rows = pd.read_csv(made / "new.csv", dtype=str)
    for number in (1, 17, 800):
        found = json.loads(nncli("explain", "new.csv", "-m", "model", "--row", number, "--json").out)
        answer = scored.iloc[number - 1]
        assert (found["row"], found["true"]) == (number, rows["target"][number - 1])
        assert found["class"] == found["predicted"] == answer.prediction
        for side, suffix in (("network", ""), ("trees", "_trees")):
            expected = [answer[f"probability_{name}{suffix}"] for name in found["classes"]]
            assert found["probabilities"][side] == pytest.approx(expected, rel=1e-4)
            ends = found["attribution"][side]
            parts = sum(each[side] for each in found["columns"])
            assert ends["start"] + parts == pytest.approx(ends["score"], abs=2e-3)
        assert found["trace"]["calibrated"] == pytest.approx(found["probabilities"]["network"], abs=1e-6)
        assert {each["column"]: each["cell"] for each in found["columns"]} == dict(rows.iloc[number - 1][:4])
    other = json.loads(nncli("explain", "new.csv", "-m", "model", "--row", 800, "--class", YES, "--json").out)
    assert other["class"] == YES
    sign = 1 if found["class"] == YES else -1
    assert other["attribution"]["trees"]["score"] == pytest.approx(sign * found["attribution"]["trees"]["score"])


@pytest.mark.parametrize("more", [[], ["--row", 3]])
def test_names_do_no_harm_on_terminal_and_page(made: Path, more: list[object]) -> None:
    outcome = Program(made)("explain", "new.csv", "-m", "model", *more, "-o", "page.html", "--force")
    assert (outcome.code, outcome.err) == (0, "")
    assert not set("\x1b\u202e") & set(outcome.out)
    assert "\\x1b[31mred" in outcome.out
    assert "[red]x" in outcome.out
    page = (made / "page.html").read_text()
    assert not set("\x1b\u202e") & set(page)
    assert "default-src 'none'" in unescape(page)
    assert not any(tag in page for tag in ("<script", "<b>", "noise</table>"))
    assert "a&lt;script&gt;" in page
    assert page.count('class="mark net"') == page.count('class="mark trees"') == 4
    assert "http" not in page.replace("http-equiv", "")


def test_rows_need_no_class_and_may_come_through_a_pipe(made: Path) -> None:
    rows = pd.read_csv(made / "new.csv", dtype=str).drop(columns="target")
    outcome = Program(made)(
        "explain", "-", "-m", "model", "--row", 2, "--json", stdin=rows.to_csv(index=False).encode()
    )
    assert (outcome.code, json.loads(outcome.out)["true"]) == (0, None)


def test_texts_dates_and_many_classes_read_well(penguins_model: Path, samples: Path, nncli: Program) -> None:
    outcome = nncli("explain", samples / "penguins.csv", "-m", penguins_model, "--row", 5)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].startswith("error: the model learned from this very file")
    assert lines[1].startswith("Row 5 of 344: species is 'Adelie', the network predicts 'Adelie'")
    tables = [line for line in lines if "." in line and len(line) < 100]
    assert max(map(len, tables)) <= 80
    for words in ("score of 'Adelie'", "hidden 1", "logits", "highest member", "Calibration: "):
        assert words in outcome.out
    known = nncli("explain", samples / "penguins.csv", "-m", penguins_model)
    assert known.out.startswith("error: the model learned from this very file")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["new.csv", "--row", 0], 2, "--row: 0 is out of range; new.csv has 800 rows, counted from 1"),
        (["new.csv", "--row", 801], 2, "--row: 801 is out of range"),
        (["--row", 1], 2, "--row: needs rows to explain"),
        (["--class", "x"], 2, "--class: needs rows"),
        (["new.csv", "--class", "maybe"], 2, "--class: the model has no class 'maybe'; its classes are 'no\\u202e'"),
        (["new.csv", "--row", 1, "--target", "none"], 2, "--target: the rows have no column 'none'"),
        (["new.csv", "--row", 1, "--sample-weight", "w"], 2, "--sample-weight: one row"),
        (["new.csv", "-o", "page.txt"], 2, "does not end in .html"),
        (["new.csv", "-o", "there.html"], 2, "there.html: exists already"),
        (["new.csv", "--target", ALONE], 3, "is no class of the model"),
        (["lacks.csv", "--row", 1], 4, "lacks.csv: the data lack the columns"),
        (["missing.csv"], 5, "missing.csv"),
    ],
)
def test_what_cannot_be_explained_gets_one_line(made: Path, args: list[object], code: int, message: str) -> None:
    (made / "there.html").touch()
    (made / "lacks.csv").write_text("a,b\n1,2\n")
    outcome = Program(made)("explain", "-m", "model", *args)
    assert (outcome.code, outcome.err.count("\n"), outcome.out) == (code, 1, "")
    assert message in outcome.err


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 4, "report.json: cannot be read"),
        ("[]", 4, "is no report of training"),
        ('{"target": "t", "importances": null}', 2, "has no importances"),
        ('{"target": "t", "importances": {"rows": 3}}', 4, "wrong or missing keys"),
        ('{"target": "t", "importances": {"metric": "m", "rows": 3, "columns": [{"column": 1}]}}', 4, "importances"),
        ('{"target": "t", "importances": {"metric": "m", "rows": 1e999, "columns": []}}', 4, "report.json"),
    ],
)
def test_a_report_that_is_none_is_refused(
    made: Path, tmp_path: Path, content: str | None, code: int, message: str
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for path in (made / "model").iterdir():
        if path.name != "report.json":
            (model / path.name).write_bytes(path.read_bytes())
    if content is not None:
        sha256 = json.loads((made / "model" / "report.json").read_text())["model_sha256"]
        (model / "report.json").write_text(content.replace("{", f'{{"model_sha256": "{sha256}", ', 1))
    outcome = Program(tmp_path)("explain", "-m", "model")
    assert (outcome.code, outcome.err.count("\n"), outcome.out) == (code, 1, "")
    assert message in outcome.err


def test_importances_of_another_model_are_refused(made: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(made / "model", tmp_path / "model"))
    report = json.loads((model / "report.json").read_text())
    (model / "report.json").write_text(json.dumps(report | {"model_sha256": "0" * 64}))
    outcome = Program(tmp_path)("explain", "-m", "model")
    assert (outcome.code, outcome.out) == (4, "")
    assert "is of another model" in outcome.err


def test_the_shell_completes_classes(penguins_model: Path, nncli: Program) -> None:
    words = f"nncli explain -m {penguins_model} --class Ch"
    env = {"_NNCLI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "5"}
    assert nncli(env=env).out.split() == ["Chinstrap"]
