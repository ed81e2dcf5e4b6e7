import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.evaluation.sampling import Sample, bootstrap_means, mean_and_error_of


@given(groups=st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_rows_of_a_group_are_drawn_together_and_as_many_groups_as_there_are(groups: list[int]) -> None:
    numbers = np.array(groups)
    sample = Sample(numbers.size, None, numbers)
    assert sample.size == np.unique(numbers).size
    for counts in sample.draws(20):
        for group in np.unique(numbers):
            of_group = counts[:, numbers == group]
            assert (of_group == of_group[:, :1]).all()
        firsts = [np.flatnonzero(numbers == group)[0] for group in np.unique(numbers)]
        assert (counts[:, firsts].sum(axis=1) == sample.size).all()


def test_the_same_rows_are_drawn_each_time_in_portions_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(Sample(30).draws(50)))
    monkeypatch.setattr("nncli.evaluation.sampling._CELLS_AT_ONCE", 90)
    pieces = list(Sample(30).draws(50))
    assert len(pieces) == 17
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_weights_count_as_often_as_their_row_is_drawn() -> None:
    random = np.random.default_rng(0)
    values, weights = random.normal(size=(200, 2)), random.uniform(0.5, 2, size=200)
    plain = np.concatenate(list(Sample(200).draws(10)))
    expected = [[np.average(column, weights=counts * weights) for column in values.T] for counts in plain]
    np.testing.assert_allclose(bootstrap_means(values, Sample(200, weights), 10), expected)
    some = Sample(200, weights, np.arange(200) // 2).take(np.array([0, 1, 5]))
    assert (some.n_rows, some.size) == (3, 2)
    np.testing.assert_array_equal(some.weights, weights[[0, 1, 5]])


@pytest.mark.parametrize("weighted", [False, True])
def test_the_error_of_a_mean_of_groups_is_that_of_drawing_groups(weighted: bool) -> None:
    random = np.random.default_rng(0)
    groups = random.integers(80, size=600)
    values = random.normal(size=600) + random.normal(size=80)[groups]  # rows of a group say much the same
    weights = random.random(600) if weighted else None
    sample = Sample(600, weights, groups)
    mean, error = mean_and_error_of(values, sample)
    assert mean == pytest.approx(np.average(values, weights=weights))
    assert error == pytest.approx(bootstrap_means(values[:, None], sample, 4000).std(), rel=0.08)
    assert error > 1.5 * mean_and_error_of(values, Sample(600, weights))[1]
