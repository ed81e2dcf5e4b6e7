"""Thirty damaged inputs, and what nncli says of each: can somebody who has not seen the file tell cause and remedy?

``python messages.py FOLDER`` writes the files to FOLDER, runs nncli on each and writes ``questions.md`` (the command,
without the file's name where it tells, and what was printed) and ``truths.md`` (what had been done to the file). A
person, or a model, answers the questions for cause and remedy without having seen this script; answers are compared
with the truths by hand.
"""

import gzip
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet

PENGUINS = Path(__file__).parents[2] / "sample_data" / "penguins.csv"
PLAIN = PENGUINS.read_text()
LINES = PLAIN.splitlines()
HEADER, ROWS = LINES[0], LINES[1:]
TRAIN = "train", "--target", "species", "--effort", "quick", "--epochs", "2"


@dataclass(frozen=True)
class Case:
    """A damaged input."""

    truth: str
    make: Callable[[Path], object]
    """Writes the file, or damages a copy of the model."""
    command: tuple[str, ...] = TRAIN
    is_model: bool = False


def text(*lines: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    """A file of lines."""
    return lambda path: path.write_bytes(("\n".join(lines) + "\n").encode(encoding))


def raw(content: bytes) -> Callable[[Path], object]:
    """A file of bytes."""
    return lambda path: path.write_bytes(content)


def with_column(name: str, cell: Callable[[int], str]) -> Callable[[Path], object]:
    """One more column."""
    return text(f"{HEADER},{name}", *(f"{row},{cell(i)}" for i, row in enumerate(ROWS)))


def zipped(content: bytes) -> bytes:
    """An archive of a spreadsheet."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", content)
    return file.getvalue()


def parquet() -> bytes:
    """The table in Parquet."""
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(PENGUINS), file)
    return file.getvalue()


def in_model(pattern: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """A model with one file changed."""

    def make(folder: Path) -> None:
        [path] = folder.glob(pattern)
        path.write_bytes(change(path.read_bytes()))

    return make


def newer(manifest: bytes) -> bytes:
    """The manifest of a later nncli."""
    return json.dumps(json.loads(manifest) | {"format_version": 99}).encode()


PREDICT = ("predict",)
CASES = (
    Case("file is empty (0 bytes)", raw(b"")),
    Case("only a header, no rows", text(HEADER)),
    Case(
        "fields are separated by ^, a delimiter that nncli does not guess",
        text(*(line.replace(",", "^") for line in LINES)),
    ),
    Case("row 57 has one field too many", text(HEADER, *ROWS[:56], ROWS[56] + ",extra", *ROWS[57:])),
    Case("a quote is opened in row 101 and never closed", text(HEADER, *ROWS[:100], '"' + ROWS[100], *ROWS[101:])),
    Case("UTF-16 without a byte order mark", raw(PLAIN.encode("utf-16-le"))),
    Case("a PNG picture", raw(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)),
    Case("an Excel workbook (.xlsx)", raw(zipped(b"<workbook/>"))),
    Case("a gzip file cut short", raw(gzip.compress(PLAIN.encode(), mtime=0)[:-40])),
    Case("the target column is called Species, not species", text(HEADER.replace("species", "Species"), *ROWS)),
    Case("the target holds one class only", text(HEADER, *(row for row in ROWS if "Adelie" in row))),
    Case(
        "the target is empty in every row",
        text(HEADER, *(row.replace("Adelie", "").replace("Gentoo", "").replace("Chinstrap", "") for row in ROWS)),
    ),
    Case("the target is a measured number (regression)", text(HEADER, *ROWS), ("train", "--target", "body_mass_g")),
    Case(
        "Windows-1252 while --encoding utf-8 insists on UTF-8",
        text(HEADER, *(row.replace("Torgersen", "Tørgersen") for row in ROWS), encoding="cp1252"),
        (*TRAIN, "--encoding", "utf-8"),
    ),
    Case("two title lines above the header", text("Penguins of the station", "as of 2009", HEADER, *ROWS)),
    Case("a total row at the foot", text(HEADER, *ROWS, "Total," + "," * (HEADER.count(",") - 1))),
    Case("two columns have the same name", text(HEADER.replace("bill_depth_mm", "bill_length_mm"), *ROWS)),
    Case("no header line", text(*ROWS), ("train", "--effort", "quick", "--epochs", "2")),
    Case(
        "an HTML page (of a login) instead of data",
        text("<!DOCTYPE html>", "<html><head><title>Sign in</title></head>", "<body>Please sign in</body></html>"),
    ),
    Case(
        "a JSON array instead of JSON Lines",
        raw(json.dumps([{"species": "Adelie", "x": 1}, {"species": "Gentoo", "x": 2}], indent=1).encode()),
    ),
    Case(
        "line 12 of JSON Lines is broken",
        text(
            *(json.dumps({"species": row.split(",")[0], "x": i}) for i, row in enumerate(ROWS[:11])),
            '{"species": "Adelie", "x": }',
            *(json.dumps({"species": row.split(",")[0], "x": i}) for i, row in enumerate(ROWS[12:])),
        ),
    ),
    Case("a Parquet file cut short", raw(parquet()[:-100])),
    Case("a column of dates written day/month/year", with_column("seen", lambda i: f"{1 + i % 28:02}/03/2009")),
    Case("a column is a copy of the target", with_column("kind", lambda i: "K-" + ROWS[i].split(",")[0])),
    Case(
        "three words among the numbers of a column",
        with_column("age", lambda i: "unknown" if i % 40 == 0 else f"{i % 17}.5"),
    ),
    Case("weights below zero", with_column("w", lambda i: "-1" if i == 9 else "1"), (*TRAIN, "--sample-weight", "w")),
    Case(
        "rows to predict lack a column of the model",
        text(*(",".join(row.split(",")[:3] + row.split(",")[4:]) for row in LINES)),
        PREDICT,
    ),
    Case(
        "the model's weights are cut short",
        in_model("weights-*", lambda b: b[:9999]),
        PREDICT,
        True,
    ),
    Case("the manifest is no JSON", in_model("manifest.json", lambda b: b[:40]), PREDICT, True),
    Case("the model is of a later version of nncli", in_model("manifest.json", newer), PREDICT, True),
)


def said(folder: Path, *arguments: str) -> str:
    """What nncli prints on standard error, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "nncli", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    lines = done.stderr.splitlines()
    told = [line for line in lines if line.startswith(("nncli:", "info:", "warn:", "error:"))]
    return "\n".join([*lines[:3], *told, f"(exit code {done.returncode})"] if done.returncode == 0 else [*lines, ""])


def main(where: str) -> None:
    folder = Path(where)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    said(folder, "train", str(PENGUINS), "--effort", "quick", "--epochs", "2", "--target", "species", "-q")
    questions, truths = [], []
    for number, case in enumerate(CASES, start=1):
        name, model = f"data{number}.csv", f"model{number}"
        shutil.copytree(folder / "nncli-model", folder / model)
        if case.is_model:
            shutil.copy(PENGUINS, folder / name)
        case.make(folder / (model if case.is_model else name))
        command, *options = case.command
        more = ["-m", model] if command == "predict" else ["-o", f"out{number}"]
        printed = said(folder, command, name, *options, *more)
        shown = " ".join(["nncli", command, name, *options, *more])
        questions.append(f"## {number}\n\n    $ {shown}\n" + "".join(f"    {line}\n" for line in printed.splitlines()))
        truths.append(f"{number}. {case.truth}")
    (folder / "questions.md").write_text("\n".join(questions))
    (folder / "truths.md").write_text("\n".join(truths) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
