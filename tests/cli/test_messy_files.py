"""Files as they come, by the real program: what is learned from one, and said of its like, is as of a clean one."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from program import Program

LEARN = ("--effort", "quick", "--epochs", "3", "--threads", "1", "-q")
NAMES = {"bill_length_mm": "Länge", "bill_depth_mm": "Maß", "flipper_length_mm": "Maß (2)", "body_mass_g": "Gewicht"}


@pytest.fixture(scope="module")
def folder(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows three times, and a model of each: plain; as a German Excel exports them; without a header."""
    folder = tmp_path_factory.mktemp("messy")
    rows = pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False).rename(columns=NAMES)
    rows["island"] = rows.island.replace({"Dream": "Träume"})
    rows.to_csv(folder / "plain.csv", index=False)

    german = rows.copy()
    german["Gewicht"] = [f"{int(mass):,}".replace(",", ".") if mass not in ("", "NA") else "-" for mass in rows.Gewicht]
    german[["Länge", "Maß"]] = german[["Länge", "Maß"]].replace(r"\.", ",", regex=True)
    text = german.rename(columns={"Maß (2)": "Maß"}).to_csv(index=False, sep=";", lineterminator="\r\n")
    (folder / "german.csv").write_bytes(f"Pinguine\r\nStand: heute\r\n\r\n{text}".encode("cp1252"))

    bare = rows.to_csv(index=False, header=False, sep="\t", lineterminator="\r")
    (folder / "bare.tsv.gz").write_bytes(gzip.compress(bare.encode("utf-16")))

    nncli = Program(folder)
    for name, *options in (
        ("plain.csv", "--target", "species"),
        ("german.csv", "--target", "species", "--skip-rows", "3", "--na", "-"),
        ("bare.tsv.gz", "--target", "column 1", "--no-header"),
    ):
        outcome = nncli("train", name, "-o", model_of(name), *options, *LEARN)
        assert (outcome.code, outcome.err) == (0, "")
    return folder


def model_of(name: str) -> str:
    return f"model-{name.split('.')[0]}"


MESSY = pytest.mark.parametrize("name", ["german.csv", "bare.tsv.gz"])


@MESSY
def test_answers_are_those_of_the_clean_file(folder: Path, name: str) -> None:
    nncli = Program(folder)
    clean = nncli("predict", "plain.csv", "-m", "model-plain")
    messy = nncli("predict", name, "-m", model_of(name), "--output-format", "csv")
    assert messy.out == clean.out
    assert clean.err == ""
    assert ("line 4: byte 17 is 0xE4, which is not UTF-8" in messy.err) == (name == "german.csv")


@MESSY
def test_scores_and_explanations_are_those_of_the_clean_file(folder: Path, name: str) -> None:
    nncli = Program(folder)

    def found(*command: str) -> tuple[dict[str, Any], dict[str, Any]]:
        each = [("plain.csv", "model-plain"), (name, model_of(name))]
        clean, messy = (json.loads(nncli(*command, data, "-m", model, "--json").out) for data, model in each)
        return clean, messy

    clean, messy = found("evaluate")
    assert messy["scores"] == clean["scores"]
    clean, messy = found("explain", "--row", "200")
    for key in ("probabilities", "attribution"):
        assert messy[key] == clean[key]
    assert {each["cell"] for each in messy["columns"]} == {each["cell"] for each in clean["columns"]}


def test_data_that_differ_from_the_model_s_are_read_as_they_are_said_to_be(folder: Path) -> None:
    nncli = Program(folder)
    expected = nncli("predict", "plain.csv", "-m", "model-plain").out
    lines = (folder / "german.csv").read_bytes().split(b"\r\n")
    bare_of_title = b"\r\n".join(lines[3:])
    refused = nncli("predict", "-m", "model-german", stdin=bare_of_title)
    assert refused.code == 4
    assert "3 lines are skipped, as of the model's own data: add --skip-rows 0 to skip none" in refused.err
    answers = nncli("predict", "-m", "model-german", "--skip-rows", "0", stdin=bare_of_title)
    assert (answers.code, answers.out) == (0, expected)

    utf_8 = b"\r\n".join(lines).decode("cp1252").encode()
    assert nncli("predict", "-m", "model-german", stdin=utf_8).err == ""
    refused = nncli("predict", "-m", "model-german", "--encoding", "utf-8", "german.csv")
    assert refused.code == 3
    assert "is 0xE4, which is not utf-8; name another --encoding" in refused.err

    header = "\t".join(f"column {number}" for number in range(1, 9))
    rows = gzip.decompress((folder / "bare.tsv.gz").read_bytes()).decode("utf-16")
    answers = nncli(
        "predict", "-m", "model-bare", "--header", "--output-format", "csv", stdin=f"{header}\r{rows}".encode()
    )
    assert answers.out == expected


def test_numbers_in_another_format_than_the_model_s_are_said(folder: Path) -> None:
    outcome = Program(folder)("predict", "plain.csv", "-m", "model-german", "--skip-rows", "0")
    assert "column 'Länge': 342 of 344 cells hold no value" in outcome.err
    assert "written in another way than with decimal commas" in outcome.err
    assert "Gewicht" not in outcome.err


