import numpy as np
import pytest
from looked_at import examined, findings_on

N = 600
RANDOM = np.random.default_rng(0)
Y = np.where(RANDOM.random(N) < 0.25, "yes", "no")
NOISE = RANDOM.normal(size=N).round(2).astype(str)
DAYS = (np.datetime64("2024-01-01") + RANDOM.integers(0, 90, N)).astype(str)


def test_a_date_that_only_one_class_has_is_named_as_known_after_the_outcome() -> None:
    dates = np.where((Y == "yes") & (RANDOM.random(N) < 0.7), DAYS, "")
    (finding, _) = findings_on("closed", examined({"closed": dates}, Y))
    assert (finding.code, finding.level) == ("missing-tells-target", "warn")
    n_filled = (dates != "").sum()
    assert f"is filled almost only in rows of 'yes' ({n_filled} of {n_filled};" in finding.message
    assert "known only after the outcome" in finding.message


@pytest.mark.parametrize(("share", "level"), [(0.0, "error"), (0.004, "warn")])
def test_gaps_that_are_the_target_are_found(share: float, level: str) -> None:
    empty = (Y == "yes") ^ (np.random.default_rng(1).random(N) < share)
    (finding,) = findings_on("lab", examined({"lab": np.where(empty, "", NOISE)}, Y))
    assert (finding.code, finding.level) == ("missing-tells-target", level)


def test_gaps_of_one_class_of_many_are_found() -> None:
    y = RANDOM.choice(list("abcdefgh"), N)
    (finding,) = findings_on("lab", examined({"lab": np.where(y == "c", "", NOISE)}, y))
    assert "is empty almost only in rows of 'c'" in finding.message


@pytest.mark.parametrize("often", [0.3, 0.7])
def test_gaps_that_are_more_frequent_in_a_class_are_no_leak(often: float) -> None:
    """As a test that is done if somebody looks ill."""
    empty = RANDOM.random(N) < np.where(Y == "yes", often, 0.1)
    assert not findings_on("lab", examined({"lab": np.where(empty, "", NOISE)}, Y))


def test_text_that_names_the_class_is_found_in_any_case_and_as_a_word_only() -> None:
    y = np.where(Y == "yes", "fraud", "fine")
    words = np.array(["paid", "by", "card", "in", "March", "for", "a", "refined", "defrauding", "thing"])
    notes = [" ".join(RANDOM.choice(words, 8)) for _ in range(N)]
    assert not findings_on("note", examined({"note": notes}, y))
    named = [
        f"{note}; it is {label.upper()}." if number % 3 == 0 else note
        for number, (note, label) in enumerate(zip(notes, y, strict=True))
    ]
    (finding,) = findings_on("note", examined({"note": named}, y))
    assert (finding.code, finding.level) == ("text-names-target", "warn")
    assert "names a class in 33.3% of rows, in 100.0% of them the row's own" in finding.message


def test_text_in_which_names_are_often_wrong_is_no_leak() -> None:
    y = np.where(Y == "yes", "good", "bad")
    said = np.where(RANDOM.random(N) < 0.85, y, np.where(y == "good", "bad", "good"))
    notes = [f"the {RANDOM.integers(1000)} others say it is {word} to have one" for word in said]
    assert not findings_on("note", examined({"note": notes}, y))


def group_means(y: np.ndarray, size: int, n_other: int = 0) -> np.ndarray:
    group = np.random.default_rng(3).integers(0, len(y) // size, len(y))
    own = (y == "yes").astype(float)
    total, count = np.bincount(group, own), np.bincount(group).astype(float)
    return ((total + n_other * own.mean()) / np.maximum(1, count + n_other))[group].round(5)


@pytest.mark.parametrize("size", [5, 20, 60])
def test_averages_of_the_target_by_group_are_found(size: int) -> None:
    y = np.where(np.random.default_rng(2).random(3000) < 0.25, "yes", "no")
    (finding,) = findings_on("rate", examined({"rate": 100 - 40 * group_means(y, size)}, y))
    assert (finding.code, finding.level) == ("target-average", "error")


def test_an_honest_rate_is_none_of_them() -> None:
    """The rate is each row's own chance: as good as averages are, but the rows are still drawn."""
    rate = np.random.default_rng(4).integers(0, 21, 4000) / 20
    y = np.where(np.random.default_rng(5).random(4000) < rate, "yes", "no")
    assert not findings_on("rate", examined({"rate": rate}, y))


def test_a_planned_experiment_with_equal_shares_is_no_average() -> None:
    """At each time the same plots: shares that do not vary follow any line."""
    plots, times = np.tile(np.arange(40), 30), np.repeat(np.arange(30), 40)
    y = np.where(plots < 13, "yes", "no")
    assert "target-average" not in [found.code for found in examined({"t": times}, y).findings]
