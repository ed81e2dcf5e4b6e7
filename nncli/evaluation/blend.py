"""The blend of both sides: the mean of their log-odds, which is the geometric mean of their probabilities, made whole.

Where they differ it leans less towards 0.5 than the plain mean does, and over public tables it lost less. A row's loss
is at most the mean of both sides' losses: geometric means of shares add up to no more than one. Rows with other shares
of classes (``predict --prior``) get the same answers whether the sides are reweighted or their blend.

Source: Genest and Zidek 1986, "Combining Probability Distributions: A Critique and an Annotated Bibliography" (the
logarithmic opinion pool).
"""

import numpy as np

from nncli.evaluation.calibration import SMALLEST_PROBABILITY
from nncli.evaluation.metrics import Floats


def blend(network: Floats, trees: Floats) -> Floats:
    """Both sides' calibrated probabilities as one answer; both have the same say, so nothing is fitted.

    Shape:
        ``(n_rows, n_classes)``, as either side's.
    """
    roots = np.sqrt(np.maximum(network, SMALLEST_PROBABILITY) * np.maximum(trees, SMALLEST_PROBABILITY))
    whole: Floats = roots / roots.sum(axis=1, keepdims=True)
    return whole
