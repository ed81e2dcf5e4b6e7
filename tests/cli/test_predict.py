import gzip
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from program import Program

HEADER = b"island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year\n"


def test_file_and_pipe_give_the_same_bytes(nncli: Program, penguins_model: Path, samples: Path) -> None:
    data = samples / "penguins.csv"
    from_file = nncli("predict", data, "-m", penguins_model)
    assert from_file.code == 0, from_file.err
    assert from_file.err == ""
    header, *rows = from_file.out.splitlines()
    assert header == "prediction,probability_Adelie,probability_Chinstrap,probability_Gentoo"
    assert len(rows) == 344
    for args, stdin in (
        (("predict",), data.read_bytes()),
        (("predict", "-"), gzip.compress(data.read_bytes())),
        (("predict", data, "-o", "out.csv"), None),
    ):
        outcome = nncli(*args, "-m", penguins_model, stdin=stdin)
        assert outcome.code == 0, outcome.err
        found = (nncli.folder / "out.csv").read_text() if "-o" in args else outcome.out
        assert found == from_file.out


def test_every_format_gives_the_same_bytes(nncli: Program, penguins_model: Path, samples: Path) -> None:
    frame = pd.read_csv(samples / "penguins.csv", dtype="str", na_filter=False)
    frame.to_json(nncli.folder / "t.jsonl", orient="records", lines=True)
    frame.to_csv(nncli.folder / "t.tsv", sep="\t", index=False)
    frame.to_parquet(nncli.folder / "t.parquet")
    expected = nncli("predict", samples / "penguins.csv", "-m", penguins_model, "--keep").out
    for name in ("t.jsonl", "t.tsv", "t.parquet"):
        for args, stdin in (((name,), None), ((), (nncli.folder / name).read_bytes())):
            outcome = nncli("predict", *args, "-m", penguins_model, "--keep", stdin=stdin)
            assert outcome.code == 0, outcome.err
            assert outcome.out == expected, name


@pytest.mark.parametrize(
    ("options", "reader"),
    [("--keep", "head -2"), ("--output-format jsonl", "head -2"), ("--output-format parquet", "head -c 9")],
)
def test_a_reader_that_leaves_is_no_error(
    penguins_model: Path, samples: Path, tmp_path: Path, options: str, reader: str
) -> None:
    header, *rows = (samples / "penguins.csv").read_text().splitlines(keepends=True)
    (tmp_path / "long.csv").write_text(header + "".join(rows * 400))
    script = f'cat long.csv | "{sys.executable}" -m nncli predict -m "{penguins_model}" {options} | {reader}'
    process = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"], cwd=tmp_path, capture_output=True, check=False
    )
    assert process.stdout.count(b"\n") == 2 or process.stdout.startswith(b"PAR1")
    assert process.stderr == b""
    assert process.returncode == 141


def test_notes_go_to_standard_error(nncli: Program, penguins_model: Path, samples: Path) -> None:
    data = (samples / "penguins.csv").read_bytes().replace(b",Dream,", b",Atlantis,")
    outcome = nncli("predict", "-m", penguins_model, stdin=data)
    assert outcome.code == 0
    assert outcome.err.startswith("note: column 'island': 124 of 344 cells hold no value that the model knows")
    assert len(outcome.out.splitlines()) == 345
    assert nncli("predict", "-q", "-m", penguins_model, stdin=data).err == ""
    words = b"\n".join(line.replace(b",20", b",year 20") for line in data.split(b"\n"))
    assert (
        "column 'year': none of its 344 cells holds a value" in nncli("predict", "-m", penguins_model, stdin=words).err
    )


def test_the_trees_predict_too(nncli: Program, penguins_model: Path, samples: Path) -> None:
    network, trees = (
        nncli("predict", samples / "penguins.csv", "-m", penguins_model, "--with", side)
        for side in ("network", "trees")
    )
    assert network.code == trees.code == 0
    assert network.out != trees.out
    species = [line.split(",")[0] for line in (samples / "penguins.csv").read_text().splitlines()[1:]]
    hits = [line.split(",")[0] == name for line, name in zip(trees.out.splitlines()[1:], species, strict=True)]
    assert sum(hits) > 0.95 * len(hits)


@pytest.mark.parametrize(
    ("args", "stdin", "code", "message"),
    [
        ([], b"island,year\nDream,2007\n", 4, "lack the columns"),
        ([], b"", 3, "standard input: is empty"),
        ([], HEADER + b"Dream\n", 3, "line 2: the row has 1 field"),
        (["nowhere.csv"], b"", 5, "nowhere.csv"),
        (["--with", "forest"], b"", 2, "choose one of network, trees, blend, both"),
        (["--threads", "0"], b"", 2, "--threads: 0 is out of range; allowed: 1 to 1024"),
    ],
)
def test_what_cannot_be_predicted_gets_one_line(  # type: ignore[no-untyped-def]
    nncli: Program, penguins_model: Path, args, stdin: bytes, code: int, message: str
) -> None:
    outcome = nncli("predict", *args, "-m", penguins_model, stdin=stdin)
    assert outcome.code == code, outcome.err
    (line,) = outcome.err.splitlines()
    assert message in line
    assert outcome.out == ""


def test_no_model_is_said(nncli: Program, samples: Path) -> None:
    outcome = nncli("predict", samples / "penguins.csv")
    assert outcome.code == 4
    assert outcome.err.startswith("nncli: nncli-model: is no model folder")


