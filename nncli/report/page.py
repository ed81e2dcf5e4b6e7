"""A model's page: what its report says, and its network to touch, as much of it as there is room for."""

from collections.abc import Mapping
from typing import Any

from nncli.bundle.model import Model
from nncli.report.html import MOST_BYTES, foreign_document, render_html
from nncli.report.touch import touch_page


def render_page(document: Mapping[str, Any], model: Model) -> str:
    """The page of a model folder, under 300 kB.

    Args:
        document: of this model's report, perhaps read back from a file.
        model: that predicts.

    Raises:
        ModelError: the document is none that nncli writes.
    """
    without = render_html(document)
    with foreign_document():
        touch = touch_page(model, document, MOST_BYTES - len(without.encode()))
    return render_html(document, touch)
