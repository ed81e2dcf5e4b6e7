"""Small model folders with every kind of column and every file, made in a second or two without a training."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from made_models import ENCODABLE, NUMERIC, made_model
from safetensors.numpy import load, save

from nncli.bundle.folder import read_file, read_manifest, write_folder
from nncli.bundle.model import Answers, Heldout, Model, save_model
from nncli.evaluation.calibration import Calibration
from nncli.evaluation.decisions import Decision, DecisionRule

COLUMNS = (*NUMERIC, *ENCODABLE, "day", "note")
N_TEST, N_VALIDATION = 40, 30
Files = dict[str, bytes]
"""Content by ``role.extension``."""


def store_small_model(folder: Path, n_classes: int = 2) -> Path:
    """Writes a model with texts, dates, a student, a rule to decide by (of two classes) and held-out rows."""
    made = made_model(n_classes, COLUMNS, nets=(2, 1), calibration=Calibration(1.7, 0.01), n_bins=4)
    student = made.description.networks[1]
    decision = Decision(DecisionRule(1, None, None), 0.4, 0.5, 0.6, 0.45) if n_classes == 2 else None
    provenance = replace(made.description.provenance, n_test=N_TEST, n_validation=N_VALIDATION)
    description = replace(made.description, student=student, decision=decision, provenance=provenance)
    model = replace(made, description=description, student=made.weights[1])
    sides = ("network", "trees", "fast")
    heldout = Heldout(
        _answers(N_TEST, n_classes, (*sides, "trees_default", "majority")), _answers(N_VALIDATION, n_classes, sides)
    )
    save_model(folder, model, heldout, {"README.md": b"for people"})
    return folder


def _answers(n_rows: int, n_classes: int, sides: tuple[str, ...]) -> Answers:
    random = np.random.default_rng(n_rows)
    probabilities = {side: random.dirichlet([1.0] * n_classes, n_rows) for side in sides}
    return Answers(random.integers(0, n_classes, n_rows), probabilities)


def files_of(folder: Path) -> Files:
    """The files of a model folder."""
    manifest = read_manifest(folder)
    return {entry.role + Path(entry.name).suffix: read_file(folder, manifest, entry.role) for entry in manifest.files}


def with_files(folder: Path, files: Files, **changed: bytes) -> Path:
    """A model folder with other content for some roles, and a manifest that fits it."""
    names = {name.partition(".")[0]: name for name in files}
    write_folder(folder, files | {names[role]: content for role, content in changed.items()}, {})
    return folder


def with_description(folder: Path, files: Files, change: Callable[[dict[str, Any]], object]) -> Path:
    """A model folder whose description was changed, with a manifest that fits it."""
    description = json.loads(files["model.json"])
    change(description)
    return with_files(folder, files, model=json.dumps(description).encode())


def with_arrays(folder: Path, files: Files, role: str, change: Callable[[dict[str, np.ndarray]], object]) -> Path:
    """A model folder in a file of which arrays were changed, with a manifest that fits it."""
    arrays: dict[str, np.ndarray] = {k: v.copy() for k, v in load(files[f"{role}.safetensors"]).items()}
    change(arrays)
    return with_files(folder, files, **{role: save(arrays)})


def header_of(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a safetensors file, and what comes after it."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def under_header(header: bytes | Mapping[str, Any], body: bytes) -> bytes:
    """A safetensors file with a header, whatever that says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def changed_model(model: Model, **changes: Any) -> Model:
    """The same model with another description."""
    return replace(model, description=replace(model.description, **changes))
