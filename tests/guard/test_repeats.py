import numpy as np
import pytest
from looked_at import codes, examined

from nncli.guard.repeats import examine_conflicts
from nncli.table.target import Target

N = 500
RANDOM = np.random.default_rng(0)
COLUMNS = {name: RANDOM.normal(50, 20, N).round(1) for name in "abcd"}
Y = RANDOM.choice(["yes", "no"], N)


def repeated(share: float, changed: str | None, jitter: float = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Rows of which a share comes twice, the second time with another number in one column, or a little noise."""
    again = np.concatenate([np.arange(N), np.arange(int(share * N))])
    columns = {name: values[again] + 0.0 for name, values in COLUMNS.items()}
    columns["x"] = np.zeros(again.size)
    random = np.random.default_rng(1)
    if changed:
        columns[changed][N:] = random.normal(50, 20, again.size - N).round(1)
    for name in "abcd":
        columns[name][N:] += random.uniform(-jitter, jitter, again.size - N)
    shuffled = random.permutation(again.size)
    return {name: values[shuffled] for name, values in columns.items()}, Y[again][shuffled]


@pytest.mark.parametrize(
    ("changed", "jitter", "words"), [("c", 0, "but for column 'c'"), (None, 1e-4, "once numbers are rounded")]
)
def test_rows_that_are_the_same_but_for_little_are_found(changed: str | None, jitter: float, words: str) -> None:
    columns, y = repeated(0.1, changed, jitter)
    (finding,) = [found for found in examined(columns, y).findings if found.code == "near-duplicates"]
    assert finding.level == "warn"
    assert finding.columns == ((changed,) if changed else ())
    assert words in finding.message
    share = float(finding.message.split("%")[0])
    assert share == pytest.approx(100 * 2 * 50 / 550, abs=4)


def test_few_of_them_or_other_classes_raise_no_alarm() -> None:
    assert "near-duplicates" not in codes(examined(*repeated(0.005, "c")))
    columns, y = repeated(0.1, "c")
    assert "near-duplicates" not in codes(examined(columns, RANDOM.permutation(y)))


def test_rows_of_few_discrete_cells_are_alike_by_chance() -> None:
    columns = {name: RANDOM.integers(0, 3, N) for name in "abcde"}
    y = np.where((columns["a"] + columns["b"]) > 2, "yes", "no")
    assert "near-duplicates" not in codes(examined({**columns, "x": "0"}, y))


def test_the_ceiling_is_the_accuracy_of_the_best_answer_to_each_distinct_row() -> None:
    repeats = np.array([0] * 10 + [1] * 5 + [2] * 5)
    labels = np.array([0] * 8 + [1, 2] + [0] * 2 + [1] * 3 + [2] * 5)
    (finding,) = examine_conflicts(repeats, Target("t", ("a", "b", "c"), labels, np.ones(20, dtype=bool)))
    assert (finding.code, finding.level) == ("label-conflict", "warn")
    assert finding.message.startswith("15 rows have the same columns as a row of another class")
    assert f"more than {(8 + 3 + 5) / 20:.1%} of all rows" in finding.message
    assert not examine_conflicts(np.arange(20), Target("t", ("a", "b", "c"), labels, np.ones(20, dtype=bool)))
