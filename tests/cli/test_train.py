import csv
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from program import Program, without

CONTRACT = {
    "schema_version", "command", "data", "target", "classes", "rows", "scores", "verdict", "warnings", "seconds",
    "device", "threads", "seed", "settings", "versions", "model_sha256",
}  # fmt: skip


def test_a_csv_file_becomes_a_model_folder_and_a_verdict(nncli: Program, samples: Path) -> None:
    outcome = nncli("train", samples / "hr_attrition.csv", "--target", "Attrition", "--effort", "quick", "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert set(report) >= CONTRACT
    assert report["rows"] == {"train": 941, "validation": 235, "test": 294}
    assert report["scores"]["network"]["log_loss"]["value"] < report["scores"]["majority"]["log_loss"]["value"]
    assert report["verdict"]["word"] in ("better", "worse", "no clear difference")
    folder = nncli.folder / "nncli-model"
    assert json.loads((folder / "report.json").read_text()) == report
    roles = sorted(path.name.split("-")[0] for path in folder.glob("*-*"))
    assert roles == ["fast", "heldout", "model", "trees", "weights"]
    assert {"manifest.json", "report.html", "report.json", "README.md"} <= {path.name for path in folder.iterdir()}
    assert "1,470 rows, 31 columns" in outcome.err
    assert "\nnetwork, validation log loss: 0." in outcome.err
    assert report["verdict"]["sentence"] in outcome.err.replace("\n", " ").replace("  ", " ")
    assert "\x1b" not in outcome.err + outcome.out
    last = outcome.err.splitlines()[-1]
    assert last == "Model: nncli-model   Report: nncli-model/report.html   (nncli report --open)"


def test_the_textbook_network_with_all_its_options(nncli: Program, samples: Path) -> None:
    outcome = nncli(
        "train", samples / "penguins.csv", "--target", "species", "--network", "mlp", "--layers", "32,16",
        "--activation", "tanh", "--dropout", "0.2", "--optimizer", "adam", "--learning-rate", "0.01",
        "--batch-size", "16", "--epochs", "12", "--seed", "7", "--threads", "1", "--json", "-q",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    report = json.loads(outcome.out)
    network = report["network"]
    assert (network["kind"], network["layers"], network["activation"]) == ("mlp", [32, 16], "tanh")
    assert (network["members"], network["dropout"], network["learning_rate"], network["batch_size"]) == (
        1,
        0.2,
        0.01,
        16,
    )
    assert len(report["curve"]) <= 12
    assert (report["seed"], report["threads"]) == (7, 1)
    assert report["scores"]["network"]["accuracy"]["value"] > 0.9


def test_standard_input_compressed_and_a_time_limit(nncli: Program, samples: Path) -> None:
    data = gzip.compress((samples / "breast_cancer_wdbc.csv").read_bytes())
    outcome = nncli(
        "train", "-", "--target", "diagnosis", "--time-limit", "6", "--optimizer", "sgd", "--learning-rate", "1e-6",
        "--epochs", "100000", "-o", "wdbc", "--json", stdin=data,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "standard input: 569 rows" in outcome.err
    assert (nncli.folder / "wdbc" / "manifest.json").exists()
    report = json.loads(outcome.out)
    assert report["network"]["stop"] == "time limit"  # at that rate every epoch is a little better
    assert "the network" in next(f["message"] for f in report["warnings"] if f["code"] == "time-limit")


def test_json_lines_in_a_pipe_make_the_model_that_the_same_cells_make(nncli: Program, samples: Path) -> None:
    with (samples / "penguins.csv").open(newline="") as file:
        rows = [{key: value for key, value in row.items() if value not in ("", "NA")} for row in csv.DictReader(file)]
    lines = [json.dumps(row) for row in rows]
    options = ("--target", "species", "--effort", "quick", "--epochs", "3", "--json")
    of_cells = nncli("train", samples / "penguins.csv", *options, "-o", "csv")
    of_lines = nncli("train", "-", *options, "-o", "jsonl", stdin="\n".join(lines).encode())
    assert of_cells.code == of_lines.code == 0, of_lines.err
    assert "344 rows, 8 columns, JSON Lines" in of_lines.err
    assert json.loads(of_lines.out)["scores"] == json.loads(of_cells.out)["scores"]
    for numbers in ("weights-*", "trees-*"):  # their names tell their content
        assert [path.name for path in nncli.folder.glob(f"csv/{numbers}")] == [
            path.name for path in nncli.folder.glob(f"jsonl/{numbers}")
        ]


def test_an_existing_model_is_kept_unless_forced(nncli: Program, samples: Path) -> None:
    args = ("train", samples / "penguins.csv", "--target", "species", "--effort", "quick", "--epochs", "2", "-q")
    assert nncli(*args).code == 0
    before = (nncli.folder / "nncli-model" / "manifest.json").read_bytes()
    refused = nncli(*args, "--seed", "1")
    assert refused.code == 2
    assert refused.err.splitlines() == [
        "nncli: nncli-model: exists already; choose another --output, or replace it with --force"
    ]
    assert (nncli.folder / "nncli-model" / "manifest.json").read_bytes() == before
    (nncli.folder / "nncli-model" / "notes.txt").write_text("mine")
    assert nncli(*args, "--seed", "1", "--force").code == 0
    assert (nncli.folder / "nncli-model" / "notes.txt").read_text() == "mine"
    assert (nncli.folder / "nncli-model" / "manifest.json").read_bytes() != before
    assert len(list((nncli.folder / "nncli-model").glob("weights-*"))) == 1


GOOD = [f"{i % 7},{'abc'[i % 3]},{'yn'[i * i % 5 % 2]}" for i in range(60)]
TABLES = {
    "empty": (b"", "is empty"),
    "header only": (b"a,b,y\n", "no rows"),
    "one class": (b"a,y\n1,n\n2,n\n", "found only 'n'"),
    "no usable column": (b"a,y\n1,n\n1,y\n1,y\n", "no column is left"),
    "ragged": (b"a,b,y\n1,2,n\n1,y\n2,3,y\n", "line 3: the row has 2 fields, the header has 3"),
    "every row too long": (b"a,b,y\n" + b"1,2,n,\n" * 30, "line 2: the row has 4 fields, the header has 3"),
    "wrong delimiter": (b"a:b:y\n1:2:n\n", "only one column was found"),
    "UTF-16 without its mark": (
        "a,y\n1,n\n".encode("utf-16-le"),
        "line 1: looks like UTF-16 without its mark (byte 2 is NUL)",
    ),
    "footer": (b"a,b,y\n1,2,n\n3,4,y\nTotal,4\n", "head -n 3 FILE > SHORTER"),
    "NUL byte": (b"a,y\n1,n\n\x00,y\n", "line 3: byte 1 is NUL"),
    "preamble": (b"Report 2024\na,b,y\n1,2,n\n3,4,y\n", "'Report 2024' is not a header"),
    "regression": (b"a,y\n" + b"".join(b"%d,%d.5\n" % (i % 3, i) for i in range(99)), "looks like a quantity"),
    "too few rows": (b"a,y\n1,n\n2,y\n3,n\n", "too few"),
}


@pytest.mark.parametrize("name", TABLES)
def test_bad_data_gets_one_line_and_leaves_nothing(nncli: Program, name: str) -> None:
    content, message = TABLES[name]
    (nncli.folder / "data.csv").write_bytes(content)
    outcome = nncli("train", "data.csv", "--effort", "quick")
    assert outcome.code == 3
    last = outcome.err.splitlines()[-1]
    assert last.startswith("nncli: ")
    assert message in last
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    assert os.listdir(nncli.folder) == ["data.csv"]


def test_odd_data_is_mended_and_named(nncli: Program) -> None:
    header = "a;b;y;empty;same;id"
    rows = [f"{row.replace(',', ';')};;k;{number}" for number, row in enumerate(GOOD)]
    rows[5] = "?" + rows[5][1:]
    rows[7] = rows[7].replace(";y;", ";;").replace(";n;", ";;")
    (nncli.folder / "data.csv").write_text("\n".join([header, *rows]))
    outcome = nncli("train", "data.csv", "--target", "y", "--effort", "quick", "--epochs", "3", "--json")
    assert outcome.code == 0, outcome.err
    found = {finding["code"]: finding["columns"] for finding in json.loads(outcome.out)["warnings"]}
    assert found["empty-column"] == ["empty"]
    assert found["constant-column"] == ["same"]
    assert found["id-column"] == ["id"]
    assert found["misfit-cells"] == ["a"]
    assert found["missing-target"] == ["y"]
    assert "semicolon-separated" in outcome.err
    for name in ("'empty'", "'same'", "'id'", "'?'"):
        assert name in outcome.err


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["nowhere.csv"], 5, "nowhere.csv: No such file or directory"),
        (["."], 2, "nncli: .: is a folder; name a file in it"),
        (["data.csv", "--target", "Y"], 3, "did you mean 'y'"),
        (["data.csv", "--layers", "32,x"], 2, "--layers"),
        (["data.csv", "--layers", "0"], 2, "--layers"),
        (["data.csv", "--dropout", "1"], 2, "--dropout"),
        (["data.csv", "--effort", "heroic"], 2, "choose one of quick, default, best"),
        (["data.csv", "--network", "cnn"], 2, "choose one of tabm, mlp"),
        (["data.csv", "--time-limit", "0"], 2, "--time-limit"),
        (["data.csv", "-o", "data.csv", "--force"], 2, "data.csv: is no folder; choose another --output"),
        (["data.csv", "--no-such-option"], 2, "no such option"),
        ([], 2, "DATA"),
    ],
)
def test_wrong_use_gets_one_line_and_a_code(nncli: Program, args: list[str], code: int, message: str) -> None:
    (nncli.folder / "data.csv").write_text("\n".join(["a,b,y", *GOOD]))
    outcome = nncli("train", *args)
    assert outcome.code == code, outcome.err
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_a_diverging_network_leaves_a_sound_report_or_one_line(nncli: Program, samples: Path) -> None:
    outcome = nncli(
        "train", samples / "penguins.csv", "--target", "species", "--network", "mlp", "--layers", ",".join(["64"] * 16),
        "--activation", "selu", "--optimizer", "adam", "--learning-rate", "10", "--effort", "quick", "--json",
    )  # fmt: skip
    assert outcome.code in (0, 2)
    assert "Traceback" not in outcome.err
    if outcome.code == 0:
        json.loads(outcome.out, parse_constant=pytest.fail)


