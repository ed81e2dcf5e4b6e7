"""What an answer is explained on: a score of one class that adds up, alike on both sides.

Of two classes it is the log-odds, of more the log-probability less its mean over the classes; both divided by the
temperature of the side. The small uniform mix that a calibration adds to probabilities is left out: sums would not pass
through it.
"""

import numpy as np

from nncli.evaluation.metrics import Floats


def contrast(n_classes: int, class_number: int) -> Floats:
    """What each class's log-probability counts in the score of one. Shape: ``(n_classes,)``.

    >>> contrast(2, 1).tolist(), contrast(4, 0).tolist()
    ([-1.0, 1.0], [0.75, -0.25, -0.25, -0.25])
    """
    centred: Floats = np.eye(n_classes)[class_number] - 1 / n_classes
    return centred * 2 if n_classes == 2 else centred


def of_outputs(weights: Floats, n_outputs: int) -> Floats:
    """What each of the trees' raw predictions counts; of two classes only the second has one.

    Shape:
        ``(..., n_classes)`` to ``(..., n_outputs)``.
    """
    return weights[..., -n_outputs:]
