"""A model's page: what its report says, and its network to touch, as much of it as there is room for."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from nncli.bundle.model import Model
from nncli.errors import ModelError, show
from nncli.report.html import MOST_BYTES, render_html
from nncli.report.touch import touch_page


def render_page(document: Mapping[str, Any], model: Model) -> str:
    """The page of a model folder, under 300 kB.

    Args:
        document: of the model's report, perhaps read back from a file.
        model: that predicts.

    Raises:
        ModelError: the document is none that nncli writes, or of another model.
    """
    if document.get("model_sha256") != model.sha256:
        raise ModelError("report.json: is of another model than this folder's; train anew")
    without = render_html(document)
    try:
        touch = touch_page(model, document, MOST_BYTES - len(without.encode()))
    except (LookupError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        reason = show(f"{type(error).__name__}: {error}")
        raise ModelError(f"report.json: its examples are none that this nncli writes ({reason}); train anew") from error
    return render_html(document, touch)
