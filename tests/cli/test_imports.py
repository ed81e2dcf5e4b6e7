import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

HEAVY = ("torch", "sklearn")


def loaded_modules(program: str, *args: object) -> list[str]:
    """Runs Python code in a fresh process; the modules it has loaded at its end."""
    code = f"import json, sys\n{program}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    process = subprocess.run([sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, check=True)
    modules: list[str] = json.loads(process.stderr.splitlines()[-1])
    return modules


RUN = """
try:
    from nncli.cli.app import app
    app(sys.argv[1:], prog_name="nncli")
except SystemExit as leave:
    assert not leave.code, leave.code
"""


@pytest.mark.parametrize(
    "command",
    ["--help", "--version", "predict", "evaluate", "info", "compare-baseline", "export", "explain", "report", "page"],
)
def test_light_commands_load_neither_torch_nor_scikit_learn(
    command: str, penguins_model: Path, samples: Path, tmp_path: Path
) -> None:
    args = {
        "predict": ["predict", samples / "penguins.csv", "-m", penguins_model, "--with", "trees", "--keep"],
        "evaluate": ["evaluate", samples / "penguins.csv", "-m", penguins_model, "--json"],
        "explain": ["explain", samples / "penguins.csv", "-m", penguins_model, "-o", tmp_path / "page.html"],
        "info": ["info", "-m", penguins_model],
        "report": ["report", "-m", penguins_model, "--format", "md"],
        "page": ["report", "-m", penguins_model, "--format", "html"],
        "compare-baseline": ["compare-baseline", "-m", penguins_model],
        "export": ["export", "-m", penguins_model, "-o", tmp_path / "model.onnx", "-q"],
    }
    loaded = loaded_modules(RUN, *args.get(command, [command]))
    too_heavy = {"predict": {*HEAVY, "pandas", "scipy"}, "report": {*HEAVY, "pandas"}, "page": {*HEAVY, "pandas"}}
    assert not [name for name in loaded if name.split(".")[0] in too_heavy.get(command, HEAVY)]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("t.jsonl", ["--keep", "--output-format", "jsonl", "--explain", 1, "--bad-rows", "null"]),
        ("t.jsonl", ["--keep", "sex", "--output-format", "jsonl", "--with", "both"]),
        ("t.parquet", ["--keep", "-o", "out.parquet", "--top", 2, "--round", 3]),
        ("t.parquet", ["--keep", "--output-format", "jsonl"]),
        ("t.parquet", ["-o", "out.csv.zst", "--keep"]),
        ("t.jsonl", ["--out-dir", "out", "--output-format", "tsv"]),
    ],
)
def test_predict_loads_no_pandas_for_any_format(
    name: str,
    options: list[str],
    penguins_model: Path,
    samples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.read_csv(samples / "penguins.csv", keep_default_na=False)
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    frame.assign(list=[[1]] * len(frame)).to_parquet(tmp_path / "t.parquet")
    loaded = loaded_modules(RUN, "predict", tmp_path / name, "-m", penguins_model, *options)
    assert not [module for module in loaded if module.split(".")[0] in {*HEAVY, "pandas", "rich"}]


def test_the_command_line_loads_nothing_heavy_before_a_command_runs() -> None:
    loaded = {name.split(".")[0] for name in loaded_modules("import nncli.cli.app")}
    assert not loaded & {"torch", "sklearn", "pandas", "numpy", "scipy", "pyarrow", "rich", "jinja2"}
