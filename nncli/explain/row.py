"""One row explained: both sides' answers, what each column adds to them, and the network's forward pass."""

from collections.abc import Mapping
from dataclasses import dataclass

from nncli.bundle.model import Model
from nncli.evaluation.decisions import decide
from nncli.evaluation.metrics import Floats
from nncli.explain.attribution import Attribution, network_attribution, trees_attribution
from nncli.explain.networks import restored_networks
from nncli.explain.trace import Trace, trace_row
from nncli.features.encoder import Features
from nncli.settings import BOTH_SIDES, Side


@dataclass(frozen=True)
class RowExplanation:
    """Why a row gets its answers."""

    predicted: int
    """Class number, by the side that answers where none is named."""
    class_number: int
    """Whose score is taken apart."""
    answers: Mapping[Side, Floats]
    """Calibrated probabilities, shape of each ``(n_classes,)``; those of the blend only where the model blends."""
    attributions: Mapping[Side, Attribution]
    trace: Trace


def explain_row(model: Model, features: Features, class_number: int | None = None) -> RowExplanation:
    """Explains the answers to one row.

    Args:
        model: that answers.
        features: of the row.
        class_number: whose score is taken apart; ``None``: that of the predicted class.
    """
    description, networks = model.description, restored_networks(model)
    sides = dict.fromkeys([*BOTH_SIDES, description.default_side])
    answers = {side: model.predict_proba(features, side) for side in sides}
    predicted = int(decide(answers[description.default_side], description.border(description.default_side))[0])
    explained = predicted if class_number is None else class_number
    return RowExplanation(
        predicted=predicted,
        class_number=explained,
        answers={side: proba[0] for side, proba in answers.items()},
        attributions={
            "network": network_attribution(networks, features, explained),
            "trees": trees_attribution(model, features, explained),
        },
        trace=trace_row(networks, features),
    )
