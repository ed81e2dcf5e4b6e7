from collections.abc import Sequence

import numpy as np
import pytest

from nncli.bundle.trees import Trees


def trees(children: Sequence[tuple[int, int] | None], counts: Sequence[int], roots: Sequence[int]) -> Trees:
    """Trees of one output that ask one numeric column."""
    n_nodes = len(children)
    left, right = (np.array([pair[side] if pair else 0 for pair in children], np.int32) for side in (0, 1))
    return Trees(
        feature=np.zeros(n_nodes, np.int32),
        threshold=np.zeros(n_nodes),
        left=left,
        right=right,
        value=np.zeros(n_nodes),
        is_leaf=np.array([pair is None for pair in children], np.uint8),
        missing_left=np.zeros(n_nodes, np.uint8),
        left_codes=np.full(n_nodes, -1, np.int32),
        count=np.array(counts, np.int32),
        code_sets=np.zeros((0, 8), np.uint32),
        known_codes=np.zeros((0, 8), np.uint32),
        roots=np.array(roots, np.int32).reshape(-1, 1),
        baseline=np.zeros(1),
    )


def chain(n_splits: int) -> Trees:
    """A tree whose every left child is a leaf."""
    children = [pair for i in range(n_splits) for pair in ((2 * i + 1, 2 * i + 2), None)]
    counts = [count for i in range(n_splits) for count in (n_splits + 1 - i, 1)]
    return trees([*children, None], [*counts, 1], [0])


TWO = [(1, 2), None, None, (4, 5), None, None]


def test_trees_one_after_another_are_sound() -> None:
    assert trees(TWO, [10, 4, 6, 10, 5, 5], [0, 3]).is_sound(1)
    assert trees([None, None], [10, 10], [0, 1]).is_sound(1)
    assert chain(500).is_sound(1)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(trees([(1, 1), None, None], [10, 5, 5], [0]), id="a node with two parents"),
        pytest.param(trees([(1, 2), None, None, None], [10, 5, 5, 5], [0]), id="a node without a parent"),
        pytest.param(trees([(1, 5), None, (3, 4), None, None, None], [9, 4, 9, 4, 5, 5], [0, 2]), id="another tree's"),
        pytest.param(trees(TWO, [10, 4, 6, 10, 5, 5], [3, 0]), id="roots in another order"),
        pytest.param(trees(TWO, [10, 4, 6, 10, 5, 5], [0, 0]), id="a root twice"),
        pytest.param(trees(TWO, [10, 4, 6, 10, 5, 5], [0, 2**31 - 1]), id="a root that is none"),
        pytest.param(trees(TWO, [10, 4, 6, 10, 5, 5], [-(2**31), 3]), id="a root below zero"),
        pytest.param(trees(TWO, [10, 4, 7, 10, 5, 5], [0, 3]), id="more rows below than above"),
        pytest.param(chain(600), id="a way that is too long"),
    ],
)
def test_what_is_no_tree_is_not_sound(wrong: Trees) -> None:
    assert not wrong.is_sound(1)
