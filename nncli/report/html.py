"""A report as one HTML page and as a model card: everything inline, nothing fetched, everything escaped."""

import base64
import hashlib
from typing import Any

import jinja2

from nncli.errors import inert, show
from nncli.evaluation.metrics import LOWER_IS_BETTER
from nncli.report.decision import AT_HALF, figure_names, figures
from nncli.report.document import (
    Report,
    assumption_lines,
    calibration_lines,
    document,
    effort_line,
    held_out_blend_line,
    kept_line,
    repeated_lines,
    sentence,
    weights_line,
)
from nncli.report.names import METRIC_NAMES, SIDE_NAMES
from nncli.report.svg import fold_plot, growth_plot, interval_plot, learning_curve, reliability_plot

_STOPS = {
    "patience": "the validation loss no longer improved",
    "epochs": "the planned epochs were done",
    "time limit": "the time limit was near",
    "diverged": "the training loss was no longer a number",
}


def render_html(report: Report) -> str:
    """The report's page. It needs no script, and its policy allows none."""
    environment = html_environment()
    style, digest = style_and_hash(environment)
    verdict = report.judgement.verdict
    folds = fold_plot(report.folds, verdict.metric, verdict.opponent) if report.folds else None
    growth = report.assumptions.growth if report.assumptions else None
    curve = learning_curve(report.curve, report.network["best_epoch"]) if report.curve else None
    return environment.get_template("report.html.j2").render(
        **_shared(report),
        style=style,
        style_hash=digest,
        interval_plot=interval_plot(report.judgement.scores, verdict.metric, METRIC_NAMES[verdict.metric]),
        learning_curve=curve,
        fold_plot=folds,
        growth_plot=growth_plot(growth) if growth else None,
        reliability_plot=reliability_plot({side: e.bins for side, e in report.calibration.items()}),
        stops=_STOPS,
    )


def render_model_card(report: Report) -> str:
    """The model folder's README: what the evidence says, and marked gaps for the owner."""
    return html_environment().get_template("model_card.md.j2").render(**_shared(report))


def render_markdown(report: Report) -> str:
    """A verdict as text that can be pasted elsewhere."""
    return html_environment().get_template("verdict.md.j2").render(**_shared(report))


def _shared(report: Report) -> dict[str, Any]:
    return {
        "report": report,
        "document": document(report),
        "sentence": sentence(report),
        "effort": effort_line(report),
        "kept": kept_line(report),
        "blend": held_out_blend_line(report),
        "lines": repeated_lines(report),
        "assumptions": assumption_lines(report),
        "weights": weights_line(report),
        "figure_names": figure_names,
        "figures": figures,
        "at_half": AT_HALF,
        "calibration": calibration_lines(report),
        "sides": SIDE_NAMES,
        "metrics": METRIC_NAMES,
        "lower_is_better": LOWER_IS_BETTER,
    }


def style_and_hash(environment: jinja2.Environment) -> tuple[str, str]:
    """The style sheet of all pages, and its hash for their policy."""
    style = environment.loader.get_source(environment, "report.css")[0]  # type: ignore[union-attr]
    return style, base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def html_environment() -> jinja2.Environment:
    """Where templates come from; those of pages escape what they are given."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("nncli.report"),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(show=show, inert=inert)
    return environment
