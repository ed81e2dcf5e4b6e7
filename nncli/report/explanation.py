"""What ``nncli explain`` found, as JSON documents; terminal and page are made from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nncli.bundle.model import Model
from nncli.evaluation.metrics import Floats
from nncli.explain.importance import Importances
from nncli.explain.interactions import Interactions
from nncli.guard.findings import Finding
from nncli.prediction.labelled import LabelledRows
from nncli.report.closer import importances_document
from nncli.report.document import SCHEMA_VERSION, finite_document

if TYPE_CHECKING:  # they need torch, and only rows need them
    from nncli.explain.attribution import Attribution
    from nncli.explain.row import RowExplanation
    from nncli.explain.trace import NetworkTrace, Trace


@dataclass(frozen=True)
class ExplainedRow:
    """A row of a file."""

    path: str
    data_sha256: str
    n_rows: int
    """Of the file."""
    number: int
    """Among them, from 1."""
    true: str | None
    """Its class, where the file tells."""
    cells: Sequence[str]
    """In the order of ``encoder.columns``."""


def stored_document(folder: Path, report: Mapping[str, Any]) -> dict[str, Any]:
    """What training found on its test rows.

    Args:
        folder: of the model.
        report: its ``report.json``, checked.
    """
    kept = {name: report.get(name) for name in ("target", "classes", "importances", "model_sha256")}
    sentences = report.get("sentences")
    kept_on = sentences.get("kept") if isinstance(sentences, Mapping) else None
    return {
        **_opening(None),
        **kept,
        "source": str(folder / "report.json"),
        "kept": kept_on if isinstance(kept_on, str) else "",
        "interactions": None,
        "warnings": [],
    }


def data_document(
    model: Model,
    labelled: LabelledRows,
    importances: Importances,
    interactions: Interactions,
    class_name: str | None,
    warnings: Sequence[Finding],
) -> dict[str, Any]:
    """What labelled rows tell of both sides.

    Args:
        model: that answers.
        labelled: the rows.
        importances: of all columns.
        interactions: of pairs of the most important ones,
        class_name: on the score of this class; ``None``: of all of them.
        warnings: about the rows.
    """
    n_rows = labelled.labels.size + labelled.n_unlabelled + labelled.n_weightless
    pairs = [
        {"columns": list(pair.columns), **{side: asdict(strength) for side, strength in pair.sides.items()}}
        for pair in interactions.pairs
    ]
    return finite_document(
        {
            **_opening({"path": labelled.path, "sha256": labelled.sha256, "rows": n_rows}),
            "target": labelled.target,
            "classes": list(model.classes),
            "weights": {"column": labelled.weight_column} if labelled.weight_column is not None else None,
            "importances": importances_document(importances),
            "interactions": {"class": class_name, "rows": interactions.n_rows, "pairs": pairs},
            "warnings": [asdict(finding) for finding in warnings],
            "model_sha256": model.sha256,
        }
    )


def row_document(
    model: Model, row: ExplainedRow, found: "RowExplanation", warnings: Sequence[Finding]
) -> dict[str, Any]:
    """Why one row gets its answers; columns in the order of the most that they add to either side.

    Args:
        model: that answers.
        row: of the file.
        found: about it.
        warnings: about the file.
    """
    attributions = found.attributions
    return finite_document(
        {
            **_opening({"path": row.path, "sha256": row.data_sha256, "rows": row.n_rows}),
            "row": row.number,
            "target": model.description.schema.target,
            "classes": list(model.classes),
            "true": row.true,
            "side": model.description.default_side,
            "predicted": model.classes[found.predicted],
            "class": model.classes[found.class_number],
            "scale": "log-odds" if len(model.classes) == 2 else "its log-probability less the classes' mean",
            "probabilities": {side: proba.tolist() for side, proba in found.answers.items()},
            "attribution": {
                "network": {"method": "integrated gradients", **_ends(attributions["network"])},
                "trees": {"method": "TreeSHAP, path-dependent", **_ends(attributions["trees"])},
            },
            "columns": _columns(model, row, {side: each.parts for side, each in attributions.items()}),
            "trace": _trace(found.trace),
            "warnings": [asdict(finding) for finding in warnings],
            "model_sha256": model.sha256,
        }
    )


def _opening(data: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"schema_version": SCHEMA_VERSION, "command": "explain", "data": data}


def _ends(attribution: "Attribution") -> dict[str, float]:
    return {"start": attribution.start, "score": attribution.score, "residual": attribution.residual}


def _columns(model: Model, row: ExplainedRow, parts: Mapping[str, Floats]) -> list[dict[str, Any]]:
    encoder, reference = model.description.encoder, model.description.reference
    texts = {text.name for text in encoder.texts}
    found = [
        {
            "column": name,
            "cell": row.cells[i],
            "typical": None if name in texts else reference[i],
            **{side: float(of_side[i]) for side, of_side in parts.items()},
        }
        for i, name in enumerate(encoder.columns)
    ]
    return sorted(found, key=lambda each: -max(abs(each[side]) for side in parts))


def _trace(found: "Trace") -> dict[str, Any]:
    members = np.concatenate([network.members.reshape(-1, found.mean.size) for network in found.networks])
    return {
        "networks": [_network(network) for network in found.networks],
        "members": {"low": members.min(axis=0).tolist(), "high": members.max(axis=0).tolist()},
        "mean": found.mean.tolist(),
        "calibration": {"temperature": found.temperature, "uniform_share": found.uniform_share},
        "calibrated": found.calibrated.tolist(),
    }


def _network(found: "NetworkTrace") -> dict[str, Any]:
    return {
        "form": found.form,
        "activation": found.activation,
        "layers": [asdict(layer) for layer in found.layers],
        "logits": found.logits.tolist(),
        "nets": found.members.mean(axis=1).tolist(),
    }
