"""The network page: a trained network that can be played with, in the browser, without asking anybody.

Everything that the page computes with is in its data: the network's arrays, as far as the columns that can be moved
need them, a few rows, and what the trees say along each column. Scripts and style are in ``templates/``.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nncli.bundle.model import Model
from nncli.errors import show
from nncli.evaluation.decisions import Border
from nncli.evaluation.metrics import Floats
from nncli.features.encoder import Features
from nncli.prediction.occlusion import typical_features
from nncli.report.smaller import smaller_script, smaller_style
from nncli.report.touch_columns import Movable, column_cells, mixtures, movable_columns, moved, values_of
from nncli.report.touch_network import Kind, ShownNetwork, candidates, enough_bits, network_record
from nncli.report.touch_numbers import Bits, packed
from nncli.table.arrow import text_array

MOST_BYTES = 190_000
"""Of the section: data, script and style."""
_MARKUP_BYTES = 6_000
_SIZES = ((12, 16), (12, 10), (9, 10), (8, 6), (6, 6))
"""Movable columns and rows: the most that fit are taken."""
_MOST_WALKS = 5_000_000
"""Of rows through trees: about a second."""
_FULLY_SHOWN = 3
"""Classes: of more, the trees' line is known for so many of each row's."""
_LONGEST_NAME = 60
_SCRIPTS = ("numbers", "forward", "lesson", "svg", "drawing", "whatif", "controls", "textbook", "page")


@dataclass(frozen=True)
class TouchPage:
    """What the section needs."""

    data: str
    """JSON that may stand in a ``script`` element."""
    style: str
    script: str
    kind: Kind
    """Of the network that the page computes with."""
    n_members: int
    """Of the whole ensemble."""
    is_blend: bool
    """Whether the model answers with network and trees as one."""
    columns: str
    """Which columns can be moved, in words."""
    has_rows: bool
    """Whether rows of the table are embedded."""
    has_two_classes: bool


def touch_page(model: Model, document: Mapping[str, Any], most_bytes: int = MOST_BYTES) -> TouchPage | None:
    """The network page of a model.

    Args:
        model: that predicts.
        document: of its report: ``examples`` and ``importances`` are looked for.
        most_bytes: of the section with its script and style; the more, the larger a network is shown whole.

    Returns:
        ``None`` where nothing could be moved, or no network is small enough.
    """
    columns, rows = movable_columns(model, document), _Rows.of(model, document.get("examples"))
    if not columns:
        return None
    style = smaller_style(_source("touch.css"))
    script = smaller_script("".join(_source(f"touch_{name}.js") for name in _SCRIPTS))
    room = most_bytes - _MARKUP_BYTES - len((style + script).encode())
    trees = _ask_trees(model, columns, rows.features)
    for page in _pages(model, columns, rows, trees):
        data = _safe_json(page.record())
        if len(data.encode()) <= room:
            return TouchPage(
                data=data,
                style=style,
                script=script,
                kind=page.network.kind,
                n_members=sum(a.n_nets * a.n_members for a in model.description.networks),
                is_blend=model.description.default_side == "blend",
                columns=_column_words(len(page.columns), page.n_others, bool(document.get("importances"))),
                has_rows=bool(rows.names),
                has_two_classes=len(model.classes) == 2,
            )
    return None


@dataclass(frozen=True)
class _Rows:
    """The example rows, and after them the typical training row."""

    names: Sequence[str]
    truths: Sequence[str]
    features: Features

    @staticmethod
    def of(model: Model, examples: Mapping[str, Any] | None) -> "_Rows":
        typical = typical_features(model)
        if not examples or not examples["rows"]:
            return _Rows([], [], typical)
        columns = model.description.encoder.columns
        cells = {name: text_array(column_cells(examples, name)) for name in columns}
        features = _joined(model.encode(pa.record_batch(cells)), typical)
        return _Rows([f"row {r['number']}" for r in examples["rows"]], [r["true"] for r in examples["rows"]], features)

    def first(self, n_rows: int) -> "_Rows":
        """Some rows, and the typical one."""
        return _Rows(self.names[:n_rows], self.truths[:n_rows], self.features.take(self.places(n_rows)))

    def places(self, n_rows: int) -> NDArray[np.int64]:
        """Where these stand among all."""
        return np.array([*range(min(n_rows, len(self.names))), len(self.features) - 1])


def _joined(*parts: Features) -> Features:
    x_num, x_cat, x_text = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("x_num", "x_cat", "x_text")
    )
    return Features(x_num, x_cat, x_text, {})


@dataclass(frozen=True)
class _TreesAnswers:
    """What the trees say of the rows."""

    proba: Floats
    """As they are, ``(n_rows, n_classes)``."""
    lines: Sequence[Floats]
    """Along the first columns, each ``(n_rows, points of its grid, n_classes)``; fewer of them where trees are many."""

    def record(self, shown: Sequence[Sequence[int]], rows: NDArray[np.int64], n_columns: int) -> dict[str, Any]:
        """As JSON values: of some rows, along some columns, the shown classes of each row."""
        some = [line[rows] for line in self.lines[:n_columns]]
        lines = [np.stack([of[:, classes] for of, classes in zip(line, shown, strict=True)]) for line in some]
        return {"answers": packed(self.proba[rows], 16), "shown": shown, "lines": [packed(line, 12) for line in lines]}


def _ask_trees(model: Model, columns: Sequence[Movable], features: Features) -> _TreesAnswers:
    """All at once: each walk through a tree costs something however few rows go."""
    n_rows = len(features)
    sizes = [n_rows * len(column.grid) for column in columns]
    asked = columns[: int((np.cumsum(sizes) * model.trees.roots.size <= _MOST_WALKS).sum())]
    queries = [moved(features, row, column) for column in asked for row in range(n_rows)]
    proba, *lines = np.split(
        model.predict_proba(_joined(features, *queries), "trees"), np.cumsum([n_rows, *sizes])[: len(asked)]
    )
    shapes = [(n_rows, len(column.grid), -1) for column in asked]
    return _TreesAnswers(proba, [line.reshape(shape) for line, shape in zip(lines, shapes, strict=True)])


@dataclass(frozen=True)
class _Page:
    """What the page's data are made from."""

    model: Model
    network: ShownNetwork
    bits: Bits
    columns: Sequence[Movable]
    rows: _Rows
    trees: Mapping[str, Any]

    @property
    def n_others(self) -> int:
        """Columns that stay as they are."""
        return len(self.model.description.schema.columns) - len(self.columns)

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        description, network, features = self.model.description, self.network, self.rows.features
        inputs = description.scaler.scale(features)
        movable = [column.input for column in self.columns]
        pairs = zip(self.rows.names, self.rows.truths, strict=True)
        return {
            "classes": [show(name, _LONGEST_NAME) for name in self.model.classes],
            "kind": network.kind,
            "calibration": [network.calibration.temperature, network.calibration.uniform_share],
            "border": _border_record(description.border(network.side)),
            "borders": {side: _border_record(description.border(side)) for side in ("trees", "blend")},
            "blend": description.default_side == "blend",
            "networks": [
                network_record(part, movable, description.scaler, inputs, self.bits) for part in network.parts
            ],
            "columns": [column.record() for column in self.columns],
            "others": self.n_others,
            "rows": [{"name": show(name), "true": show(true, _LONGEST_NAME)} for name, true in pairs],
            "values": values_of(self.columns, features),
            "answers": packed(self.model.predict_proba(features, network.side), 16),
            "trees": self.trees,
        }


