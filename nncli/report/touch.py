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

from nncli.bundle.model import Model
from nncli.errors import show
from nncli.features.encoder import Features
from nncli.prediction.occlusion import typical_features
from nncli.report.smaller import smaller_script, smaller_style
from nncli.report.touch_columns import Movable, column_cells, movable_columns, moved, values_of
from nncli.report.touch_network import ShownNetwork, candidates, enough_bits, network_record
from nncli.report.touch_numbers import packed
from nncli.settings import Side
from nncli.table.arrow import text_array

MOST_BYTES = 190_000
"""Of the section: data, script and style."""
_MARKUP_BYTES = 6_000
_SIZES = ((12, 16), (12, 10), (9, 10), (6, 6))
"""Movable columns and rows, the most that are tried first."""
_MOST_WALKS = 3_000_000
"""Of rows through trees: about two seconds."""
_FULLY_SHOWN = 3
"""Classes: of more, the trees' line is known for so many of each row's."""
_SCRIPTS = ("numbers", "forward", "lesson", "svg", "drawing", "whatif", "controls", "textbook", "page")


@dataclass(frozen=True)
class TouchPage:
    """What the section needs."""

    data: str
    """JSON that may stand in a ``script`` element."""
    style: str
    script: str
    network: str
    """Which network the page computes with, in words."""
    answers: str
    """How far what the page says is what ``nncli predict`` says."""
    columns: str
    """Which columns can be moved, in words."""
    has_rows: bool
    """Whether rows of the table are embedded."""
    has_two_classes: bool


def touch_page(model: Model, document: Mapping[str, Any]) -> TouchPage | None:
    """The network page of a model.

    Args:
        model: that predicts.
        document: of its report: ``examples`` and ``importances`` are looked for.

    Returns:
        ``None`` where nothing could be moved, or no network is small enough.
    """
    columns, rows = movable_columns(model, document), _Rows.of(model, document.get("examples"))
    if not columns:
        return None
    style = smaller_style(_source("touch.css"))
    script = smaller_script("".join(_source(f"touch_{name}.js") for name in _SCRIPTS))
    room = MOST_BYTES - _MARKUP_BYTES - len(style.encode()) - len(script.encode())
    for network in candidates(model):
        bits = enough_bits(network, model.description.scaler, rows.features)
        for n_columns, n_rows in _SIZES:
            some = rows.first(n_rows)
            found = _Page(model, network, columns[:n_columns], some).record(bits)
            data = _safe_json(found)
            if len(data) <= room:
                n_others = len(model.description.schema.columns) - len(columns[:n_columns])
                return TouchPage(
                    data=data,
                    style=style,
                    script=script,
                    network=_words(model, network),
                    answers=_answer_words(model, network),
                    columns=_column_words(columns[:n_columns], n_others),
                    has_rows=len(some.names) > 0,
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
        chosen = [*range(min(n_rows, len(self.names))), len(self.features) - 1]
        return _Rows(self.names[:n_rows], self.truths[:n_rows], self.features.take(np.array(chosen)))


def _joined(*parts: Features) -> Features:
    arrays = ([getattr(part, name) for part in parts] for name in ("x_num", "x_cat", "x_text"))
    return Features(*(np.concatenate(some) for some in arrays), {})


@dataclass(frozen=True)
class _Page:
    """What the page's data are made from."""

    model: Model
    network: ShownNetwork
    columns: Sequence[Movable]
    rows: _Rows

    def record(self, bits: Any) -> dict[str, Any]:
        """As JSON values."""
        description, network = self.model.description, self.network
        border = description.border(network.side)
        inputs = description.scaler.scale(self.rows.features)
        parts = [
            network_record(part, [column.input for column in self.columns], description.scaler, inputs, bits)
            for part in network.parts
        ]
        return {
            "classes": [show(name, 60) for name in self.model.classes],
            "kind": network.kind,
            "calibration": [network.calibration.temperature, network.calibration.uniform_share],
            "border": [border.positive, border.threshold] if border else None,
            "blend": description.default_side == "blend",
            "networks": parts,
            "columns": [column.record() for column in self.columns],
            "others": len(description.schema.columns) - len(self.columns),
            "rows": [
                {"name": show(name), "true": show(true, 60)}
                for name, true in zip(self.rows.names, self.rows.truths, strict=True)
            ],
            "values": values_of(self.columns, self.rows.features),
            "answers": packed(self.model.predict_proba(self.rows.features, network.side), 16),
            "trees": self._trees(),
        }

    def _trees(self) -> dict[str, Any]:
        """The trees' probabilities of the rows, and of some classes along each column where that takes no long time."""
        features, n_classes = self.rows.features, len(self.model.classes)
        proba = self.model.predict_proba(features, "trees")
        found: dict[str, Any] = {"answers": packed(proba, 16), "shown": None, "lines": None}
        queries = [moved(features, row, column) for column in self.columns for row in range(len(features))]
        if sum(map(len, queries)) * self.model.trees.roots.size > _MOST_WALKS:
            return found
        network = self.model.predict_proba(features, self.network.side)
        shown = [_shown_classes(*both, n_classes) for both in zip(network, proba, strict=True)]
        lines = self.model.predict_proba(_joined(*queries), "trees")
        return found | {"shown": shown, "lines": list(self._lines(lines, shown))}

    def _lines(self, proba: Any, shown: Sequence[Sequence[int]]) -> Iterator[Any]:
        """For each column ``(n_rows, points of its grid, shown classes)``."""
        start = 0
        for column in self.columns:
            points, some = len(column.grid), []
            for classes in shown:
                some.append(proba[start : start + points][:, classes])
                start += points
            yield packed(np.array(some), 12)


def _shown_classes(network: Any, trees: Any, n_classes: int) -> list[int]:
    """Of two classes the second: the first is the rest. Of many, those that either side finds most probable."""
    if n_classes == 2:
        return [1]
    likely = np.argsort(-np.maximum(network, trees), kind="stable")
    return sorted(likely[:_FULLY_SHOWN].tolist())


def _words(model: Model, network: ShownNetwork) -> str:
    of_all = sum(a.n_nets * a.n_members for a in model.description.networks)
    if network.kind == "ensemble":
        return "the whole ensemble: what nncli predict answers with" if of_all > 1 else "what nncli predict answers with"
    if network.kind == "student":
        return "the small network of nncli predict --fast, which learned to answer as the ensemble does"
    return f"one of {of_all} members, for all of them are too large for a page"


def _answer_words(model: Model, network: ShownNetwork) -> str:
    if network.kind == "member":
        return "One member is not the ensemble: for rows as they are, the ensemble's answer stands beside its."
    option = "--fast" if network.kind == "student" else "--with network"
    asked = f" {option}" if network.kind == "student" or model.description.default_side == "blend" else ""
    blended = " The model itself answers with the blend of both." if model.description.default_side == "blend" else ""
    return f"Its probabilities are those of nncli predict{asked} within 0.001.{blended}"


def _column_words(columns: Sequence[Movable], n_others: int) -> str:
    if not n_others:
        return "All columns can be moved."
    some = "one column" if len(columns) == 1 else f"{len(columns)} columns"
    rest = "The other one stays" if n_others == 1 else f"The other {n_others} stay"
    return f"The {some} that matter most, of those that can be, can be moved. {rest} as in the row."


def _safe_json(value: Any) -> str:
    """JSON that ends no element, whatever the names in it are."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match.group()):04x}", text)


def _source(name: str) -> str:
    return (files("nncli.report") / "templates" / name).read_text(encoding="utf-8")
