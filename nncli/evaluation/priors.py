"""Probabilities for rows in which classes have other shares than in those that were learned from."""

from collections.abc import Mapping, Sequence

import numpy as np

from nncli.evaluation.metrics import Floats


def shift_prior(proba: Floats, known: Sequence[float], new: Sequence[float]) -> Floats:
    """Probabilities where the classes' shares change, and what the rows of each class look like does not.

    Source: Saerens, Latinne and Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities", equation 2.4.

    Args:
        proba: shape ``(n_rows, n_classes)``.
        known: share of each class among the rows that were learned from.
        new: the same among the rows to come.
    """
    weighted = proba * (np.array(new) / np.array(known))
    shifted: Floats = weighted / weighted.sum(axis=1, keepdims=True)
    return shifted


def complete_shares(named: Mapping[int, float], known: Sequence[float]) -> tuple[float, ...]:
    """The share of each class; those that are not named share the rest as they did before.

    Args:
        named: shares by class number; they leave a rest where classes are not named.
        known: share of each class among the rows that were learned from.

    >>> complete_shares({0: 0.2}, [0.5, 0.25, 0.25])
    (0.2, 0.4, 0.4)
    """
    rest = 1 - sum(named.values())
    others = sum(share for number, share in enumerate(known) if number not in named)
    return tuple(named[i] if i in named else rest * share / others for i, share in enumerate(known))
