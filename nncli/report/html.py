"""The JSON document of a report as one HTML page, as Markdown and as a model card.

A page is whole in itself: nothing is fetched, everything is escaped, and its policy lets no script run but its own. It
is made from the document alone, which may come from a folder of somebody else: what has no numbers there is left out.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from nncli.errors import ModelError, inert, show
from nncli.evaluation.metrics import LOWER_IS_BETTER
from nncli.report import figures as plots
from nncli.report.decision import AT_HALF, decision_of, figure_names, figures
from nncli.report.names import KINDS, METRIC_NAMES, SIDE_NAMES
from nncli.report.plots import dot_plot, row_axis, row_plot, row_scale
from nncli.report.touch import TouchPage

Document = Mapping[str, Any]
MOST_BYTES = 300_000
"""Of a page."""
_MOST_CONFUSION_CLASSES, _MOST_CLASSES, _MOST_COLUMNS, _MOST_CONFUSIONS = 30, 40, 15, 10
_MOST_LISTED = 50
_FEW_CLASSES = 12
_STOPS = {
    "patience": "the validation loss no longer improved",
    "epochs": "the planned epochs were done",
    "time limit": "the time limit was near",
    "diverged": "the training loss was no longer a number",
}
_MARKDOWN = re.compile(r"[<`|]|:(?=//)|\](?=[(\[:])|\\(?=[!-/:-@\[-`{-~])")
"""What begins an element, code, a cell, a link or an escape, outside of code."""
_OPTIONAL = (
    "comparisons", "costs", "assumptions", "curve", "curves", "calibration", "confusion", "thresholds", "decision",
    "per_class", "slices", "importances", "dependence", "wrong", "examples", "repeat", "folds", "trials", "rivals",
)  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A part of the page, with the keys of the document that it needs: any of them."""

    id: str
    title: str
    needs: tuple[str, ...]

    def is_in(self, document: Document) -> bool:
        """Whether the document has its numbers."""
        return not self.needs or any(document[key] for key in self.needs)


_SECTIONS = (
    Section("verdict", "Verdict", ()),
    Section("watch", "What to watch out for", ()),
    Section("scores", "Scores", ()),
    Section("learning", "Learning curves", ("curve",)),
    Section("ranking", "ROC and precision-recall", ("curves",)),
    Section("calibration", "Calibration", ("calibration",)),
    Section("confusion", "Confusion matrix", ("confusion",)),
    Section("thresholds", "Thresholds and costs", ("decision", "thresholds")),
    Section("classes", "Classes and slices", ("per_class",)),
    Section("importance", "Which columns matter", ("importances",)),
    Section("dependence", "What columns do", ("dependence",)),
    Section("wrong", "Most wrong", ("wrong",)),
)
_TOUCH, _MADE = Section("touch", "Touch the network", ()), Section("made", "How it was made", ())


def render_html(document: Document, touch: TouchPage | None = None) -> str:
    """The page of a report.

    Args:
        document: of :func:`nncli.report.document.document`, perhaps read back from a file.
        touch: the network page; ``None``: there is none.

    Raises:
        ModelError: the document is none that nncli writes.
    """
    d = dict.fromkeys(_OPTIONAL) | dict(document)
    sections = [section for section in _SECTIONS if section.is_in(d)]
    return rendered_page(
        "report.html.j2",
        d,
        style=touch.style if touch else "",
        script=(_source("report.js") if d["thresholds"] else "") + (touch.script if touch else ""),
        sections=[*sections, *([_TOUCH] if touch else []), _MADE],
        touch=touch,
    )


def rendered_page(template: str, document: Document, style: str = "", script: str = "", **more: Any) -> str:
    """A page of the house's style.

    Args:
        template: that extends ``page.html.j2``.
        document: that it shows, as ``d``.
        style: besides that of all pages.
        script: that it runs; none other may run.
        more: what the template needs besides.

    Raises:
        ModelError: the document lacks what the template shows.
    """
    style = _source("report.css") + style
    policy = f"default-src 'none'; style-src {_hash(style)}{f'; script-src {_hash(script)}' if script else ''}"
    return _rendered(template, document, style=style, script=script, policy=policy, **more)


def render_model_card(document: Document) -> str:
    """The model folder's README: what the evidence says, and marked gaps for the owner.

    Raises:
        ModelError: the document is none that nncli writes.
    """
    return _rendered("model_card.md.j2", dict.fromkeys(_OPTIONAL) | dict(document))


def render_markdown(document: Document) -> str:
    """A verdict as text that can be pasted elsewhere.

    Raises:
        ModelError: the document is none that nncli writes.
    """
    return _rendered("verdict.md.j2", dict.fromkeys(_OPTIONAL) | dict(document))


_OF_FOREIGN = (
    LookupError, TypeError, ValueError, ArithmeticError, AttributeError, NotImplementedError, jinja2.TemplateError,
)  # fmt: skip
"""What Python, Arrow and Jinja raise at values of a kind that was not to be expected."""


