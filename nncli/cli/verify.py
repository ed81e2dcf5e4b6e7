"""``nncli verify``: whether every byte of a model is as it was written."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncli.cli.options import DEFAULT_MODEL, Debug, ExpectModel, Json, ModelFolder, Quiet, print_json

if TYPE_CHECKING:
    from nncli.bundle.folder import Manifest
    from nncli.bundle.model import Model


def verify(
    model: ModelFolder = DEFAULT_MODEL,
    expect_model: ExpectModel = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Check that a model folder is whole: sizes, hashes, and that all of it can be read. Exit code 4 if not.

    nncli verify -m churn-model

    It tells damage, not forgery: who can change a file can change its hash. To pin a model, name its hash.

    nncli verify -m churn-model --expect-model SHA256
    """
    from nncli.bundle.folder import other_files, read_manifest
    from nncli.bundle.model import load_with_heldout

    loaded, _ = load_with_heldout(model)
    loaded.require_sha256(expect_model)
    manifest = read_manifest(model)
    others = other_files(model, manifest)
    report_error = _report_error(model, loaded, others)
    if json:
        print_json(_document(manifest, others, loaded.sha256, report_error))
    elif not quiet:
        _print(model, manifest, others, loaded.sha256, report_error)


def _report_error(folder: Path, model: "Model", others: list[str]) -> str | None:
    """Why the report beside a model is not the model's; ``None`` also where there is no report."""
    from nncli.errors import ModelError, inert
    from nncli.report.stored import REPORT, read_report

    try:
        if REPORT in others:
            read_report(folder, model)
    except ModelError as error:
        return inert(str(error))
    return None


def _document(manifest: "Manifest", others: list[str], sha256: str, report_error: str | None) -> dict[str, Any]:
    from nncli.bundle.records import to_json

    return {
        "schema_version": 1,
        "command": "verify",
        "model_sha256": sha256,
        **to_json(manifest),
        "other_files": others,
        "report_error": report_error,
    }


def _print(folder: Path, manifest: "Manifest", others: list[str], sha256: str, report_error: str | None) -> None:
    from nncli.bundle.folder import PAGES
    from nncli.errors import inert, quoted_list

    for entry in manifest.files:
        print(f"{entry.name:<36} {entry.size:>13,} bytes  as written")  # noqa: T201
    pages, strangers = ([name for name in others if (name in PAGES) == wanted] for wanted in (True, False))
    if pages:
        print(f"note: for people, no part of the model, not checked: {quoted_list(pages)}")  # noqa: T201
    if report_error:
        print(f"note: {report_error}")  # noqa: T201
    if strangers:
        print(f"note: no part of the model, never read: {quoted_list(strangers)}")  # noqa: T201
    print(f"{inert(str(folder))}: whole, model sha256 {sha256}")  # noqa: T201
