"""An ONNX file against the model that it was made from, by ONNX Runtime."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.export.check import TOLERANCE, Agreement, compare, disagreement
from nncli.export.onnx_file import Ports
from nncli.export.probe import probe_features, probe_rows
from nncli.settings import Side

_ERRORS_ONLY = 3


def check_onnx(content: bytes, model: Model, side: Side) -> Agreement:
    """Runs made-up rows through an ONNX file and through the model.

    Args:
        content: of the file.
        model: what it was made from.
        side: of the model.

    Raises:
        NncliError: they differ.
    """
    runtime = f"onnxruntime {onnxruntime.__version__}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    encoder, ports = model.description.encoder, Ports(model.description.encoder)
    rows = probe_rows(model.description, probe_features(model))
    features = model.encode(rows)
    feeds = {name: np.array(rows[name].to_pylist(), dtype=object) for name in encoder.columns}
    feeds |= {name: np.ascontiguousarray(features.x_num[:, j]) for j, name in enumerate(encoder.numeric)}
    labels, proba = session.run([ports.label, ports.probabilities], feeds)
    expected = model.predict_proba(features, side)
    found = compare(proba, expected, len(feeds), runtime)
    _require_labels(labels, expected, model, side, runtime)
    return found


def _require_labels(
    labels: NDArray[np.object_], proba: NDArray[np.float64], model: Model, side: Side, runtime: str
) -> None:
    """Labels must be those of ``predict``; where single precision cannot tell two classes apart, either will do."""
    position = {name: number for number, name in enumerate(model.classes)}
    chosen = np.array([position[label] for label in labels.tolist()])
    border = model.description.border(side)
    if border is None:
        margin = proba.max(axis=1) - proba[np.arange(len(proba)), chosen]
    else:
        margin = np.abs(proba[:, border.positive] - border.threshold) * (chosen != border.predicted(proba))
    wrong = margin > 2 * TOLERANCE
    if wrong.any():
        raise disagreement(f"{int(wrong.sum())} labels differ", runtime)
