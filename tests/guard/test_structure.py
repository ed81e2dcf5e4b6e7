import numpy as np
import pytest
from looked_at import codes, examined, findings_on

from nncli.guard.structure import examine_order

N = 600
RANDOM = np.random.default_rng(0)
PATIENT = RANDOM.integers(0, 120, N)
ILL = np.where(RANDOM.random(120) < 0.4, "ill", "well")[PATIENT]


@pytest.mark.parametrize("name", [[f"p{number}" for number in PATIENT], PATIENT])
def test_names_of_things_with_one_outcome_suggest_groups(name: object) -> None:
    (finding,) = findings_on("patient", examined({"patient": name}, ILL))
    assert (finding.code, finding.level) == ("group-structure", "warn")
    assert "of one class in 100.0%" in finding.message
    assert "use --group 'patient'" in finding.message


@pytest.mark.parametrize(("option", "column"), [("group", "patient"), ("group", "ward"), ("time", "day")])
def test_who_names_groups_or_a_time_is_told_nothing(option: str, column: str) -> None:
    days = (np.datetime64("2024-01-01") + np.arange(N)).astype(str)
    columns = {"patient": PATIENT, "ward": PATIENT % 9, "day": days}
    table = examined(columns, ILL, **{option: column})
    assert not {"group-structure", "time-structure", "date-column"} & set(codes(table))


def test_outcomes_that_differ_within_things_suggest_no_groups() -> None:
    assert not findings_on("patient", examined({"patient": PATIENT}, RANDOM.choice(["ill", "well"], N)))


def test_a_whole_number_along_which_the_target_changes_slowly_is_no_name() -> None:
    """A price in cents has many values with few rows each, and each knows the class; so does the next price."""
    price = RANDOM.integers(0, 200, N)
    y = np.where(price + RANDOM.normal(0, 15, N) > 100, "yes", "no")
    assert "group-structure" not in [finding.code for finding in findings_on("price", examined({"price": price}, y))]


def test_copies_of_rows_make_no_groups() -> None:
    """They agree in everything: their other columns are no names for it."""
    once = np.arange(N) // 3
    columns = {name: np.random.default_rng(seed).integers(0, 900, N)[once] for seed, name in enumerate("abc")}
    y = RANDOM.choice(["ill", "well"], N)[once]
    twice = RANDOM.permutation(N)
    table = examined({**{name: values[twice] for name, values in columns.items()}, "x": "0"}, y[twice])
    assert "group-structure" not in codes(table)


@pytest.mark.parametrize(("drift", "code"), [(0.8, "time-structure"), (0.0, "date-column")])
def test_a_date_along_which_classes_drift_suggests_a_split_in_time(drift: float, code: str) -> None:
    day = RANDOM.integers(0, 400, N)
    y = np.where(RANDOM.random(N) < 0.5 + drift * (day / 400 - 0.5), "yes", "no")
    dates = np.where(RANDOM.random(N) < 0.05, "", (np.datetime64("2023-01-01") + day).astype(str))
    (finding,) = findings_on("day", examined({"day": dates}, y))
    assert finding.code == code
    assert finding.level == "warn"
    assert "use --time 'day'" in finding.message


def test_a_number_by_which_rows_are_sorted_may_be_a_time_too() -> None:
    year = np.sort(RANDOM.integers(1990, 2010, N))
    y = np.where(RANDOM.random(N) < (year - 1985) / 30, "yes", "no")
    (finding,) = findings_on("year", examined({"year": year}, y))
    assert (finding.code, "--time 'year'" in finding.message) == ("time-structure", True)
    shuffled = RANDOM.permutation(N)
    assert not findings_on("year", examined({"year": year[shuffled]}, y[shuffled]))


def test_rows_sorted_by_class_are_named() -> None:
    labels = np.sort(RANDOM.integers(0, 3, N))
    (finding,) = examine_order(labels)
    assert (finding.code, finding.level) == ("sorted-rows", "info")
    assert "from row to row it changes 2 times, in shuffled rows about 39" in finding.message
    assert not examine_order(RANDOM.permutation(labels))
    assert not examine_order(np.zeros(10, dtype=np.int64))
