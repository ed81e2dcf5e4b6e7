"""The networks of a model as one program of ``torch.export``: encoded rows in, probabilities out."""

import io
import json
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nncli import version
from nncli.bundle.model import Model
from nncli.evaluation.calibration import SMALLEST_PROBABILITY, UNCALIBRATED, Calibration
from nncli.export.check import Agreement, compare
from nncli.export.probe import probe_features
from nncli.features.columns import DATE_PARTS
from nncli.features.scaling import NetworkInputs
from nncli.network.mlp import MLP, restored_mlps

METADATA_FILE = "nncli.json"
"""In the archive: class names, and the columns behind each input."""


class CalibratedNetworks(nn.Module):
    """The mean of some networks' probabilities, calibrated.

    Shape:
        as :class:`~nncli.network.mlp.MLP` to ``(B, n_classes)``.
    """

    def __init__(self, networks: Sequence[MLP], calibration: Calibration) -> None:
        """Takes trained networks."""
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.calibration = calibration

    def forward(self, x_num: Tensor, x_cat: Tensor, x_dense: Tensor, x_value: Tensor) -> Tensor:
        """Calibrated probabilities, float32."""
        rows = x_num, x_cat, x_dense, x_value
        probas = [network.predict_proba(*rows) for network in self.networks]  # type: ignore[operator]
        return self._calibrated(torch.stack(probas).double().mean(dim=0)).float()

    def _calibrated(self, proba: Tensor) -> Tensor:
        temperature, share = self.calibration.temperature, self.calibration.uniform_share
        if self.calibration == UNCALIBRATED:
            return proba
        sharpened = (proba.clamp(SMALLEST_PROBABILITY, 1).log() / temperature).softmax(dim=1)
        return sharpened * (1 - share) + share / proba.shape[1]


def make_torch(model: Model) -> bytes:
    """The file of a program for any number of rows."""
    description = model.description
    networks = restored_mlps(description.networks, model.weights)
    module = CalibratedNetworks(networks, description.network_calibration).eval()
    # Rows of the example go into the file: two, because of one it would be thought that there is always one.
    example = _tensors(description.scaler.scale(probe_features(model)).take(slice(2)))
    program = torch.export.export(module, example, dynamic_shapes=[{0: torch.export.Dim.DYNAMIC}] * len(example))
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={METADATA_FILE: json.dumps(_metadata(model))})
    return file.getvalue()


def check_torch(content: bytes, model: Model) -> Agreement:
    """Runs made-up rows through a program and through the model's networks.

    Raises:
        NncliError: they differ.
    """
    features = probe_features(model)
    program = torch.export.load(io.BytesIO(content)).module()
    inputs = _tensors(model.description.scaler.scale(features))
    found = program(*inputs).numpy()
    return compare(found, model.predict_proba(features), len(inputs), f"torch {torch.__version__}")


def _tensors(inputs: NetworkInputs) -> tuple[Tensor, ...]:
    return tuple(torch.tensor(array) for array in inputs.arrays)


def _metadata(model: Model) -> dict[str, object]:
    encoder, scaler = model.description.encoder, model.description.scaler
    numbers = [*encoder.numeric, *(f"{name} ({part})" for name in encoder.dates for part in DATE_PARTS)]
    scales = list(zip(numbers, scaler.numeric, strict=True))
    texts = [f"{text.name} ({i})" for text in encoder.texts for i in range(text.width)]
    return {
        "nncli_version": version(),
        "model_sha256": model.sha256,
        "classes": model.classes,
        "x_num": numbers,
        "x_cat": [*encoder.booleans, *(column.name for column in encoder.categories)],
        "x_dense": [*(f"{name} (missing)" for name, scale in scales if scale.has_missing), *texts],
        "x_value": [name for name, scale in scales if scale.coded],
    }
