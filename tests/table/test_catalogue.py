"""The catalogue of bad input, sections 4.1 (reading), 4.2 (values) and 4.4 (at prediction).

Each test has the name of its row. Where the row says otherwise, the list of the issue "Nothing breaks it" or the design
goes first, and the test says so.
"""

import bz2
import gzip
import io
import lzma
import os
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from program import Program

from nncli.bundle.model import Model, load_model
from nncli.errors import DataError, ModelError
from nncli.features.encoder import fit_encoder
from nncli.features.scaling import fit_scaler
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.prediction.answers import Answering
from nncli.prediction.run import Run, Summary, predict_inputs
from nncli.settings import PredictSettings, ReadingSettings
from nncli.table.cells import MISSING_WORDS
from nncli.table.filetype import file_type
from nncli.table.reading import BLOCK_BYTES, Table, open_rows, read_table

N = 40
CLASSES = ["n", "y"] * (N // 2)


def read(folder: Path, content: bytes, **reading: object) -> Table:
    (folder / "t.csv").write_bytes(content)
    return read_table(str(folder / "t.csv"), ReadingSettings(**reading))  # type: ignore[arg-type]


def refusal(folder: Path, content: bytes, **reading: object) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, content, **reading)
    message = str(caught.value)
    assert message.startswith(f"{folder / 't.csv'}")
    assert "\n" not in message
    return message.removeprefix(f"{folder / 't.csv'}")


def examined(folder: Path, cells: Iterable[object], classes: Iterable[str] = CLASSES, **reading: object):  # type: ignore[no-untyped-def]
    """What is made of a table of a column ``x`` and of the classes, and its warnings by their codes."""
    buffer = io.StringIO()
    pd.DataFrame({"x": list(cells), "z": [i * i % 7 for i in range(N)], "y": list(classes)}).to_csv(buffer, index=False)
    found = examine_table(read(folder, buffer.getvalue().encode(), **reading), "y")
    return found, {finding.code: finding.message for finding in found.findings if finding.level == "warn"}


def kind_of_x(found: ExaminedTable) -> str:
    return next(column.kind for column in found.schema.columns if column.name == "x")


