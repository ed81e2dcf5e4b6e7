import numpy as np
import pytest
from sklearn import metrics

from nncli.evaluation.classes import class_scores, confusion_matrix


def test_scores_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    labels, predicted = random.integers(0, 4, 300), random.integers(0, 4, 300)
    confusion = confusion_matrix(labels, predicted, 4)
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(labels, predicted))
    expected = metrics.precision_recall_fscore_support(labels, predicted)
    for found, precision, recall, f1, rows in zip(
        class_scores(confusion, ("a", "b", "c", "d")), *expected, strict=True
    ):
        assert (found.precision, found.recall, found.f1, found.n_rows) == pytest.approx((precision, recall, f1, rows))


def test_a_share_of_nothing_is_none() -> None:
    never, absent = class_scores(confusion_matrix(np.array([0, 0]), np.array([1, 1]), 3), ("a", "b", "c"))[::2]
    assert (never.precision, never.recall, never.f1) == (None, 0, 0)
    assert (absent.precision, absent.recall, absent.f1, absent.n_rows) == (None, None, None, 0)
