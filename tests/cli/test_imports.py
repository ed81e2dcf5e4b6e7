import json
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("command", ["--help", "--version", "predict", "info", "compare-baseline", "export"])
def test_light_commands_load_neither_torch_nor_scikit_learn(
    command: str, penguins_model: Path, samples: Path, tmp_path: Path
) -> None:
    args = {
        "predict": ["predict", samples / "penguins.csv", "-m", penguins_model, "--with", "trees", "--keep"],
        "info": ["info", "-m", penguins_model],
        "compare-baseline": ["compare-baseline", "-m", penguins_model],
        "export": ["export", "-m", penguins_model, "-o", tmp_path / "model.onnx", "-q"],
    }
    loaded = loaded_modules(RUN, *args.get(command, [command]))
    too_heavy = {*HEAVY, "pandas"} if command == "predict" else HEAVY
    assert not [name for name in loaded if name.split(".")[0] in too_heavy]


def test_the_command_line_loads_nothing_heavy_before_a_command_runs() -> None:
    loaded = {name.split(".")[0] for name in loaded_modules("import nncli.cli.app")}
    assert not loaded & {"torch", "sklearn", "pandas", "numpy", "scipy", "pyarrow", "rich", "jinja2"}