def _border_record(border: Border | None) -> list[float] | None:
    return [border.positive, border.threshold] if border else None


def _pages(model: Model, columns: Sequence[Movable], rows: _Rows, trees: _TreesAnswers) -> Iterator[_Page]:
    """What can be shown, the best first: a better network comes before more columns and rows."""
    likely = np.maximum(model.predict_proba(rows.features, "network"), trees.proba)
    tried = model.description.scaler.scale(mixtures(rows.features, columns))
    for network in candidates(model):
        bits = enough_bits(network, tried)
        for n_columns, n_rows in _SIZES:
            places = rows.places(n_rows)
            shown = [_shown_classes(proba) for proba in likely[places]]
            record = trees.record(shown, places, n_columns)
            yield _Page(model, network, bits, columns[:n_columns], rows.first(n_rows), record)


def _shown_classes(likely: Floats) -> list[int]:
    """Of two classes the second: the first is the rest. Of many, those that either side finds most probable."""
    if likely.size == 2:
        return [1]
    return sorted(np.argsort(-likely, kind="stable")[:_FULLY_SHOWN].tolist())


def _column_words(n_columns: int, n_others: int, by_importance: bool) -> str:
    if not n_others:
        return "All columns can be moved."
    which = "most important" if by_importance else "first"
    some = f"the {which} one" if n_columns == 1 else f"the {n_columns} {which} ones"
    rest = "the other column stays" if n_others == 1 else f"the other {n_others} columns stay"
    return f"Of the numbers and categories {some} can be moved; {rest} as in the row."


def _safe_json(value: Any) -> str:
    """JSON that ends no element, whatever the names in it are."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _source(name: str) -> str:
    return (files("nncli.report") / "templates" / name).read_text(encoding="utf-8")
