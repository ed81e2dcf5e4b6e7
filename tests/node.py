"""Scripts of a page, run by node: what they compute needs no browser."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def run_script(folder: Path, script: str, expression: str, given: Any = None) -> Any:
    """The value of an expression after a script has run; ``given`` is what it is given."""
    file = folder / "script.js"
    file.write_text(f"{script};const given = {json.dumps(given)};console.log(JSON.stringify({expression}));\n")
    done = subprocess.run(["node", file], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