def test_a_column_without_values_in_training_and_a_class_too_rare_for_an_auc(nncli: Program) -> None:
    rows = [f"{i % 7},{'2.5' if i == 0 else ''},{'yes' if i in (3, 50, 90) else 'no'}" for i in range(150)]
    (nncli.folder / "data.csv").write_text("\n".join(["a,late,y", *rows]))
    for command in (["train"], ["compare-baseline", "--rounds", "1"]):
        outcome = nncli(*command, "data.csv", "--effort", "quick", "--json")
        assert outcome.code == 0, outcome.err
        json.loads(outcome.out, parse_constant=pytest.fail)
        assert "RuntimeWarning" not in outcome.err


def test_no_gpu_is_said_with_its_code(nncli: Program, samples: Path) -> None:
    outcome = nncli("train", samples / "penguins.csv", "--device", "cuda", env={"CUDA_VISIBLE_DEVICES": ""})
    assert outcome.code == 8
    assert outcome.err.splitlines()[-1].startswith("nncli: --device cuda: not available here")


def test_a_bug_is_said_to_be_one_and_debug_shows_where(nncli: Program, samples: Path) -> None:
    broken = (
        "import nncli.table.reading as r\n"
        "def read_table(*given): raise KeyError('oops')\n"
        "r.read_table = read_table\n"
        "from nncli.__main__ import main\nmain()"
    )
    for debug in ([], ["--debug"]):
        command = [sys.executable, "-c", broken, "train", str(samples / "penguins.csv"), *debug]
        process = subprocess.run(command, cwd=nncli.folder, capture_output=True, text=True, check=False)
        assert process.returncode == 1
        assert "a bug in nncli (KeyError: 'oops')" in process.stderr
        assert ("Traceback" in process.stderr) == bool(debug)