def test_a_full_disk_and_a_closed_output_are_said(penguins_model: Path, samples: Path, tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m nncli predict "{samples}/penguins.csv" -m "{penguins_model}"'
    for redirection, where in (
        ("> /dev/full", "standard output"),
        (">&-", "standard output"),
        ("-o /dev/full", "/dev/full"),
        ("--output-format jsonl > /dev/full", "standard output"),
        ("--output-format parquet > /dev/full", "standard output"),
    ):
        process = subprocess.run(
            ["bash", "-c", f"{command} {redirection}"], capture_output=True, text=True, check=False
        )
        assert process.returncode == 5, (redirection, process.stderr)
        (line,) = process.stderr.splitlines()
        assert line.startswith(f"nncli: {where}: "), line
    named = f'{command} -o "{tmp_path}/out.csv" >&-'
    assert subprocess.run(["bash", "-c", named], check=False).returncode == 0


def test_a_terminal_that_is_asked_for_rows_shows_the_help(penguins_model: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nncli", "predict", "-m", str(penguins_model)]
    process = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, process.stdout) == (2, "")
    assert "--keep" in process.stderr
    assert process.stderr.endswith("standard input is a terminal; name a file, or pipe rows in\n")


def test_closed_streams_lose_and_mix_nothing(penguins_model: Path, samples: Path) -> None:
    command = f'"{sys.executable}" -m nncli predict -m "{penguins_model}"'

    def bash(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)

    no_input = bash(f"{command} <&-")
    assert no_input.returncode == 2
    assert no_input.stderr.startswith("nncli: standard input: is closed")
    changed = f'sed s/Dream/Atlantis/ "{samples}/penguins.csv" | {command}'
    assert bash(f"{changed} 2>&-").stdout == bash(f"{changed} 2>/dev/null").stdout


@pytest.fixture
def hang_up() -> Iterator[None]:
    """Children are not deaf to SIGHUP, though these tests may run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hang_up")
def test_an_open_pipe_keeps_no_run_from_its_end(penguins_model: Path, tmp_path: Path) -> None:
    """One row is through and the next is not there: whatever ends the run, it ends at once, and in order."""
    os.mkfifo(tmp_path / "fifo")
    command = [sys.executable, "-m", "nncli", "predict", "-m", str(penguins_model), "--line-buffered"]
    row = b"Dream,39,18,180,3700,male,2007\n"
    for source, end, code in (
        ("-", "leave", 141),
        ("-", signal.SIGTERM, 143),
        ("-", signal.SIGHUP, 129),
        ("-", signal.SIGINT, 130),
        ("-", b"too,few\n", 3),
        ("fifo", signal.SIGTERM, 143),
    ):
        with subprocess.Popen(
            [*command, source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            with (tmp_path / source).open("wb") if source == "fifo" else process.stdin as rows:
                rows.write(HEADER + row)
                rows.flush()
                assert [process.stdout.readline().count(b",") for _ in range(2)] == [3, 3]
                if end == "leave":
                    process.stdout.close()
                    rows.write(row)
                    rows.flush()
                elif isinstance(end, bytes):
                    rows.write(end)
                    rows.flush()
                else:
                    process.send_signal(end)
                assert process.wait(timeout=20) == code, (source, end)
                assert process.stderr is not None
                assert process.stderr.read().count(b"\n") == isinstance(end, bytes)


@pytest.mark.parametrize("options", [["-o", "out.csv"], ["-o", "out.csv.zst"], ["--out-dir", "."]])
def test_terminating_leaves_no_half_written_output(penguins_model: Path, tmp_path: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "nncli", "predict", "-m", str(penguins_model), *options]
    folder, fifo = tmp_path / "out", tmp_path / "rows.csv"
    folder.mkdir()
    os.mkfifo(fifo)
    process = subprocess.Popen([*command, fifo], cwd=folder, stderr=subprocess.PIPE)
    with fifo.open("wb") as stream:
        stream.write(HEADER)
        stream.flush()
        while not list(folder.iterdir()):
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=60) == 143
    assert process.communicate()[1] == b""
    assert not list(folder.iterdir())


def test_an_output_that_somebody_else_writes_meanwhile_is_not_replaced(penguins_model: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    command = [sys.executable, "-m", "nncli", "predict", "-m", str(penguins_model), "-o", "out.csv", "rows.csv"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    with (tmp_path / "rows.csv").open("wb") as rows:
        rows.write(HEADER)
        rows.flush()
        while len(list(tmp_path.iterdir())) == 1:
            time.sleep(0.05)
        (tmp_path / "out.csv").write_text("precious")
    assert "out.csv: exists already" in process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert (tmp_path / "out.csv").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "out.csv"}


def test_an_output_file_is_whole_or_absent(nncli: Program, penguins_model: Path, samples: Path) -> None:
    (nncli.folder / "bad.csv").write_bytes((samples / "penguins.csv").read_bytes() + b"too,few\n")
    assert nncli("predict", "bad.csv", "-m", penguins_model, "-o", "out.csv").code == 3
    assert {path.name for path in nncli.folder.iterdir()} == {"bad.csv"}
    (nncli.folder / "out.csv").write_text("precious")
    refused = nncli("predict", samples / "penguins.csv", "-m", penguins_model, "-o", "out.csv")
    assert refused.code == 2
    assert (nncli.folder / "out.csv").read_text() == "precious"
