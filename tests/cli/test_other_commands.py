import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import Program
from typer.main import get_command

from nncli import version
from nncli.cli.app import app
from nncli.cli.options import complete_model
from nncli.settings import RunSettings, choose_threads


def test_info_describes_the_model(nncli: Program, penguins_model: Path) -> None:
    text = nncli("info", "-m", penguins_model).out
    assert "'Adelie', 'Chinstrap', 'Gentoo'" in text
    assert "bill_length_mm (numeric)" in text
    described = json.loads(nncli("info", "-m", penguins_model, "--json").out)
    assert described["schema"]["target"] == "species"
    assert described["model_sha256"] in text


def test_a_damaged_folder_is_refused_by_every_command(nncli: Program, penguins_model: Path, samples: Path) -> None:
    shutil.copytree(penguins_model, nncli.folder / "m")
    (weights,) = (nncli.folder / "m").glob("weights-*")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for args in (("info",), ("predict", samples / "penguins.csv"), ("compare-baseline",)):
        outcome = nncli(*args, "-m", "m")
        assert outcome.code == 4
        assert "is not as it was written" in outcome.err
        assert outcome.out == ""


def test_doctor_tells_versions_devices_and_threads(nncli: Program) -> None:
    told = json.loads(nncli("doctor", "--json").out)
    assert told["versions"]["nncli-tabular"] == version()
    assert told["devices"][0]["device"] == "cpu"
    assert told["threads"] == choose_threads(None)
    assert told["train_threads"] == RunSettings().threads
    assert f"{RunSettings().threads} to train, {told['threads']} to predict" in nncli("doctor").out


def test_version_and_help(nncli: Program) -> None:
    assert nncli("--version").out == f"nncli {version()}\n"
    for args in (("-h",), ("--help",)):
        text = nncli(*args).out
        assert all(command in text for command in ("train", "predict", "compare-baseline", "export", "info", "doctor"))
        assert all(f"{code} " in text for code in range(9))
    assert nncli().code == 2
    suggested = nncli("trian")
    assert suggested.code == 2
    assert "train" in suggested.err


def test_every_command_and_option_has_help_and_an_example() -> None:
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        assert f"nncli {name}" in command.help, f"{name} shows no example"
        for option in command.params:
            assert option.help, f"{name} --{option.name}"


def test_options_have_the_defaults_of_the_settings() -> None:
    settings = RunSettings()
    fields = {
        name: value for place in (settings, settings.network, settings.training) for name, value in vars(place).items()
    }
    for name in ("train", "compare-baseline"):
        options = {option.name: option for option in get_command(app).commands[name].params}  # type: ignore[attr-defined]
        shared = (fields.keys() & options.keys()) - {"network"}  # a group of settings there, its kind here
        assert shared >= {"target", "effort", "time_limit", "seed", "device", "threads", "group", "time"}
        for option in shared:
            assert options[option].default == fields[option], option


def test_completion_knows_columns_models_and_commands(nncli: Program, penguins_model: Path, samples: Path) -> None:
    def complete(words: str) -> str:
        count = str(len(words.split(" ")) - 1)
        env = {"_NNCLI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count}
        return nncli(env=env).out

    assert "compare-baseline" in complete("nncli comp")
    assert complete(f"nncli train {samples / 'penguins.csv'} --target sp").split() == ["species"]
    assert complete(f"nncli compare-baseline {samples / 'penguins.csv'} --group is").split() == ["island"]
    (nncli.folder / "rows.jsonl").write_text('{"id": 1, "species": "Adelie"}\n')
    assert complete("nncli train rows.jsonl --target sp").split() == ["species"]
    plain = (samples / "penguins.csv").read_bytes()
    (nncli.folder / "titled.csv").write_bytes(b"Penguins\n\n" + plain)
    assert complete("nncli train titled.csv --skip-rows 2 --target sp").split() == ["species"]
    assert complete("nncli train titled.csv --skip-rows 2000 --target sp").split() == []
    (nncli.folder / "rows.csv").write_bytes(plain.partition(b"\n")[2])
    assert complete("nncli train rows.csv --no-header --target co").splitlines() == [f"column {n}" for n in range(1, 9)]
    (nncli.folder / "wide.csv").write_bytes(plain.decode().encode("utf-16-le"))
    assert complete("nncli train wide.csv --encoding utf-16-le --target sp").split() == ["species"]
    assert complete_model(str(penguins_model.parent) + "/") == [str(penguins_model)]


@pytest.mark.parametrize(
    ("env", "moves"), [({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": ""}, True)]
)
def test_a_terminal_is_plain_where_that_is_asked_for(
    tmp_path: Path, samples: Path, env: dict[str, str], moves: bool
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nncli", "train", str(samples / "penguins.csv"), "--effort", "quick"]
    process = subprocess.Popen(
        [*command, "--target", "species", "--epochs", "3"], cwd=tmp_path, stderr=theirs, env={**os.environ, **env}
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the other end closes
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0, shown
    assert b"majority class" in shown
    assert (b"\x1b" in shown) == moves


@pytest.mark.parametrize("command", ["train", "predict", "compare-baseline", "export", "info", "doctor"])
def test_help_fits_80_columns(nncli: Program, command: str) -> None:
    outcome = nncli(command, "--help")
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_an_interrupt_while_the_program_loads_is_silent() -> None:
    code = """
import sys
class Interrupt:
    def find_spec(self, name, *rest):
        if name == "nncli.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from nncli.__main__ import main
main()
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "")
