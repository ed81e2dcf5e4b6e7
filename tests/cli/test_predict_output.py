"""What ``predict`` writes, where, and as what: every option by the real program."""

import csv
import json
import os
import pty
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from program import Program
from pyarrow import parquet

from nncli.bundle.model import load_with_heldout
from nncli.evaluation.conformal import fit_conformal

HEADER = "island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year\n"
BAD = f"{HEADER}Dream,39,18,180,3700,male,2007\nDream\nBiscoe,46,15,215,5000,female,2008\n\n1,2,3,4,5,6,7,8\n"


@pytest.fixture
def predict(nncli: Program, penguins_model: Path):  # type: ignore[no-untyped-def]
    return lambda *args, **other: nncli("predict", *args, "-m", penguins_model, **other)


@pytest.fixture
def folder(nncli: Program, samples: Path) -> Path:
    header, *rows = (samples / "penguins.csv").read_text().splitlines(keepends=True)
    (nncli.folder / "a.csv").write_text(header + "".join(rows[:5]))
    (nncli.folder / "b.csv").write_text(header + "".join(rows[5:9]))
    return nncli.folder


def test_options_choose_the_columns(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    proba = [f"probability_{name}" for name in ("Adelie", "Chinstrap", "Gentoo")]
    for options, expected in (
        (["--keep", "year,sex"], ["year", "sex", "prediction", *proba]),
        (["--keep=sex", "--proba", "none"], ["sex", "prediction"]),
        (["--proba", "max"], ["prediction", "probability"]),
        (["--top", 2], ["prediction", "top1", "top1_probability", "top2", "top2_probability"]),
        (["--top", 1, "--proba", "max"], ["prediction", "probability", "top1", "top1_probability"]),
        (["--with", "both", "--proba", "none"], ["prediction", "prediction_trees"]),
        (["--explain", 1, "--proba", "none"], ["prediction", "reason1", "reason1_effect"]),
    ):
        outcome = predict("a.csv", *options)
        assert (outcome.code, outcome.err) == (0, ""), options
        header, *rows = csv.reader(outcome.out.splitlines())
        assert header == expected
        assert len(rows) == 5
    rounded = predict("a.csv", "--round", 2).out.splitlines()[1:]
    assert all(len(number) <= 4 for line in rounded for number in line.split(",")[1:])


def test_the_threshold_moves_the_border(nncli: Program) -> None:
    rows = [f"{i % 97},{'yes' if i % 97 > 48 + i % 5 else 'no'}" for i in range(400)]
    (nncli.folder / "t.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    assert nncli("train", "t.csv", "--effort", "quick", "-q").code == 0
    proba = [float(line.split(",")[2]) for line in nncli("predict", "t.csv").out.splitlines()[1:]]
    for threshold in (0.0, 0.2, 0.9, 1.0):
        found = nncli("predict", "t.csv", "--threshold", threshold, "--proba", "none").out.split()[1:]
        assert found == ["yes" if p >= threshold else "no" for p in proba]


@pytest.mark.parametrize("extension", ["csv.gz", "tsv.zst", "jsonl.bz2", "ndjson.xz", "parquet"])
def test_a_file_is_what_its_name_says(predict, folder: Path, extension: str) -> None:  # type: ignore[no-untyped-def]
    name = f"out.{extension}"
    outcome = predict("a.csv", "b.csv", "-o", name, "--keep")
    assert (outcome.code, outcome.err, outcome.out) == (0, "", "")
    if extension == "parquet":
        table = pd.read_parquet(folder / name)
    else:
        data = (folder / name).read_bytes()
        kind, compression = extension.split(".")
        if compression == "zst":
            data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
        else:
            import bz2
            import gzip
            import lzma

            data = {"gz": gzip, "bz2": bz2, "xz": lzma}[compression].decompress(data)
        (folder / f"plain.{kind}").write_bytes(data)
        read = {"csv": pd.read_csv, "tsv": lambda path: pd.read_csv(path, sep="\t")}
        table = read.get(kind, lambda path: pd.read_json(path, lines=True))(folder / f"plain.{kind}")
    expected = pd.concat([pd.read_csv(folder / "a.csv"), pd.read_csv(folder / "b.csv")])
    assert table["species"].tolist() == expected["species"].tolist()
    assert list(table)[: len(list(expected))] == list(expected)
    assert "prediction" in table


def test_patterns_and_a_folder_that_is_resumed(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    both = predict("*.csv", "--keep", "year")
    assert both.out == predict("a.csv", "b.csv", "--keep", "year").out
    assert len(both.out.splitlines()) == 10
    assert predict("*.csv", "--keep", "year", "-o", "-").out == both.out
    assert predict("?.csv", "--out-dir", "out", "--output-format", "jsonl").code == 0
    assert {path.name for path in (folder / "out").iterdir()} == {"a.jsonl", "b.jsonl", "done.jsonl"}
    again = predict("?.csv", "--out-dir", "out", "--output-format", "jsonl")
    assert (again.code, again.err.count("\n")) == (0, 1)
    assert again.err.startswith("2 of 2 outputs are done already")
    other = predict("?.csv", "--out-dir", "out", "--output-format", "jsonl", "--top", "1")
    assert (other.code, other.err.startswith("2 of 2 outputs are made anew")) == (0, True)
    for said in ("", "2 of 2 outputs are done already"):
        deep = predict("**/*.csv", "--out-dir", "scored")
        assert (deep.code, deep.err.startswith(said)) == (0, True), deep.err


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["none*.csv"], 2, "none*.csv: matches no file"),
        (["-o", "x.csv", "--out-dir", "x"], 2, "--output and --out-dir"),
        (["--out-dir", "x"], 2, "--out-dir: standard input has no file name"),
        (["a.csv", "--keep", "yaer"], 2, "did you mean 'year'"),
        (["a.csv", "--keep="], 2, "is no list of columns"),
        (["a.csv", "-o", "x.parquet.gz"], 2, "leave .gz out"),
        (["a.csv", "-o", "x.csv.xz", "--line-buffered"], 2, "--line-buffered"),
        (["a.csv", "--output-format", "parquet", "--line-buffered"], 2, "--line-buffered"),
        (["a.csv", "-o", "a.csv", "--force"], 2, "a.csv: the output would replace it"),
        (["a.csv", "--out-dir", "."], 2, "a.csv: the output would replace it"),
        (["a.csv", "a.csv.rejects.jsonl", "--out-dir", "x"], 2, "would both be written to a.csv.rejects.jsonl"),
        (["."], 2, ".: is a folder; name files in it"),
        (["a.csv", "-o", "x.jsonl", "--excel-safe"], 2, "--excel-safe: is for CSV and TSV"),
        (["a.csv", "-o", "x.xlsx"], 2, "x.xlsx promises a format that is not written here"),
        (["a.csv", "-o", "x.json.gz"], 2, "x.json.gz promises"),
        (["a.csv", "-o", "x.csv.zip"], 2, "x.csv.zip promises"),
        (["a.csv", "-o", "."], 2, ".: is a folder; name a file in it, or --out-dir"),
        (["a.csv", "--keep", ""], 2, "is no list of columns"),
        (["a.csv", "--memory", "20"], 2, "--memory: 20 bytes is too little"),
        (["less.csv"], 4, "did you mean 'sx'?; rename or add it"),
        (["a.csv", "--threshold", "0.3"], 2, "--threshold: is for two classes"),
        (["a.csv", "--proba", "some"], 2, "--proba: 'some' is not known"),
        (["a.csv", "bad.csv"], 3, "bad.csv, line 3"),
        (["page.parquet", "--keep"], 3, "page.parquet: the Parquet file is damaged (Couldn't deserialize thrift"),
        (["cut.parquet"], 3, "cut.parquet: begins as Parquet does, but does not end so"),
        (["the"], 4, "nncli: the: the data lack the column 'sex'"),
    ],
)
def test_what_cannot_be_written_gets_one_line(  # type: ignore[no-untyped-def]
    predict, folder: Path, args: list[str], code: int, message: str
) -> None:
    (folder / "bad.csv").write_text(BAD)
    (folder / "less.csv").write_text((folder / "a.csv").read_text().replace("sex", "sx"))
    pd.read_csv(folder / "a.csv").to_parquet(folder / "page.parquet", use_dictionary=False)
    content = (folder / "page.parquet").read_bytes()
    (folder / "page.parquet").write_bytes(content[:4] + b"\xff" * 20 + content[24:])
    (folder / "cut.parquet").write_bytes(content[:-20])
    (folder / "the").write_bytes((folder / "less.csv").read_bytes())
    outcome = predict(*args)
    assert (outcome.code, outcome.err.count("\n")) == (code, 1), outcome.err
    assert message in outcome.err
    assert not [path for path in folder.iterdir() if path.name.startswith((".", "x"))]


