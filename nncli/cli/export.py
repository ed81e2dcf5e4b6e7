"""``nncli export``: a model as a file that other programs run."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nncli.cli.options import DEFAULT_MODEL, Debug, Force, Json, ModelFolder, Quiet, print_json
from nncli.errors import UsageError, inert
from nncli.settings import ExportedSide, ExportFormat, check_choice
from nncli.training.signals import Signals

if TYPE_CHECKING:
    from nncli.bundle.model import Model
    from nncli.export.check import Agreement

_DEFAULT_OUTPUTS = {"onnx": Path("model.onnx"), "torch": Path("model.pt2")}


def export(
    model: ModelFolder = DEFAULT_MODEL,
    format: Annotated[str, typer.Option(help="Of the file.", metavar="onnx|torch")] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; model.onnx or model.pt2 if none.", show_default=False),
    ] = None,
    force: Force = False,
    side: Annotated[
        str | None,
        typer.Option(
            "--with",
            help="Which model; if not given the one that predicts. torch has the network only.",
            metavar="network|trees|blend",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a model as a file that other programs run, and check that it says what predict says.

    nncli export -m churn-model -o churn.onnx

    nncli export -m churn-model --format torch -o churn.pt2

    onnx: the whole model, raw columns in. Each column is an input of its name, of shape [rows]: numbers as double,
    NaN where missing; all other columns as string, without spaces around the text, empty where missing. Outputs:
    label, string [rows]; probabilities, float [rows, classes]. The metadata hold the classes in their order, as JSON.
    Models that read dates or free text cannot be exported.

    torch: a torch.export program, encoded rows (x_num, x_cat, x_dense, x_value) in, probabilities out. The file's
    nncli.json names the classes and the columns of each input.
    """
    destination = _destination(format, output, side, force)
    from nncli.bundle.model import load_model
    from nncli.bundle.whole import write_file

    loaded = load_model(model)
    note = "" if side else _blend_note(loaded, format)
    side = side or ("network" if format == "torch" else loaded.description.default_side)
    with Signals().taken():
        content, found = _made(loaded, format, side)
        write_file(destination, content)
    if json:
        print_json(_document(destination, format, side, loaded, len(content), found))
    if not quiet:
        _say(destination, len(content), found)
        if note:
            print(note, file=sys.stderr)  # noqa: T201


def _blend_note(model: "Model", format: str) -> str:
    """Whose answers a file gives, where the model blends and no side was named."""
    if model.description.default_side == "network":
        return ""
    if format == "torch":
        return "note: torch has no operators for trees: the file answers with the network alone, not with the blend"
    return "note: the file answers with the blend of network and trees, as the model does; --with names one of them"


def _destination(format: str, output: Path | None, side: str | None, force: bool) -> Path:
    """Where to write, after all that can be refused before any work."""
    from nncli.bundle.whole import refuse_output

    check_choice("format", format, ExportFormat)
    if side is not None:
        check_choice("with", side, ExportedSide)
    if format == "torch" and side in ("trees", "blend"):
        raise UsageError(f"--with {side}: torch has no operators for trees; choose --format onnx")
    if format == "onnx" and not (find_spec("onnx") and find_spec("onnxruntime")):
        raise UsageError(
            "--format onnx: needs onnx and onnxruntime; install them with pip install 'nncli-tabular[onnx]'"
        )
    path = output or _DEFAULT_OUTPUTS[format]
    refuse_output(path, force)
    return path


def _made(model: "Model", format: str, side: str) -> "tuple[bytes, Agreement]":
    """The content of the file, and what checking it found."""
    if format == "torch":
        from nncli.export.torch_file import check_torch, make_torch

        content = make_torch(model)
        return content, check_torch(content, model)
    from nncli.export.onnx_check import check_onnx
    from nncli.export.onnx_file import make_onnx

    content = make_onnx(model, side).SerializeToString()  # type: ignore[arg-type]
    return content, check_onnx(content, model, side)  # type: ignore[arg-type]


def _document(path: Path, format: str, side: str, model: "Model", size: int, found: "Agreement") -> dict[str, Any]:
    return {
        "schema_version": 1,
        "command": "export",
        "path": str(path),
        "format": format,
        "with": side,
        "bytes": size,
        "classes": model.classes,
        "checked": {"rows": found.n_rows, "largest_difference": found.difference, "runtime": found.runtime},
        "model_sha256": model.sha256,
    }


def _say(path: Path, size: int, found: "Agreement") -> None:
    line = (
        f"{path}: {size / 1000:,.0f} kB, {found.n_inputs} inputs; {found.n_rows:,} rows agree with predict "
        f"within {found.difference:.1e} ({found.runtime})"
    )
    print(inert(line), file=sys.stderr)  # noqa: T201
