"""``nncli info``: what a model folder holds."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nncli.cli.options import DEFAULT_MODEL, Debug, Json, ModelFolder, Quiet, Verbose, print_json

if TYPE_CHECKING:
    from nncli.bundle.model import Heldout, Model
    from nncli.settings import Side


def info(
    model: ModelFolder = DEFAULT_MODEL,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Describe a model folder: what it predicts, from which columns, with which network.

    nncli info -m churn-model
    """
    from nncli.bundle.model import load_with_heldout

    loaded, heldout = load_with_heldout(model)
    if json:
        print_json(_document(loaded, heldout))
    elif not quiet:
        _print(str(model), loaded, heldout, most_columns=10_000 if verbose else 40)


def _document(model: "Model", heldout: "Heldout") -> dict[str, Any]:
    from nncli.bundle.records import to_json
    from nncli.report.decision import decision_document, decision_report

    description, sets = to_json(model.description), heldout.coverage_checks(model.description.sides)
    wanted = ("schema", "networks", "student", "trees", "network_calibration", "trees_calibration", "provenance")
    return {
        "schema_version": 1,
        "command": "info",
        "model_sha256": model.sha256,
        **{name: description[name] for name in wanted},
        "default_side": model.description.default_side,
        "decision": decision_document(decision_report(model.description, heldout)),
        "log_loss": _log_losses(heldout),
        "sets": {side: [asdict(c) for c in checks] for side, checks in sets.items()},
    }


def _log_losses(heldout: "Heldout") -> dict[str, float]:
    """Of each side and of the blend, on the test rows."""
    from nncli.evaluation.metrics import log_losses, mean_and_error

    test = heldout.test
    return {
        side: mean_and_error(log_losses(test.labels, proba), test.weights)[0]
        for side, proba in test.led_by("blend").items()
    }


def _fast_line(model: "Model", heldout: "Heldout") -> str:
    """The student, what it saves and what it costs."""
    description = model.description
    if description.student is None:
        return "none; --fast changes nothing"
    losses = _log_losses(heldout)
    network, fast = losses["network"], losses["fast"]
    share = description.student.n_weights / sum(a.n_weights for a in description.networks)
    lost = f"{fast / network - 1:+.1%}" if network else f"{fast - network:+.4f}"
    return (
        f"{description.student.form}; {share:.0%} of the network's products; on the test rows log loss {fast:.4f} "
        f"against {network:.4f} ({lost})"
    )


def _default_side_line(side: "Side", heldout: "Heldout") -> str:
    """Who answers where no side is named, and how that compares."""
    losses, name = _log_losses(heldout), "the blend of network and trees" if side == "blend" else f"the {side}"
    others = ", ".join(f"{other} {losses[other]:.4f}" for other in ("network", "trees", "blend") if other != side)
    return f"{name}; on the test rows log loss {losses[side]:.4f}; by --with: {others}"


def _sets_line(side: "Side", heldout: "Heldout") -> str:
    """What ``predict --coverage`` would have reached on the test rows with rules from the validation rows."""
    checks = heldout.coverage_checks([side])[side]
    found = [f"{c.coverage:.0%} asked, {c.value:.1%} held, {c.mean_size:.2f} classes each" for c in checks]
    return f"(--coverage, on the test rows) {'; '.join(found)}"


def _threshold_line(model: "Model") -> dict[str, str]:
    """Of two classes, from which probability on one of them is predicted, and why."""
    from nncli.errors import show

    decision = model.description.decision
    if len(model.classes) != 2:
        return {}
    if decision is None:
        return {"threshold": f"'{show(model.classes[1])}' from a probability of 0.5 on"}
    from nncli.report.decision import rule_words

    by_side = {side: f"{threshold:.4g}" for side, threshold in decision.thresholds.items()}
    alike = len(set(by_side.values())) == 1
    thresholds = by_side["network"] if alike else ", ".join(f"{value} ({side})" for side, value in by_side.items())
    positive = show(model.classes[decision.rule.positive])
    return {"threshold": f"'{positive}' from a probability of {thresholds} on, for {rule_words(decision.rule)}"}


def _print(where: str, model: "Model", heldout: "Heldout", most_columns: int) -> None:
    from nncli.errors import inert, quoted_list, show

    description = model.description
    schema, p = description.schema, description.provenance
    columns = [f"{show(column.name)} ({column.kind})" for column in schema.columns]
    named = ", ".join([*columns[:most_columns], "..."] if len(columns) > most_columns else columns)
    n_numbers = sum(array.size for arrays in model.weights for array in arrays.values())
    networks = [f"{a.form}, {a.d_in} inputs" for a in description.networks]
    lines = {
        "model": where,
        "predicts": f"{show(schema.target)}: {len(schema.classes)} classes, {quoted_list(list(schema.classes), 10)}",
        **_threshold_line(model),
        "from": f"{len(columns)} columns: {named}",
        "answers with": _default_side_line(description.default_side, heldout),
        "network": f"{'; '.join(networks)}; {n_numbers:,} numbers",
        "fast network": _fast_line(model, heldout),
        "sets": _sets_line(description.default_side, heldout),
        "trees": f"{description.trees.n_iterations:,} iterations, {description.trees.n_nodes:,} nodes",
        **({"weighted by": p.weights.by_what} if p.weights.is_used else {}),
        "judged on": f"{p.n_train:,} training, {p.n_validation:,} validation, {p.n_test:,} test rows",
        "learned from": f"all {p.n_train + p.n_validation + p.n_test:,} of them, afterwards",
        "written by": f"nncli {p.nncli_version}, seed {p.seed}",
        "data sha256": p.data_sha256,
        "model sha256": model.sha256,
    }
    for name, value in lines.items():
        print(f"{name:<13} {inert(value)}")  # noqa: T201
