"""A whole model as one ONNX file: raw columns in, label and probabilities out."""

import json
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, checker
from onnx.helper import make_graph, make_model, make_opsetid, make_tensor_value_info, set_model_props

from nncli import version
from nncli.bundle.model import Model
from nncli.errors import UsageError, quoted_list
from nncli.evaluation.calibration import SMALLEST_PROBABILITY, UNCALIBRATED, Calibration
from nncli.evaluation.decisions import Border
from nncli.export.columns import EncodedColumns, encode_columns
from nncli.export.graph import ML_DOMAIN, Graph, Tensor, free_name
from nncli.export.network import network_proba
from nncli.export.scaling import scale_columns
from nncli.export.trees import trees_proba
from nncli.features.encoder import FeatureEncoder
from nncli.settings import Side

_OPSET, _ML_OPSET, _IR_VERSION = 17, 3, 8
"""Of 2022: what reads ONNX today reads these."""
_ROWS = "rows"


@dataclass(frozen=True)
class Ports:
    """Names of what goes in and what comes out; outputs step aside for columns of their name."""

    encoder: FeatureEncoder

    @property
    def types(self) -> dict[str, str]:
        """``double`` or ``string``, by column."""
        numeric = self.encoder.numeric
        return {name: "double" if name in numeric else "string" for name in self.encoder.columns}

    @property
    def label(self) -> str:
        """The output of classes."""
        return free_name("label", self.types)

    @property
    def probabilities(self) -> str:
        """The output of probabilities."""
        return free_name("probabilities", self.types)

    @property
    def contract(self) -> str:
        """For people who find the file."""
        return (
            f"Inputs: one tensor of shape [{_ROWS}] for each column, named as the column. "
            "double: a number, NaN where it is missing. "
            "string: the cell's text without spaces around it, empty where it is missing. "
            f"Outputs: {self.label}, string [{_ROWS}]; {self.probabilities}, float [{_ROWS}, classes], "
            "in the order of the classes in the metadata."
        )


def make_onnx(model: Model, side: Side) -> ModelProto:
    """A model as ONNX, with everything that ``predict`` does to a row.

    Raises:
        UsageError: the model reads dates or free text, for which ONNX has no operators.
    """
    encoder = model.description.encoder
    refuse_unreadable(encoder)
    ports = Ports(encoder)
    graph = Graph(encoder.columns)
    proba = _calibrated_proba(graph, model, side)
    single = graph.cast(proba, np.float32, name=ports.probabilities)
    border = model.description.border(side)
    decided = _decided(graph, single, border) if border else graph.add("ArgMax", proba, axis=1, keepdims=0)
    graph.add("Gather", np.array(model.classes, dtype=object), decided, name=ports.label)
    return _whole(graph, model, ports)


def refuse_unreadable(encoder: FeatureEncoder) -> None:
    """Checks that ONNX has operators for all columns.

    Raises:
        UsageError: some are dates or free text.
    """
    names = [*encoder.dates, *(text.name for text in encoder.texts)]
    if names:
        raise UsageError(
            f"--format onnx: the model reads dates or free text in {quoted_list(names)}, for which ONNX has no "
            "operators; train without them, or use nncli predict"
        )


def _calibrated_proba(graph: Graph, model: Model, side: Side) -> Tensor:
    """Shape: ``(n_rows, n_classes)``, float64."""
    description = model.description
    columns = encode_columns(graph, description.encoder)
    if side == "blend":
        return _blended(graph, *(_of_side(graph, model, part, columns) for part in ("network", "trees")))
    return _of_side(graph, model, side, columns)


def _blended(graph: Graph, network: Tensor, trees: Tensor) -> Tensor:
    """As :func:`~nncli.evaluation.blend.blend` does it."""
    product = graph.add("Mul", *(graph.add("Max", side, np.float64(SMALLEST_PROBABILITY)) for side in (network, trees)))
    roots = graph.add("Sqrt", product)
    return graph.add("Div", roots, graph.add("ReduceSum", roots, np.array([1]), keepdims=1))


def _of_side(graph: Graph, model: Model, side: Side, columns: EncodedColumns) -> Tensor:
    description = model.description
    if side == "trees":
        proba, calibration = trees_proba(graph, model.trees, columns), description.trees_calibration
    else:
        scaled = scale_columns(graph, columns, description.scaler)
        networks = zip(description.networks, model.weights, strict=True)
        probas = [graph.cast(network_proba(graph, *network, scaled), np.float64) for network in networks]
        proba = graph.add("Mul", graph.add("Sum", *probas), np.float64(1 / len(probas)))
        calibration = description.network_calibration
    return _calibrated(graph, proba, calibration, len(model.classes))


def _decided(graph: Graph, proba: Tensor, border: Border) -> Tensor:
    """Class numbers, by probabilities in single precision. Shape: ``(n_rows,)``."""
    positive = graph.add("Gather", proba, np.int64(border.positive), axis=1)
    is_positive = graph.add("GreaterOrEqual", positive, np.float32(border.threshold))
    return graph.add("Where", is_positive, np.int64(border.positive), np.int64(1 - border.positive))


def _calibrated(graph: Graph, proba: Tensor, calibration: Calibration, n_classes: int) -> Tensor:
    if calibration == UNCALIBRATED:
        return proba
    logs = graph.add("Log", graph.add("Clip", proba, np.float64(SMALLEST_PROBABILITY), np.float64(1)))
    sharpened = graph.add("Softmax", graph.add("Mul", logs, np.float64(1 / calibration.temperature)), axis=1)
    share = calibration.uniform_share
    return graph.add("Add", graph.add("Mul", sharpened, np.float64(1 - share)), np.float64(share / n_classes))


def _whole(graph: Graph, model: Model, ports: Ports) -> ModelProto:
    inputs = [_port(name, ports.types[name], [_ROWS]) for name in ports.types]
    outputs = [_port(ports.label, "string", [_ROWS]), _port(ports.probabilities, "float", [_ROWS, len(model.classes)])]
    made = make_model(
        make_graph(graph.nodes, "nncli", inputs, outputs, graph.constants),
        opset_imports=[make_opsetid("", _OPSET), make_opsetid(ML_DOMAIN, _ML_OPSET)],
        ir_version=_IR_VERSION,
        producer_name="nncli",
        producer_version=version(),
        doc_string=ports.contract,
    )
    classes = json.dumps(model.classes, ensure_ascii=False)
    set_model_props(made, {"classes": classes, "nncli_version": version(), "model_sha256": model.sha256})
    checker.check_model(made)
    return made


def _port(name: str, kind: str, shape: list[str | int]) -> ValueInfoProto:
    types = {"double": TensorProto.DOUBLE, "float": TensorProto.FLOAT, "string": TensorProto.STRING}
    return make_tensor_value_info(name, types[kind], shape)