@contextmanager
def foreign_document() -> Iterator[None]:
    """Whatever a document that nncli did not write leads to is a :class:`~nncli.errors.ModelError`."""
    try:
        yield
    except _OF_FOREIGN as error:
        reason = show(f"{type(error).__name__}: {error}")
        raise ModelError(f"report.json: is none that this nncli writes ({reason}); train anew") from error


def _rendered(template: str, d: Document, **more: Any) -> str:
    with foreign_document():
        return _environment().get_template(template).render(d=d, **_SHARED, **more)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nncli.report"),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        show=show, inert=inert, count=_count, number=_number, signed=_signed, share=_share, general=_general,
        facts=_facts, option=_option, cell=_cell, plain=_plain, code=_code,
    )  # fmt: skip
    return environment


@jinja2.pass_eval_context
def _harmless(context: Any, value: Any) -> Any:
    """A value as it may stand in a page, which escapes it besides, or in Markdown."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return inert(value) if context.autoescape else _MARKDOWN.sub(r"\\\g<0>", inert(value))


def _source(name: str) -> str:
    environment = _environment()
    return environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]


def _hash(content: str) -> str:
    """As a Content-Security-Policy names an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _count(value: float) -> str:
    return f"{value:,}"


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _general(value: float) -> str:
    """At most six digits, never an exponent where a person would write none."""
    return f"{round(value):,}" if abs(value) >= 1e5 and abs(value) < 1e15 else f"{value:,.6g}"


def _plain(value: float) -> str:
    """As a script reads it."""
    return repr(float(value))


def _facts(facts: Mapping[str, Any]) -> str:
    """Names with their values, in one line."""
    return inert("; ".join(f"{name.replace('_', ' ')} {_option(value)}" for name, value in facts.items()))


def _option(value: Any) -> str:
    """An option's value or a fact, as people write it."""
    if isinstance(value, Mapping):
        return _facts(value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(_option, value)) if isinstance(value, list) else str(value)


def _cell(text: str) -> Markup:
    """As code in a table of Markdown, where a bar would end the cell, and two backslashes are one."""
    return Markup(re.sub(r"(\\*)\|", r"\1\1\\|", show(text).replace("`", "'")))


def _code(text: str) -> Markup:
    """As a block of code in Markdown."""
    return Markup(inert(text))


def _threshold_rows(d: Document) -> Iterator[dict[str, Any]]:
    """What each threshold does, with its shares and its cost."""
    found, costs = d["thresholds"], d["thresholds"]["costs"] or {"FN": 1, "FP": 1}
    of_missed, of_false = float(costs["FN"]), float(costs["FP"])
    prices = [of_missed * row["fn"] + of_false * row["fp"] for row in found["rows"]]
    for row, cost in zip(found["rows"], prices, strict=True):
        flagged, positive = row["tp"] + row["fp"], row["tp"] + row["fn"]
        is_chosen = row["threshold"] == found["chosen"]
        classes = [*(["cheapest"] if cost == min(prices) else []), *(["chosen"] if is_chosen else [])]
        yield {
            **row,
            "cost": cost,
            "precision": row["tp"] / flagged if flagged else None,
            "recall": row["tp"] / positive if positive else None,
            "f1": 2 * row["tp"] / (flagged + positive) if flagged + positive else None,
            "chosen": is_chosen,
            "classes": " ".join(classes),
        }


def _confusions(d: Document) -> list[tuple[str, str, int, float]]:
    """The pairs of classes that are taken for each other most often: class, prediction, rows, share of the class."""
    names, counts = d["classes"], d["confusion"]
    pairs = [
        (names[i], names[j], row[j], row[j] / sum(row))
        for i, row in enumerate(counts)
        for j in range(len(row))
        if i != j and row[j]
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:_MOST_CONFUSIONS]


def _worst_first(per_class: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As they are where they are few, else by F1, rows at all first."""
    if len(per_class) <= _FEW_CLASSES:
        return list(per_class)
    return sorted(per_class, key=lambda c: (c["n_rows"] == 0, c["f1"] if c["f1"] is not None else 1.0))


def _importance_intervals(columns: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [column[side] for column in columns for side in ("network", "trees")]


def _dependence_ends(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [dict.fromkeys(("value", "low", "high"), p) for side in ("network", "trees") for p in found[side]]


_SHARED = {
    "names": SIDE_NAMES,
    "kinds": KINDS,
    "metrics": METRIC_NAMES,
    "lower_is_better": LOWER_IS_BETTER,
    "stops": _STOPS,
    "plots": plots,
    "row_scale": row_scale,
    "row_plot": row_plot,
    "row_axis": row_axis,
    "dot_plot": dot_plot,
    "decided": decision_of,
    "figure_names": figure_names,
    "figures": figures,
    "at_half": AT_HALF,
    "threshold_rows": _threshold_rows,
    "confusions": _confusions,
    "worst_first": _worst_first,
    "importance_intervals": _importance_intervals,
    "dependence_ends": _dependence_ends,
    "most_confusion_classes": _MOST_CONFUSION_CLASSES,
    "most_classes": _MOST_CLASSES,
    "few_classes": _FEW_CLASSES,
    "most_columns": _MOST_COLUMNS,
    "most_listed": _MOST_LISTED,
    "most_bytes": MOST_BYTES,
}
"""What every template may use."""