class TestReading:
    """Section 4.1."""

    def test_empty_file(self, tmp_path: Path) -> None:
        assert "is empty" in refusal(tmp_path, b"")

    def test_header_only(self, tmp_path: Path, model: Model) -> None:
        assert "has a header but no rows" in refusal(tmp_path, b"a,b\n")
        out, summary = predict(model, tmp_path, b",".join(name.encode() for name in model.description.encoder.columns))
        assert (len(out), summary.n_rows) == (0, 0)
        assert out.columns[0] == "prediction"

    def test_one_row_too_long(self, tmp_path: Path) -> None:
        content = b"a,b\n1,2\n1,2,3\n4,5\n"
        assert "line 3: the row has 3 fields, the header has 2" in refusal(tmp_path, content)
        with open_rows(str(tmp_path / "t.csv"), ["a"], bad_rows="skip") as given:
            (rows,) = [chunk.rows() for chunk in given.chunks]
        assert rows.cells.to_pydict() == {"a": ["1", "4"], "b": ["2", "5"]}
        assert [(bad.line, bad.text) for bad in rows.rejected] == [(3, "1,2,3")]
        assert "the row has 3 fields" in rows.rejected[0].message
        table = read_table(str(tmp_path / "t.csv"), bad_rows="skip")
        assert table.rows.equals(rows.cells)
        assert table.rejected == rows.rejected
        (tmp_path / "t.csv").write_bytes(b"a,b\n" + b"1,2,3\n" * 30)
        with pytest.raises(DataError, match=r"no row can be read; .*line 2: the row has 3 fields"):
            read_table(str(tmp_path / "t.csv"), bad_rows="skip")

    def test_every_row_one_too_long(self, tmp_path: Path) -> None:
        for n_rows in (1, 2, 30):
            for row, hint in ((b"1,2,9\n", "an unquoted delimiter?"), (b"1,2,\n", "a trailing delimiter?")):
                message = refusal(tmp_path, b"a,b\n" + row * n_rows)
                assert f"line 2: the row has 3 fields, the header has 2 ({hint}); mend that line" in message

    def test_row_too_short(self, tmp_path: Path) -> None:
        assert "line 3: the row has 2 fields, the header has 3" in refusal(tmp_path, b"a,b,c\n1,2,3\n1,2\n1,2,3\n")

    def test_duplicate_column_names(self, tmp_path: Path) -> None:
        """The issue's list goes first: no error, but a numbered suffix and a warning."""
        table = read(tmp_path, b"id, id,y,id,id (2)\n" + b"1,2,n,4,5\n2,3,y,4,6\n" * 9)
        assert table.rows.schema.names == ["id", "id (3)", "y", "id (4)", "id (2)"]
        (message,) = [found.message for found in examine_table(table, "y").findings if found.code == "repeated-names"]
        assert "names 'id' more than once; the later columns are called 'id (3)', 'id (4)'" in message

    def test_duplicate_column_names_at_prediction(self, tmp_path: Path, model: Model, samples: Path) -> None:
        """The first is read, and that is said where the model needs the column."""
        rows = (samples / "penguins.csv").read_text().splitlines()
        again = "\n".join([f"{rows[0]},sex,more,more", *(f"{row},x,y,z" for row in rows[1:])])
        out, summary = predict(model, tmp_path, again.encode())
        expected, _ = predict(model, tmp_path, (samples / "penguins.csv").read_bytes())
        pd.testing.assert_frame_equal(out, expected)
        assert summary.repeated == {"sex"}

    def test_empty_column_name(self, tmp_path: Path) -> None:
        """Said in the line on the file instead of an error: pandas leaves out the name of the column of row numbers."""
        table = read(tmp_path, b",a,y\n0,1,n\n")
        assert table.rows.schema.names == ["column 1", "a", "y"]
        assert table.dialect == "comma-separated; the header leaves a name out, here 'column 1'"
        titled = examine_table(read(tmp_path, b"Report,,\n" + b"a,b,n\n1,2,y\n" * 9), "column 3")
        assert "unnamed-columns" in {finding.code for finding in titled.findings}

    @pytest.mark.parametrize(
        ("names", "code"), [("a\ufeff,b", "odd-names"), ('"a\nb",c', "odd-names"), ("Size,size", "similar-names")]
    )
    def test_name_with_spaces_bom_newline_or_names_differing_only_in_case(
        self, tmp_path: Path, names: str, code: str
    ) -> None:
        table = read(tmp_path, f"{names}, y \n".encode() + b"1,2,n\n2,1,y\n" * 9)
        assert table.rows.schema.names[-1] == "y"  # spaces around a name are none of it
        found = examine_table(table, "y").findings
        assert code in {finding.code for finding in found if finding.level == "warn"}
        assert not any(re.search("[\ufeff\n]", finding.message) for finding in found)

    def test_wrong_delimiter(self, tmp_path: Path) -> None:
        for delimiter in ",;\t|":
            lines = [delimiter.join(row) for row in (["a", "b", "y"], ["1", "2 3", "n"], ["2", "3 4", "y"])]
            assert read(tmp_path, "\n".join(lines).encode()).rows.num_columns == 3
        assert "only one column was found, 'a:b:y'; comma, tab, semicolon and | were tried" in refusal(
            tmp_path, b"a:b:y\n1:2:n\n"
        )

    def test_wrong_delimiter_for_the_name_of_the_file(self, tmp_path: Path) -> None:
        for delimiter in ",;|\t":
            rows = (["a", "b", "y"], ["1", "2 3", "n"], ["2", "3 4", "y"])
            (tmp_path / "t.tsv").write_text("\n".join(delimiter.join(row) for row in rows))
            table = read_table(str(tmp_path / "t.tsv"))
            assert table.rows.to_pydict() == {"a": ["1", "2"], "b": ["2 3", "3 4"], "y": ["n", "y"]}
            with open_rows(str(tmp_path / "t.tsv"), ["a", "b"]) as given:
                assert given.columns == ["a", "b", "y"]
        (tmp_path / "t.tsv").write_text("a:b:y\n1:2:n\n")
        with pytest.raises(DataError, match=r"line 1: only one column was found, .* ':' seems to separate"):
            read_table(str(tmp_path / "t.tsv"))

    @pytest.mark.parametrize("delimiter", ["^", "~", " ", "   ", ":", "$", "*", "#", "\x1f", "/"])
    def test_wrong_delimiter_is_mended_as_said(self, tmp_path: Path, delimiter: str) -> None:
        """The command that the message names is run, and what it makes is read."""
        lines = [delimiter.join(row) for row in (["a", "b", "y"], ["1.5", "2", "n"], ["2", "-3", "y"])]
        message = refusal(tmp_path, "\n".join(lines).encode())
        command = message.rpartition("write tabs instead: ")[2]
        (tmp_path / "t.csv").rename(tmp_path / "FILE")
        subprocess.run(command, shell=True, cwd=tmp_path, check=True)
        table = read_table(str(tmp_path / "TABLE.tsv"))
        assert table.rows.to_pydict() == {"a": ["1.5", "2"], "b": ["2", "-3"], "y": ["n", "y"]}

    def test_utf_8_bom(self, tmp_path: Path) -> None:
        table = read(tmp_path, "ä,y\nö,n\n".encode("utf-8-sig"))
        assert table.rows.to_pydict() == {"ä": ["ö"], "y": ["n"]}
        assert table.dialect == "comma-separated, utf-8 with BOM"

    @pytest.mark.parametrize("order", ["le", "be"])
    @pytest.mark.parametrize("width", ["16", "32"])
    def test_utf_16(self, tmp_path: Path, width: str, order: str) -> None:
        """And UTF-32, whose mark begins with that of UTF-16."""
        text, encoding = "ä,y\r\nö,n\r\n", f"utf-{width}-{order}"
        table = read(tmp_path, f"\ufeff{text}".encode(encoding))
        assert table.rows.to_pydict() == {"ä": ["ö"], "y": ["n"]}
        assert table.dialect == f"comma-separated, utf-{width}"
        bare = text.encode(encoding)
        message, place = refusal(tmp_path, bare), bare.index(0) + 1
        assert f"line 1: looks like UTF-{width} without its mark (byte {place} is NUL)" in message
        assert f"add --encoding {encoding}" in message
        assert read(tmp_path, bare, encoding=encoding).rows.equals(table.rows)

    def test_latin_1(self, tmp_path: Path) -> None:
        """The issue's list goes first: read, with a notice that names the byte's place; --encoding insists."""
        content = "a,y\n1,n\nGrüße,y\nGrüße,y\n".encode("latin-1")
        table = read(tmp_path, content)
        assert table.rows["a"].to_pylist() == ["1", "Grüße", "Grüße"]
        assert table.dialect == "comma-separated, partly windows-1252"
        (message,) = [found.message for found in examine_table(table, "y").findings if found.code == "encoding"]
        assert "line 3: byte 3 is 0xFC, which is not UTF-8; this line, like 1 other, is read as Windows-1252" in message
        assert "--encoding" in message
        assert "line 3: byte 11 of the file is 0xFC, which is not utf-8" in refusal(tmp_path, content, encoding="utf-8")
        assert read(tmp_path, content, encoding="cp850").rows["a"].to_pylist()[1] == content[8:13].decode("cp850")

    def test_nul_bytes(self, tmp_path: Path) -> None:
        assert "line 3: byte 3 is NUL" in refusal(tmp_path, b"a,y\n1,n\n1,\0\n")

    def test_unclosed_quote(self, tmp_path: Path) -> None:
        assert "line 3: a quote that opens here never closes" in refusal(tmp_path, b'a,y\n1,n\n"x,n\n' + b"1,n\n" * 9)
        assert "line 1: a quote that opens here never closes" in refusal(tmp_path, b'"a,y\n' + b"1,n\n" * 9)
        skipped = refusal(tmp_path, b'A title\n"a,y\n' + b"1,n\n" * 9, skip_rows=1)
        assert "line 2: a quote that opens here never closes: '\"a,y'; close it, or remove it" in skipped

    def test_newline_in_quotes(self, tmp_path: Path) -> None:
        assert read(tmp_path, b'a,y\n"1\n2",n\n3,y\n').rows["a"].to_pylist() == ["1\n2", "3"]

    def test_cr_only_line_ends(self, tmp_path: Path) -> None:
        table = read(tmp_path, b"a,y\r1,n\r2,y\r")
        assert table.rows.to_pydict() == {"a": ["1", "2"], "y": ["n", "y"]}
        assert table.dialect == "comma-separated, CR line ends"

    def test_10_mb_field(self, tmp_path: Path) -> None:
        """There is a cap, and no flag for it: nobody asked for one."""
        assert len(read(tmp_path, b"a,y\n" + b"x" * 10_000_000 + b",n\n").rows["a"][0].as_py()) == 10_000_000
        assert "line 2: a field is longer than" in refusal(tmp_path, b"a,y\n" + b"x" * 17_000_000 + b",n\n")

    @pytest.mark.parametrize("place", [0, -1])
    def test_late_type_change(self, tmp_path: Path, place: int) -> None:
        rows = [b"12345.5,n\n", b"54321.5,y\n"] * (BLOCK_BYTES // 16)
        words = [b"word%d,n\n" % number for number in range(6)]
        rows[place:place] = words
        table = read(tmp_path, b"x,y\n" + b"".join(rows))
        assert sum(map(len, rows)) > BLOCK_BYTES
        assert kind_of_x(examine_table(table, "y")) == "categorical"

    def test_gzip_zip(self, tmp_path: Path) -> None:
        """And bzip2, xz and zstd; a zip archive may hold many files, and is refused with what to do."""
        content = b"a,y\n1,n\n2,y\n"
        zstd = pa.compress(content, codec="zstd", asbytes=True)
        compressed = {"gzip": gzip.compress(content), "bzip2": bz2.compress(content), "xz": lzma.compress(content)}
        for name, data in {**compressed, "zstd": zstd}.items():
            table = read(tmp_path, data)
            assert table.rows.to_pydict() == {"a": ["1", "2"], "y": ["n", "y"]}
            assert table.dialect == f"comma-separated, {name}"
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            archive.writestr("t.csv", content)
        assert ": is a zip archive; unpack it" in refusal(tmp_path, (tmp_path / "t.zip").read_bytes())

    def test_standard_input_and_dev_stdin(self, nncli: Program) -> None:
        for name in ("-", "/dev/stdin"):
            outcome = nncli("train", name, stdin=b"a,y\n1,n\n1\n2,y\n")
            assert outcome.code == 3
            assert "line 3: the row has 1 field, the header has 2" in outcome.err

    def test_fifo(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "fifo")
        writer = threading.Thread(target=(tmp_path / "fifo").write_bytes, args=(b"a,y\n1,n\n",))
        writer.start()
        assert read_table(str(tmp_path / "fifo")).rows.to_pydict() == {"a": ["1"], "y": ["n"]}
        writer.join(timeout=30)

    def test_directory_unreadable_or_vanishing_file(self, nncli: Program, tmp_path: Path) -> None:
        (tmp_path / "secret.csv").write_bytes(b"a,y\n1,n\n")
        (tmp_path / "secret.csv").chmod(0)
        named = {tmp_path: "is a folder; name a file in it", "gone.csv": "No such file"}
        if Path("/proc/self/mem").exists():  # not even by the superuser
            named["/proc/self/mem"] = "Input/output error"
        if os.geteuid():  # the superuser may read all
            named["secret.csv"] = "Permission denied"
        for name, what in named.items():
            outcome = nncli("train", name)
            assert outcome.code == (2 if name == tmp_path else 5)
            assert what in outcome.err
            assert "Traceback" not in outcome.err
        (tmp_path / "t.csv").write_bytes(b"a,y\n1,n\n")
        with open_rows(str(tmp_path / "t.csv"), ["a"]) as given:
            (tmp_path / "t.csv").unlink()
            assert [chunk.rows().cells.num_rows for chunk in given.chunks] == [1]

    def test_growing_file(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_bytes(b"a,y\n" + b"1,n\n" * 10)
        with open_rows(str(path), ["a"], block_bytes=16) as given, path.open("ab", buffering=0) as more:
            first = next(given.chunks).rows().cells.num_rows
            more.write(b"2,y\n" * 5)
            assert first + sum(chunk.rows().cells.num_rows for chunk in given.chunks) == 15


class TestValues:
    """Section 4.2."""

    def test_na_words(self, tmp_path: Path) -> None:
        readme = (Path(__file__).parents[2] / "README.md").read_text()
        assert all(f"`{word}`" in readme for word in MISSING_WORDS if word)
        _, codes = examined(tmp_path, ["US", "DE", "NA", "FR"] * (N // 4))
        assert "'NA' count as missing, among codes such as 'DE', 'FR'" in codes["missing-word"]
        _, codes = examined(tmp_path, range(N), ["NA", "DE", "US", "FR"] * (N // 4))
        assert "column 'y'" in codes["missing-word"]
        numbers = ["1.5", "2", "?", "x3"] * (N // 4)
        found, codes = examined(tmp_path, numbers)
        assert kind_of_x(found) == "categorical"
        assert "name them with --na" in codes["mixed-types"]
        found, codes = examined(tmp_path, numbers, missing_words=("?", "x3"))
        assert kind_of_x(found) == "numeric"
        assert "mixed-types" not in codes
        assert found.dialect == "comma-separated, missing also '?', 'x3'"

    def test_leading_zeros(self, tmp_path: Path) -> None:
        found, codes = examined(tmp_path, ["01234", "80331", "01067", "04109"] * (N // 4))
        assert kind_of_x(found) == "categorical"
        assert "leading zeros ('01067', '01234')" in codes["leading-zeros"]

    def test_thousands_or_decimal_comma(self, tmp_path: Path) -> None:
        """The issue's list goes first: they are read, said and remembered; a warning where they can mean two things."""
        found, codes = examined(tmp_path, [f"{i},{i % 7}5" for i in range(N)])
        assert kind_of_x(found) == "numeric"
        assert found.rows["x"][3].as_py() == "3.35"
        assert found.dialect == "comma-separated, decimal commas in 'x'"
        found, codes = examined(tmp_path, [f"1,{100 + i},000.5" for i in range(N)])
        assert found.rows["x"][3].as_py() == "1103000.5"
        assert found.dialect == "comma-separated, thousands separators in 'x'"
        found, codes = examined(tmp_path, [f"{1 + i},{100 + i}" for i in range(N)])
        assert kind_of_x(found) == "categorical"
        assert "'1,100' is 1.100 or 1100" in codes["foreign-format"]
        assert not codes.keys() & {"mixed-types", "number-format"}

    @pytest.mark.parametrize("gaps", [0, 8])
    def test_huge_integers_or_int_beyond_2_53_plus_a_missing_value(self, tmp_path: Path, gaps: int) -> None:
        numbers = [str(2**53 + 1 + i % 5) for i in range(N - gaps)]
        found, codes = examined(tmp_path, [*numbers, *[""] * gaps])
        assert kind_of_x(found) == "categorical"
        assert "whole numbers that a double would round" in codes["huge-integers"]
        assert set(found.rows["x"].to_pylist()) == {*numbers, *[""] * gaps}

    @pytest.mark.parametrize("sign", ["", "-"])
    def test_huge_integers_at_the_edge(self, tmp_path: Path, sign: str) -> None:
        """A double rounds 2^53 + 1 to 2^53: two numbers would become one."""
        found, codes = examined(tmp_path, [f"{sign}{2**53 + i // 3 % 2}" for i in range(N)])
        assert kind_of_x(found) == "categorical"
        assert "huge-integers" in codes
        found, codes = examined(tmp_path, [f"{sign}{2**53 - 1 - i * i % 7}" for i in range(N)])
        assert kind_of_x(found) == "numeric"
        assert "huge-integers" not in codes

    def test_inf_1e999(self, tmp_path: Path) -> None:
        found, codes = examined(tmp_path, ["1.5", "2", "inf", "-1e999"] * (N // 4))
        assert kind_of_x(found) == "numeric"
        assert (
            f"{N // 2} of its cells are infinite or too large for a number ('-1e999', 'inf')" in codes["infinite-cells"]
        )
        assert "misfit-cells" not in codes
        x_num = fit_encoder(found.rows, found.schema).encode(found.rows).x_num
        assert np.isnan(x_num[:, 0]).sum() == N // 2  # missing, with the flag that missing cells have

    def test_values_beyond_float32(self, tmp_path: Path) -> None:
        found, codes = examined(tmp_path, ["1.5", "2", "3", "1e300"] * (N // 4))
        assert kind_of_x(found) == "numeric"
        assert f"{N // 4} of its cells are beyond 3e+38" in codes["huge-numbers"]
        features = fit_encoder(found.rows, found.schema).encode(found.rows)
        assert np.abs(fit_scaler(features).scale(features).x_num).max() < 10

    def test_mixed_types(self, tmp_path: Path) -> None:
        found, codes = examined(tmp_path, ["red"] * (N - 2) + ["17", "4.5"])
        assert kind_of_x(found) == "categorical"
        assert f"{N - 2} words and 2 numbers ('17', '4.5')" in codes["mixed-types"]
        found, codes = examined(tmp_path, [str(i) for i in range(N - 8)] + ["broken"] * 8)
        assert f"{N - 8} numbers and 8 other values ('broken')" in codes["mixed-types"]

    def test_dates(self, tmp_path: Path) -> None:
        found, codes = examined(tmp_path, [f"2024-03-{1 + i % 28:02}" for i in range(N)])
        assert kind_of_x(found) == "date"
        assert "--time 'x'" in codes["date-column"]
        assert {finding.level for finding in found.findings if finding.code == "date-column"} == {"warn"}
        found, codes = examined(tmp_path, [f"200{i % 5}-01-01" for i in range(N)])  # few of them are dates, too
        assert kind_of_x(found) == "date"
        assert "date-column" in codes
        found, codes = examined(tmp_path, [f"{1 + i % 12}/{1 + i % 28}/2024" for i in range(N)])
        assert kind_of_x(found) == "categorical"
        assert "dates that do not begin with the year" in codes["foreign-format"]

    @pytest.mark.parametrize("words", [("yes", "no"), ("True", "False"), ("1", "0"), ("T", "F"), ("1.0", "0.0")])
    def test_booleans_with_gaps_yes_no_0_1_as_text(self, tmp_path: Path, words: tuple[str, str]) -> None:
        found, codes = examined(tmp_path, [*words, "", "NA"] * (N // 4))
        assert kind_of_x(found) == "boolean"
        assert not codes

    @pytest.mark.parametrize(
        "twin", ["Köln ", "Köln\u00a0", "köln", "Ko\u0308ln", "K\u200böln", "Kö\xadln", "\u041aöln", "\u039aöln"]
    )
    def test_unicode_look_alikes_nfc_nfd_trailing_spaces_in_categories(self, tmp_path: Path, twin: str) -> None:
        _, codes = examined(tmp_path, ["Köln", twin, "Bonn", "Mainz"] * (N // 4))
        if twin.strip() == "Köln":  # spaces around a cell are none of it
            assert not codes
        else:
            assert "differ only by case, spaces or look-alike characters" in codes["similar-categories"]


@pytest.fixture(scope="module")
def model(penguins_model: Path) -> Model:
    return load_model(penguins_model)


def predict(model: Model, folder: Path, content: bytes, block_bytes: int = BLOCK_BYTES) -> tuple[pd.DataFrame, Summary]:
    (folder / "new.csv").write_bytes(content)
    out = io.BytesIO()
    run = Run(Answering(model, PredictSettings()), 1, block_bytes=block_bytes)
    summary = predict_inputs(run, [str(folder / "new.csv")], out, file_type("out.csv"), lambda *_: None)
    return pd.read_csv(io.BytesIO(out.getvalue())), summary


class TestPrediction:
    """Section 4.4."""

    @pytest.fixture
    def rows(self, samples: Path) -> pd.DataFrame:
        return pd.read_csv(samples / "penguins.csv", dtype=str, na_filter=False)

    @pytest.fixture
    def expected(self, model: Model, tmp_path: Path, rows: pd.DataFrame) -> pd.DataFrame:
        return predict(model, tmp_path, as_csv(rows))[0]

    def test_reordered_columns(self, model: Model, tmp_path: Path, rows, expected) -> None:  # type: ignore[no-untyped-def]
        out, summary = predict(model, tmp_path, as_csv(rows[rows.columns[::-1]]))
        pd.testing.assert_frame_equal(out, expected)
        assert not summary.unknown

    def test_extra_columns(self, model: Model, tmp_path: Path, rows, expected) -> None:  # type: ignore[no-untyped-def]
        """Ignored without a word: IDs and whatever else training left out stand in new data, too."""
        out, summary = predict(model, tmp_path, as_csv(rows.assign(more="x", id=range(len(rows)))))
        pd.testing.assert_frame_equal(out, expected)
        assert not summary.unknown

    def test_missing_columns(self, model: Model, tmp_path: Path, rows: pd.DataFrame) -> None:
        """The design goes first: data that do not fit the model are exit 4, not 3."""
        with pytest.raises(ModelError, match=r"lack the columns 'island', 'sex', .* rename or add them \(empty cells"):
            predict(model, tmp_path, as_csv(rows.drop(columns=["island", "sex"])))

    def test_column_changes_type(self, model: Model, tmp_path: Path, rows: pd.DataFrame) -> None:
        """Missing and counted, whatever the share: rows are answered as they pass, when no share is known."""
        rows["flipper_length_mm"] = "long"
        out, summary = predict(model, tmp_path, as_csv(rows))
        assert summary.unknown == {"flipper_length_mm": len(rows)}
        assert len(out) == len(rows)

    def test_all_missing_column(self, model: Model, tmp_path: Path, rows: pd.DataFrame) -> None:
        """Allowed, and said at the end."""
        columns = set(model.description.encoder.columns)
        out, summary = predict(model, tmp_path, as_csv(rows.assign(sex=["", "NA"] * (len(rows) // 2))))
        assert len(out) == len(rows)
        assert not summary.unknown
        assert columns - summary.filled == {"sex"}
        _, summary = predict(model, tmp_path, as_csv(rows.assign(sex=[""] * (len(rows) - 1) + ["male"])))
        assert columns == summary.filled

    def test_unseen_category(self, model: Model, tmp_path: Path, rows, expected) -> None:  # type: ignore[no-untyped-def]
        """One code for all that training did not have or had too rarely; counted, and said whatever the share."""
        rows.loc[:2, "island"] = ["Atlantis", "atlantis", "Thule"]
        out, summary = predict(model, tmp_path, as_csv(rows))
        assert summary.unknown == {"island": 3}
        assert np.isfinite(out.drop(columns="prediction").to_numpy()).all()
        pd.testing.assert_frame_equal(out[3:], expected[3:])
        _, summary = predict(model, tmp_path, as_csv(rows.assign(island="Atlantis")))
        assert summary.unknown == {"island": len(rows)}

    def test_nan_or_inf_probabilities(self, model: Model, tmp_path: Path, rows: pd.DataFrame) -> None:
        """No row brings them about; a model that does is refused (tests/hostile_models)."""
        for cell in ("1e308", "-1e308", "inf", "-inf", "1e-320", "nan", "x" * 999):
            out, _ = predict(model, tmp_path, as_csv(rows.assign(body_mass_g=cell, bill_depth_mm=cell)))
            proba = out.drop(columns="prediction").to_numpy()
            assert np.isfinite(proba).all()
            np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)

    @pytest.mark.parametrize("block_bytes", [1, 300, 4000])
    def test_invariants(self, model: Model, tmp_path: Path, rows, expected, block_bytes: int) -> None:  # type: ignore[no-untyped-def]
        """Number and order of rows are kept; a row's answer depends on no other row, no portion and no column order."""
        order = np.random.default_rng(0).permutation(len(rows))[:99]
        some = rows.iloc[order][list(np.random.default_rng(1).permutation(rows.columns))]
        out, _ = predict(model, tmp_path, as_csv(some), block_bytes)
        pd.testing.assert_frame_equal(out, expected.iloc[order].reset_index(drop=True))

    def test_target_present_in_the_file(self, model: Model, tmp_path: Path, rows, expected) -> None:  # type: ignore[no-untyped-def]
        for others in (rows.assign(species="x"), rows.drop(columns="species")):
            pd.testing.assert_frame_equal(predict(model, tmp_path, as_csv(others))[0], expected)


def as_csv(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(index=False).encode()