def test_what_was_decided_is_said_in_one_line(folder: Path) -> None:
    nncli = Program(folder)
    lines = nncli(
        "train", "german.csv", "--skip-rows", "3", "--na", "-", "--target", "species", "-o", "again", *LEARN[:-1]
    ).err.splitlines()
    assert lines[0] == (
        "german.csv: 344 rows, 8 columns, semicolon-separated, 3 lines skipped, partly windows-1252, missing also '-', "
        "decimal commas in 'Länge', 'Maß', decimal commas and thousands separators in 'Gewicht'"
    )
    warned = [line for line in lines if line.startswith("warn: ")]
    assert "line 4: byte 17 is 0xE4" in warned[0]
    assert "warn: the header names 'Maß' more than once; the later columns are called 'Maß (2)'; rename them" in warned


def test_numbers_at_the_ends_of_what_a_double_holds_are_learned_from_in_silence(tmp_path: Path) -> None:
    """Neither a difference nor a slope between two of them overflows, in training, page, scores and explanation."""
    ends = ["1.7e308", "-1.7e308", "1e-320", "-4.9e-324", "1e300", "0.5"]
    lines = [
        f"{ends[i % 6] if i % 3 else i % 17 / 7},{ends[i * i % 6]},{i * 7 % 11}e-320,{'ab'[i * i % 7 > 2]}"
        for i in range(240)
    ]
    (tmp_path / "ends.csv").write_text("\n".join(["x,all,tiny,y", *lines]))
    nncli, env = Program(tmp_path), {"PYTHONWARNINGS": "error"}
    for command in ("train", "evaluate", "predict"):
        options = LEARN if command == "train" else ("-q",)
        outcome = nncli(command, "ends.csv", *options, env=env)
        assert (outcome.code, outcome.err) == (0, ""), outcome.err
    assert nncli("explain", "ends.csv", env=env).code == 0


def test_rows_that_cannot_be_read_stop_the_run_or_are_left_out_and_kept(folder: Path, tmp_path: Path) -> None:
    header, *rows = (folder / "plain.csv").read_text().splitlines()
    broken = [header, *rows[:40], f"{rows[40]},x", *rows[41:90], "cut off", *rows[91:]]
    (tmp_path / "broken.csv").write_text("\n".join(broken) + "\n")
    (tmp_path / "sound.csv").write_text("\n".join([line for line in broken if len(line.split(",")) == 8]) + "\n")
    nncli, target = Program(tmp_path), ("--target", "species")

    refused = nncli("train", "broken.csv", *target, *LEARN)
    assert refused.code == 3
    assert "line 42: the row has 9 fields, the header has 8" in refused.err
    assert nncli("train", "broken.csv", *target, *LEARN, "--bad-rows", "null").code == 2

    learned = nncli("train", "broken.csv", *target, *LEARN[:-1], "--bad-rows", "skip", "-o", "of-broken")
    assert learned.code == 0, learned.err
    warning = "2 rows could not be read and are left out, the first of them: broken.csv, line 42: the row has 9 fields"
    assert f"warn: {warning}" in learned.err
    kept = [json.loads(line) for line in (tmp_path / "of-broken.rejects.jsonl").read_text().splitlines()]
    assert [(bad["file"], bad["line"], bad["text"]) for bad in kept] == [
        ("broken.csv", 42, f"{rows[40]},x"),
        ("broken.csv", 92, "cut off"),
    ]

    assert nncli("train", "sound.csv", *target, *LEARN, "-o", "of-sound").code == 0
    reports = [json.loads((tmp_path / name / "report.json").read_text()) for name in ("of-broken", "of-sound")]
    assert reports[0]["scores"] == reports[1]["scores"]
    answers = [nncli("predict", "sound.csv", "-m", name).out for name in ("of-broken", "of-sound")]
    assert answers[0] == answers[1]

    (tmp_path / "again.rejects.jsonl").write_text("precious")
    refused = nncli("train", "broken.csv", *target, *LEARN, "--bad-rows", "skip", "-o", "again")
    assert refused.code == 2
    assert "again.rejects.jsonl: exists already" in refused.err
    (tmp_path / "again.rejects.jsonl").unlink()
    (tmp_path / "again.rejects.jsonl").mkdir()
    for force in ([], ["--force"]):
        refused = nncli("train", "broken.csv", *target, *LEARN, "--bad-rows", "skip", "-o", "again", *force)
        assert refused.code == 2
        assert "again.rejects.jsonl: is a folder" in refused.err
    assert nncli("train", "sound.csv", *target, *LEARN, "-o", "of-broken", "--force").code == 0
    assert not (tmp_path / "of-broken.rejects.jsonl").exists()  # it was of the model that was replaced
    strict = nncli("compare-baseline", "broken.csv", *target, "--bad-rows", "skip", "--strict")
    assert strict.code == 3
    assert f"bad-rows: {warning}" in strict.err