def test_bad_rows_are_left_out_or_answered_with_nothing(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "bad.csv").write_text(BAD)
    skipped = predict("bad.csv", "--bad-rows", "skip", "--keep", "--proba", "none")
    header, *rows = csv.reader(skipped.out.splitlines())
    assert [row[0] for row in rows] == ["Dream", "Biscoe"]
    assert header[-1] == "prediction"
    *lines, summary = skipped.err.splitlines()
    assert [line[:16] for line in lines] == ["bad.csv, line 3:", "bad.csv, line 6:"]
    assert summary == "2 of 4 rows could not be read and were left out"
    null = predict("bad.csv", "--bad-rows", "null", "-o", "out.jsonl", "--proba", "none", "--keep", "island")
    assert null.err == "2 of 4 rows could not be read and have empty answers; see out.jsonl.rejects.jsonl\n"
    found = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [(row["island"], row["prediction"] is None) for row in found] == [
        ("Dream", False),
        ("Dream", True),
        ("Biscoe", False),
        ("1", True),
    ]
    rejects = [json.loads(line) for line in (folder / "out.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [(row["file"], row["line"], row["text"]) for row in rejects] == [
        ("bad.csv", 3, "Dream"),
        ("bad.csv", 6, "1,2,3,4,5,6,7,8"),
    ]
    assert all("the header has" in row["error"] for row in rejects)
    assert predict("a.csv", "-o", "out.jsonl", "--force").code == 0
    assert not (folder / "out.jsonl.rejects.jsonl").exists()


@pytest.mark.parametrize(
    "bad", [b'"Dream"x,39,18,180,3700,male,2007', b"Dr\0m,39,18,180,3700,male,2007", b"a\rb,1,2,3,4,f,7"]
)
def test_a_run_goes_on_after_a_broken_row(predict, folder: Path, bad: bytes) -> None:  # type: ignore[no-untyped-def]
    row = b"Dream,39,18,180,3700,male,2007\n"
    (folder / "bad.csv").write_bytes(HEADER.encode() + row + bad + b"\n" + row)
    skipped = predict("bad.csv", "--bad-rows", "skip", "--keep", "--proba", "none")
    assert skipped.code == 0
    assert skipped.out.splitlines()[1:] == [f"{row.decode().strip()},Adelie"] * 2
    assert skipped.err.startswith("bad.csv, line 3: ")
    assert skipped.err.endswith("\n1 of 3 rows could not be read and were left out\n")
    for output_format in ("csv", "jsonl", "parquet"):
        null = predict("bad.csv", "--bad-rows", "null", "--keep", "-o", f"out.{output_format}")
        assert null.err.startswith("1 of 3 rows could not be read and have empty answers"), null.err
    stopped = predict("bad.csv")
    assert (stopped.code, stopped.err) == (3, f"nncli: {skipped.err.splitlines()[0]}\n")


@pytest.mark.parametrize("kept", [["--keep"], ["--keep", "island,note,year"]])
def test_json_values_stay_as_they_are(predict, folder: Path, kept: list[str]) -> None:  # type: ignore[no-untyped-def]
    lines = [
        '{"island": "Dream", "bill_length_mm": 39.10, "bill_depth_mm": 18, "flipper_length_mm": 181, '
        '"body_mass_g": 3750, "sex": null, "year": 2007, "note": [1.0, {"a": "\\u00e9"}]}',
        "no object",
    ]
    (folder / "t.jsonl").write_text("\n".join(lines) + "\n")
    options = ["--output-format", "jsonl", "--bad-rows", "null", "--proba", "none", "-q"]
    first, second = predict("t.jsonl", *kept, *options).out.splitlines()
    assert '"note": [1.0, {"a": "\\u00e9"}]' in first
    given = json.loads(lines[0])
    names = list(given) if len(kept) == 1 else kept[1].split(",")
    assert json.loads(first) == {**{name: given[name] for name in names}, "prediction": json.loads(first)["prediction"]}
    assert json.loads(second)["prediction"] is None


def test_values_of_parquet_are_written_by_one_rule(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    given = {
        "bin": pa.array([b"abc", b"\xff\xfe", None, b"", b"x"]),
        "struct": pa.array([{"x": 1, "y": "q"}] * 5),
        "map": pa.array([[("k", 1.5)]] * 5, pa.map_(pa.string(), pa.float64())),
        "list": pa.array([[b"\xff", b"a"], [], None, None, []]),
    }
    table = pa.Table.from_pandas(pd.read_csv(folder / "a.csv"))
    for name, values in given.items():
        table = table.append_column(name, values)
    parquet.write_table(table, folder / "t.parquet")
    options = ["t.parquet", "--keep", ",".join(given), "--proba", "none"]
    rows = list(csv.DictReader(predict(*options).out.splitlines()))
    assert [row["bin"] for row in rows] == ["abc", "fffe", "", "", "x"]
    assert [row["list"] for row in rows] == ['["ff", "a"]', "[]", "", "", "[]"]
    lines = [json.loads(line) for line in predict(*options, "--output-format", "jsonl").out.splitlines()]
    assert [line["bin"] for line in lines] == ["abc", "fffe", None, "", "x"]
    for row, line in zip(rows, lines, strict=True):
        assert json.loads(row["struct"]) == line["struct"] == {"x": 1, "y": "q"}
        assert json.loads(row["map"]) == line["map"] == {"k": 1.5}


def test_objects_that_leave_keys_out_are_rows_and_what_that_costs_is_said(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    first = {"bill_length_mm": 39.1, "bill_depth_mm": 18, "flipper_length_mm": 181, "body_mass_g": 3750}
    objects = [first, {**first, "island": "Dream", "note": "a"}, {**first, "sex": "male", "more": 1}]
    (folder / "t.jsonl").write_text("".join(json.dumps(found) + "\n" for found in objects))
    outcome = predict("t.jsonl", "--keep", "--proba", "none")
    assert (outcome.code, len(outcome.out.splitlines())) == (0, 4)
    assert outcome.err.splitlines() == [
        "note: no object names 'year', which the model learned from; it counts as missing",
        "note: --keep left out 'note', 'more', which only later objects name; write JSON Lines to keep all "
        "(--output-format jsonl)",
    ]
    assert predict("t.jsonl", "--keep", "note", "--proba", "none").out.startswith("note,prediction\n")
    assert "--keep" not in predict("t.jsonl", "--keep", "--output-format", "jsonl").err
    assert predict("t.jsonl", "--keep", "-q").err == ""
    assert "t.jsonl: no object" in predict("t.jsonl", "--keep", "--out-dir", "out").err


def test_formulas_are_disarmed_where_that_is_asked_for(predict, folder: Path) -> None:  # type: ignore[no-untyped-def]
    (folder / "f.csv").write_text(HEADER.replace("\n", ",=x\n") + "Dream,39,18,180,3700,male,2007,=1+1\n")
    assert ",=1+1," in predict("f.csv", "--keep").out
    safe = predict("f.csv", "--keep", "--excel-safe").out
    assert ",'=x," in safe
    assert ",'=1+1," in safe


@pytest.mark.parametrize("output", [None, "out.csv.gz", "out.jsonl.zst"])
def test_a_row_is_answered_while_the_next_one_is_not_there(
    penguins_model: Path, tmp_path: Path, output: str | None
) -> None:
    command = [sys.executable, "-m", "nncli", "predict", "--line-buffered", "-m", str(penguins_model)]
    with subprocess.Popen(
        [*command, *(["-o", output] if output else [])], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{HEADER}Dream,39,18,180,3700,male,2007\n".encode())
        process.stdin.flush()
        if output is None:
            process.stdout.readline()
            assert process.stdout.readline().count(b",") == 3
        else:
            while not any(path.stat().st_size >= 50 for path in tmp_path.glob(f".{output}.*.new")):
                time.sleep(0.05)
            (growing,) = (path for path in tmp_path.glob(f".{output}.*.new") if "rejects" not in path.name)
            size = growing.stat().st_size
            process.stdin.write(b"Biscoe,46,15,215,5000,female,2008\n")
            process.stdin.flush()
            while growing.stat().st_size == size:
                time.sleep(0.05)
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_a_terminal_shows_progress_and_a_file_none(penguins_model: Path, samples: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nncli", "predict", str(samples / "penguins.csv"), "-m", str(penguins_model)]

    def seen(*options: str) -> bytes:
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*command, *options],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
        ) as process:
            os.close(theirs)
            found = b""
            try:
                while data := os.read(ours, 1 << 16):
                    found += data
            except OSError:
                pass  # Linux says so where the other end is closed
            assert process.wait() == 0
        os.close(ours)
        return found

    assert b"344 rows, 100%" in seen()
    assert seen("-q") == b""


def test_completion_names_the_columns_to_keep(nncli: Program, samples: Path) -> None:
    words = f"nncli predict {samples / 'penguins.csv'} --keep bill"
    env = {"_NNCLI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "4"}
    assert nncli(env=env).out.split() == ["bill_length_mm", "bill_depth_mm"]


def test_sets_of_classes_reach_their_coverage(nncli: Program, penguins_model: Path, samples: Path) -> None:
    """By the rows that were held out, and as many classes as the probabilities say."""
    arguments = (samples / "penguins.csv", "-m", penguins_model, "--coverage", "0.95", "--with", "both")
    table = pd.read_csv(StringIO(nncli("predict", *arguments).out), dtype=str, na_filter=False)
    model, heldout = load_with_heldout(penguins_model)
    for suffix, side in (("", "network"), ("_trees", "trees")):
        limit = fit_conformal(*heldout.answers(side), 0.95, "lac").limits[0]
        for _, row in table.head(50).iterrows():
            proba = [float(row[f"probability_{name}{suffix}"]) for name in model.classes]
            expected = [name for name, p in zip(model.classes, proba, strict=True) if 1 - p <= limit]
            assert row[f"set{suffix}"] == "|".join(expected)
            assert int(row[f"set_size{suffix}"]) == len(expected)
    larger = nncli("predict", *arguments[:3], "--coverage", "0.999", "--by-class", "--proba", "none").out.splitlines()
    assert larger[:2] == ["prediction,set,set_size", "Adelie,Adelie|Chinstrap|Gentoo,3"]  # too few rows to promise more
    for options, message in (
        (["--coverage", "1"], "--coverage: 1.0 is out of range"),
        (["--coverage", "0.9", "--sets", "x"], "--sets: 'x' is not known"),
    ):
        refused = nncli("predict", *arguments[:3], *options)
        assert (refused.code, message in refused.err) == (2, True)
    told = nncli("info", "-m", penguins_model)
    assert "90% asked" in told.out
    checks = json.loads((penguins_model / "report.json").read_text())["sets"]
    assert json.loads(nncli("info", "-m", penguins_model, "--json").out)["sets"] == checks
    assert [check["coverage"] for check in checks["trees"]] == [0.8, 0.9, 0.95]


def test_the_fast_network_answers_nearly_as_the_whole_one(nncli: Program, penguins_model: Path, samples: Path) -> None:
    data = samples / "penguins.csv"
    whole, fast, both, trees = (
        nncli("predict", data, "-m", penguins_model, *options)
        for options in ((), ("--fast",), ("--fast", "--with", "both"), ("--with", "trees"))
    )
    assert [outcome.code for outcome in (whole, fast, both, trees)] == [0] * 4
    assert fast.err == ""
    probas = [pd.read_csv(StringIO(outcome.out)).filter(like="probability") for outcome in (whole, fast)]
    assert not probas[0].equals(probas[1])
    assert (probas[0] - probas[1]).abs().to_numpy().mean() < 0.02
    lines = zip(*(outcome.out.splitlines()[1:] for outcome in (both, fast, trees)), strict=True)
    assert all(pair == f"{network},{tree}" for pair, network, tree in lines)
    refused = nncli("predict", data, "-m", penguins_model, "--fast", "--with", "trees")
    assert (refused.code, refused.out) == (2, "")


def test_a_model_without_a_fast_network_says_so_and_predicts(nncli: Program, samples: Path) -> None:
    data = samples / "penguins.csv"
    trained = nncli(
        "train", data, "--target", "species", "--network", "mlp", "--epochs", "3", "--effort", "quick", "-q"
    )
    assert trained.code == 0, trained.err
    assert "fast network  none" in nncli("info").out
    whole, fast = nncli("predict", data), nncli("predict", data, "--fast")
    assert whole.out == fast.out
    assert fast.err.startswith("note: this model has no fast network")


def test_info_says_what_the_fast_network_costs(nncli: Program, penguins_model: Path) -> None:
    document = json.loads(nncli("info", "-m", penguins_model, "--json").out)
    report = json.loads((penguins_model / "report.json").read_text())
    for side in ("network", "fast"):
        assert document["log_loss"][side] == pytest.approx(report["scores"][side]["log_loss"]["value"])
    lost = document["log_loss"]["fast"] / document["log_loss"]["network"] - 1
    assert f"({lost:+.1%})" in nncli("info", "-m", penguins_model).out
