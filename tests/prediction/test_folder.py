import json
import os
from pathlib import Path

import pytest

from nncli.bundle.model import load_model
from nncli.errors import DataError, UsageError
from nncli.prediction.answers import Answering
from nncli.prediction.folder import LEDGER, plan_folder, write_job
from nncli.prediction.run import Run
from nncli.settings import PredictSettings


@pytest.fixture
def inputs(samples: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "in").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "in" / name).write_bytes((samples / "penguins.csv").read_bytes())
    return [str(tmp_path / "in" / name) for name in ("a.csv", "b.csv")]


@pytest.fixture
def run(penguins_model: Path) -> Run:
    return Run(Answering(load_model(penguins_model), PredictSettings()), 1)


def fill(run: Run, inputs: list[str], folder: Path, force: bool = False) -> tuple[list[str], int]:
    """The outputs that were written, and how many were done already."""
    plan = plan_folder(run, inputs, folder, force)
    for job in plan.jobs:
        write_job(run, job)
    return [job.output.name for job in plan.jobs], plan.n_done


def test_what_is_done_is_not_done_again(run: Run, inputs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert fill(run, inputs, out) == (["a.csv", "b.csv"], 0)
    written = (out / "a.csv").stat().st_mtime_ns
    assert fill(run, inputs, out) == ([], 2)
    assert fill(run, inputs, out, force=True) == ([], 2)
    assert (out / "a.csv").stat().st_mtime_ns == written
    lines = [json.loads(line) for line in (out / LEDGER).read_text().splitlines()]
    assert [(line["output"], line["rows"]) for line in lines] == [("a.csv", 344), ("b.csv", 344)]
    assert lines[0]["input"] == inputs[0]
    assert lines[0]["size"] == Path(inputs[0]).stat().st_size


def test_what_changed_is_done_again(run: Run, inputs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(run, inputs, out)
    os.utime(inputs[0], ns=(1, 1))
    assert fill(run, inputs, out) == (["a.csv"], 1)
    (out / "b.csv").unlink()
    assert fill(run, inputs, out) == (["b.csv"], 1)
    (out / "a.csv").write_text("cut off")
    assert fill(run, inputs, out) == (["a.csv"], 1)
    other = Run(Answering(run.asked.model, PredictSettings(top=1)), 1)
    assert fill(other, inputs, out) == (["a.csv", "b.csv"], 0)
    assert (out / "a.csv").read_text().startswith("prediction,top1,")


def test_a_line_that_was_cut_off_counts_for_nothing(run: Run, inputs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    fill(run, inputs, out)
    whole = (out / LEDGER).read_bytes()
    (out / LEDGER).write_bytes(whole[:-30])
    (out / "b.csv").unlink()
    assert fill(run, inputs, out) == (["b.csv"], 1)
    assert fill(run, inputs, out) == ([], 2)


def test_outputs_of_others_stay(run: Run, inputs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.csv").write_text("precious")
    with pytest.raises(UsageError, match=r"b\.csv: exists already"):
        fill(run, inputs, out)
    assert {path.name for path in out.iterdir()} == {"b.csv"}
    assert fill(run, inputs, out, force=True) == (["a.csv", "b.csv"], 0)
    elsewhere = tmp_path / "a.csv"
    elsewhere.write_bytes(Path(inputs[0]).read_bytes())
    with pytest.raises(UsageError, match=r"a\.csv: exists already"):
        fill(run, [str(elsewhere)], out)
    with pytest.raises(UsageError, match="would replace it"):
        fill(run, inputs, tmp_path / "in", force=True)
    with pytest.raises(UsageError, match=r"would both be written to a\.csv"):
        fill(run, [inputs[0], str(elsewhere)], out)
    with pytest.raises(UsageError, match="standard input"):
        fill(run, ["-"], out)


def test_an_input_that_fails_leaves_those_before_it(run: Run, inputs: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Path(inputs[1]).open("a") as file:
        file.write("too,few\n")
    with pytest.raises(DataError, match=r"b\.csv, line 346"):
        fill(run, inputs, out)
    assert {path.name for path in out.iterdir()} == {"a.csv", LEDGER}


def test_an_end_between_line_and_name_is_no_output(
    run: Run, inputs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old output must not pass for the new one."""
    out = tmp_path / "out"
    fill(run, inputs, out)
    other = Run(Answering(run.asked.model, PredictSettings(proba="max")), 1)

    def fails(*_: object) -> None:
        raise OSError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(OSError, match="plug"):
            fill(other, inputs, out)
    assert {path.name for path in out.iterdir()} == {"b.csv", LEDGER}
    assert fill(other, inputs, out) == (["a.csv", "b.csv"], 0)


def test_names_follow_the_format(run: Run, inputs: list[str], tmp_path: Path) -> None:
    other = Run(Answering(run.asked.model, PredictSettings(output_format="parquet")), 1)
    assert fill(other, inputs, tmp_path / "out")[0] == ["a.parquet", "b.parquet"]
    assert (tmp_path / "out" / "a.parquet").read_bytes().startswith(b"PAR1")
