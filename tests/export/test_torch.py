import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_models import KINDS, SOFT, made_model, rows_for

from nncli.errors import NncliError
from nncli.export.torch_file import METADATA_FILE, check_torch, make_torch


@pytest.mark.parametrize(
    "form",
    [
        {"n_classes": 3, "nets": (2, 1), "calibration": SOFT, "columns": tuple(KINDS)},
        {"n_bins": 0, "n_members": 1, "nets": (1,)},
    ],
)
def test_a_program_says_what_predict_says_for_any_number_of_rows(form: dict[str, object]) -> None:
    model = made_model(**form)  # type: ignore[arg-type]
    content = make_torch(model)
    features = model.encode(rows_for(model, 300))
    expected = model.predict_proba(features)
    inputs = model.description.scaler.scale(features)
    metadata = {METADATA_FILE: ""}
    program = torch.export.load(io.BytesIO(content), extra_files=metadata).module()
    for n_rows in (300, 7, 1):
        part = inputs.take(slice(n_rows))
        arrays = part.x_num, part.x_cat, part.x_dense, part.x_value
        found = program(*(torch.tensor(array) for array in arrays))
        np.testing.assert_allclose(found.numpy(), expected[:n_rows], rtol=0, atol=2e-6)
    told = json.loads(metadata[METADATA_FILE])
    assert told["classes"] == list(model.classes)
    assert told["model_sha256"] == model.sha256
    for name in ("x_num", "x_cat", "x_dense", "x_value"):
        assert len(told[name]) == getattr(inputs, name).shape[1]
    assert 0 <= check_torch(content, model).difference < 2e-6
    slightly = replace(SOFT, temperature=1.71)
    with pytest.raises(NncliError, match="differs"):
        check_torch(content, model.with_calibrations(slightly, slightly))
