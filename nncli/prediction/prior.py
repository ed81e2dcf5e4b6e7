"""A model for rows in which classes have other shares than in training, as ``--prior`` names them."""

from collections.abc import Sequence
from dataclasses import replace

from nncli.bundle.model import Model
from nncli.errors import UsageError, quoted_list
from nncli.evaluation.priors import complete_shares

_ROUNDING = 1e-6
"""By how much shares that are to make up a whole may miss it."""


def with_prior(model: Model, named: Sequence[tuple[str, float]]) -> Model:
    """The same model with probabilities for such rows.

    Args:
        model: that learned from rows with shares of their own.
        named: shares by class; the classes that are not named share the rest as they do in training.

    Raises:
        UsageError: a class is unknown, or the shares do not make up a whole.
    """
    classes, shares = model.classes, dict(named)
    unknown = [name for name in shares if name not in classes]
    if unknown:
        known = quoted_list(list(classes), 10)
        raise UsageError(f"--prior: the model has no class {quoted_list(unknown)}; its classes are {known}")
    total = sum(shares.values())
    if len(shares) == len(classes) and abs(total - 1) > _ROUNDING:
        raise UsageError(
            f"--prior: the shares of all classes add up to {total:.6g}, not to 1; leave one out to fill up"
        )
    if len(shares) < len(classes) and total > 1 - _ROUNDING:
        raise UsageError(f"--prior: the shares add up to {total:.6g} and leave nothing to the classes without one")
    positions = {classes.index(name): share for name, share in shares.items()}
    return replace(model, prior=complete_shares(positions, model.description.class_shares))