def test_a_search_that_was_cut_off_goes_on_and_says_what_was_tried(tmp_path: Path, samples: Path) -> None:
    command = [
        sys.executable, "-m", "nncli", "train", str(samples / "penguins.csv"), "--target", "species",
        "--effort", "best", "-o", "m", "--time-limit",
    ]  # fmt: skip
    process = subprocess.Popen([*command, "200"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("trial 2 of"):
            break
    process.terminate()
    process.stderr.read()
    assert process.wait(timeout=60) == 143
    process.stderr.close()
    assert os.listdir(tmp_path) == ["m.checkpoint"]
    [key] = (tmp_path / "m.checkpoint").iterdir()
    assert (key / "trial-0001" / "manifest.json").exists()
    again = subprocess.run([*command, "20", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "going on after" in again.stderr
    assert "trial 1 of" not in again.stderr
    assert os.listdir(tmp_path) == ["m"]
    report = json.loads(again.stdout)
    networks, trees = ([t for t in report["trials"] if t["side"] == side] for side in ("network", "trees"))
    assert [trial["number"] for trial in networks] == list(range(1, len(networks) + 1))
    assert sum(trial["kept"] for trial in networks) == report["network"]["networks"] >= 1
    assert [trial["loss"] for trial in trees if trial["kept"]] == [min(trial["loss"] for trial in trees)]
    assert f"settings tried: {len(networks)} for the network" in report["sentences"]["effort"]
    assert report["seconds"]["total"] < 200
    predicted = subprocess.run(
        [sys.executable, "-m", "nncli", "predict", str(samples / "penguins.csv"), "-m", "m"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(predicted.stdout.splitlines()) == 345


def test_a_search_with_nowhere_to_keep_its_networks_is_refused_before_any_work(nncli: Program, samples: Path) -> None:
    (nncli.folder / "m.checkpoint").write_text("mine")
    outcome = nncli("train", samples / "penguins.csv", "--effort", "best", "-o", "m")
    assert outcome.code == 2
    assert outcome.err.startswith("nncli: m.checkpoint: is no folder")
    assert len(outcome.err.splitlines()) == 1


def test_a_search_without_its_library_is_refused_before_any_work(nncli: Program, samples: Path) -> None:
    outcome = nncli("train", samples / "penguins.csv", "--effort", "best", env=without(nncli.folder, "optuna"))
    assert outcome.code == 2
    assert "pip install 'nncli-tabular[tune]'" in outcome.err
    assert len(outcome.err.splitlines()) == 1
