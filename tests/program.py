"""The real nncli, run as its users run it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What a finished process left."""

    code: int
    out: str
    err: str


class Program:
    """Runs the real nncli in a process of its own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: object, stdin: bytes | None = None, env: dict[str, str] | None = None) -> Outcome:
        process = subprocess.run(
            [sys.executable, "-m", "nncli", *map(str, args)],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "80", **(env or {})},
            timeout=300,
            check=False,
        )
        return Outcome(process.returncode, process.stdout.decode(), process.stderr.decode())


def without(folder: Path, package: str) -> dict[str, str]:
    """The environment in which a package is not found; a file for it is made in ``folder``."""
    blocked = folder / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        f"u.find_spec = lambda name, *rest: None if name == '{package}' else find(name, *rest)\n"
    )
    return {"PYTHONPATH": f"{blocked}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
