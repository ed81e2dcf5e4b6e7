"""What ``nncli explain`` found, as tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nncli.errors import inert, show
from nncli.report.names import SIDE_NAMES
from nncli.report.terminal import plain_table, signed_bounds
from nncli.settings import BOTH_SIDES

_MOST_COLUMNS, _MOST_PAIRS, _MOST_CLASSES = 15, 8, 5
_NAME, _CELL = 26, 12
MEAN_TEXT = "(mean)"
"""What is typical of a text."""
Document = Mapping[str, Any]


def print_explanation(document: Document, console: Console) -> None:
    """Prints a document of :mod:`~nncli.report.explanation`."""
    for finding in document.get("warnings", []):
        console.print(Text(f"{finding['level']}: {inert(finding['message'])}", style="yellow"), soft_wrap=True)
    if "row" in document:
        _print_row(document, console)
        return
    _say(importances_line(document), console)
    console.print(_importances_table(document["importances"]["columns"]))
    if document["interactions"] and document["interactions"]["pairs"]:
        _say(f"\n{interactions_line(document)}", console)
        console.print(_interactions_table(document["interactions"]["pairs"]))


def importances_line(document: Document) -> str:
    """What the importances are, of which rows."""
    n_rows = f"{document['importances']['rows']:,}"
    source = document.get("source")
    weighted = " weighted" if document.get("weights") else ""
    rows = f"the {n_rows} test rows of training ({show(source)})" if source else f"{n_rows}{weighted} rows"
    return (
        f"Importance: by how much the log loss grows when a column's cells are shuffled among {rows}; "
        f"with 95 % intervals. An interval that holds 0 may be chance. {inert(document.get('kept') or '')}".rstrip()
    )


def interactions_line(document: Document) -> str:
    """What the interactions are, of which rows and columns."""
    found = document["interactions"]
    n_columns = len({name for pair in found["pairs"] for name in pair["columns"]})
    score = f"the score of '{show(found['class'])}'" if found["class"] is not None else "a class's score"
    return (
        f"Pairs of the {n_columns} most important columns that act together, by {found['rows']} rows. Effect: how far "
        f"{score} goes beyond the sum of what both columns do alone; H: that as a share of all that both do."
    )


def row_line(document: Document) -> str:
    """Which row, its class and the answer."""
    side = SIDE_NAMES[document["side"]]
    true = f" is '{show(document['true'])}'" if document["true"] is not None else ""
    target, predicted = show(document["target"]), show(document["predicted"])
    return (
        f"Row {document['row']:,} of {document['data']['rows']:,}: {target}{true}{',' if true else ':'} "
        f"the {side} predicts '{predicted}'"
    )


def attribution_line(document: Document) -> str:
    """What the parts add up to."""
    return (
        f"What each column adds to the score of '{show(document['class'])}' ({document['scale']}). The network begins "
        "at a typical training row and goes to this one (integrated gradients); the trees begin at their mean "
        "(TreeSHAP)."
    )


def residual_line(document: Document) -> str:
    """How exactly the parts add up."""
    network, trees = (abs(document["attribution"][side]["residual"]) for side in BOTH_SIDES)
    return f"The parts add up to the score within {network:.0e} for the network, {trees:.0e} for the trees."


def network_line(network: Document) -> str:
    """The form of a network whose layers are shown."""
    return (
        f"Forward pass: {network['form']}, {network['activation']}. Shape: nets, members, units; off: the share of "
        "units that are 0."
    )


def likeliest(document: Document) -> list[int]:
    """Class numbers, the most probable first, and the explained one."""
    proba, explained = document["probabilities"][document["side"]], document["classes"].index(document["class"])
    order = sorted(range(len(proba)), key=lambda c: -proba[c])[:_MOST_CLASSES]
    return order if explained in order else [*order, explained]


def calibration_line(trace: Document) -> str:
    """What happens to the mean of the members."""
    calibration = trace["calibration"]
    if calibration["temperature"] == 1 and calibration["uniform_share"] == 0:
        return "Calibration: none; the mean over all members is the answer."
    return (
        f"Calibration: probabilities to the power of 1 / {calibration['temperature']:.3f}, made whole, and "
        f"{calibration['uniform_share']:.2%} shared out evenly."
    )


def _say(line: str, console: Console) -> None:
    console.print(Text(line), soft_wrap=True)


def _importances_table(columns: Sequence[Document]) -> Table:
    table = plain_table("", *(SIDE_NAMES[side] for side in BOTH_SIDES))
    for each in columns[:_MOST_COLUMNS]:
        table.add_row(_text(each["column"]), *(signed_bounds(**each[side]) for side in BOTH_SIDES))
    if len(columns) > _MOST_COLUMNS:
        table.add_row(Text(_more(len(columns) - _MOST_COLUMNS)))
    return table


def _interactions_table(pairs: Sequence[Document]) -> Table:
    table = plain_table("", *(f"{side}: effect  H" for side in BOTH_SIDES))
    for pair in pairs[:_MOST_PAIRS]:
        names = Text(" and ".join(show(name, _NAME) for name in pair["columns"]))
        table.add_row(names, *(f"{pair[side]['effect']:.3f}  {pair[side]['h']:.2f}" for side in BOTH_SIDES))
    return table


def _print_row(document: Document, console: Console) -> None:
    _say(row_line(document), console)
    console.print(_answers_table(document))
    _say(f"\n{attribution_line(document)}", console)
    console.print(_attribution_table(document))
    _say(residual_line(document), console)
    for network in document["trace"]["networks"]:
        _say(f"\n{network_line(network)}", console)
        console.print(_layers_table(network))
    _say("", console)
    console.print(_trace_table(document))
    _say(calibration_line(document["trace"]), console)


def _answers_table(document: Document) -> Table:
    sides = document["probabilities"]
    table = plain_table("probability", *(SIDE_NAMES[side] for side in sides))
    for c in likeliest(document):
        table.add_row(_text(document["classes"][c]), *(f"{proba[c]:.4f}" for proba in sides.values()))
    return table


def _attribution_table(document: Document) -> Table:
    columns, ends = document["columns"], document["attribution"]
    table = plain_table("", "this row", "typical", *(SIDE_NAMES[side] for side in BOTH_SIDES))
    table.add_row(Text("start"), "", "", *(f"{ends[side]['start']:+.3f}" for side in BOTH_SIDES))
    for each in columns[:_MOST_COLUMNS]:
        cells = (_cell(each[name]) for name in ("cell", "typical"))
        table.add_row(_text(each["column"]), *cells, *(f"{each[side]:+.3f}" for side in BOTH_SIDES))
    rest = columns[_MOST_COLUMNS:]
    if rest:
        sums = (f"{sum(each[side] for each in rest):+.3f}" for side in BOTH_SIDES)
        table.add_row(Text(_more(len(rest))), "", "", *sums)
    table.add_row(Text("score"), "", "", *(f"{ends[side]['score']:+.3f}" for side in BOTH_SIDES))
    return table


def _cell(cell: str | None) -> Text:
    return Text(MEAN_TEXT if cell is None else show(cell, _CELL))


def _layers_table(network: Document) -> Table:
    table = plain_table("layer", "shape", "lowest", "mean", "highest", "off")
    for layer in network["layers"]:
        shape = " x ".join(f"{n:,}" for n in layer["shape"])
        numbers = (f"{layer[name]:z.3f}" for name in ("low", "mean", "high"))
        table.add_row(Text(layer["name"]), shape, *numbers, "" if layer["off"] is None else f"{layer['off']:.0%}")
    return table


def _trace_table(document: Document) -> Table:
    trace = document["trace"]
    networks, members = trace["networks"], trace["members"]
    table = plain_table("class", "logit", "lowest member", "mean", "highest member", "answer")
    for c in likeliest(document):
        logit = sum(network["logits"][c] for network in networks) / len(networks)
        proba = (members["low"][c], trace["mean"][c], members["high"][c], trace["calibrated"][c])
        table.add_row(Text(show(document["classes"][c], _CELL)), f"{logit:+.3f}", *(f"{p:.4f}" for p in proba))
    return table


def _more(n_columns: int) -> str:
    return "1 more column" if n_columns == 1 else f"{n_columns:,} more columns"


def _text(name: str) -> Text:
    return Text(show(name, _NAME))
