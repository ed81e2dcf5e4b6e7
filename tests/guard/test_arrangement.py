from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from rows import rows_of

from nncli.errors import DataError, UsageError
from nncli.guard.examine import ExaminedTable, examine_table, with_known_classes
from nncli.settings import SplitSettings
from nncli.table.reading import Table
from nncli.table.split import make_folds, make_split

N = 100


def examined(columns: Mapping[str, object] | None = None, **options: str) -> ExaminedTable:
    """A table of visits, in the order of their days."""
    frame = pd.DataFrame(
        {
            "x": np.random.default_rng(0).normal(size=N).round(2),
            "patient": [f"p{i % 25}" for i in range(N)],
            "visit": [f"v-{i}" for i in range(N)],
            "day": [str(np.datetime64("2024-01-01") + i) for i in range(N)],
            "y": ["no", "yes", "no", "no"] * (N // 4),
            **(columns or {}),
        }
    )
    return examine_table(Table(rows_of(frame), "made.csv", "0" * 64, "comma-separated"), "y", **options)


def test_groups_are_not_learned_from_and_an_identifier_may_group() -> None:
    table = examined(group="patient")
    assert table.schema.names == ["x", "day"]
    assert table.arrangement.n_units == 25
    finding = table.findings[0]
    assert (finding.code, finding.level, finding.columns) == ("group-split", "info", ("patient",))
    assert "its 25 groups stay whole" in finding.message
    by_visit = examined(group="visit")
    assert (by_visit.schema.names, by_visit.arrangement.n_units) == (["x", "patient", "day"], N)
    assert "id-column" not in [finding.code for finding in by_visit.findings]


def test_rows_without_a_value_are_groups_of_their_own() -> None:
    table = examined({"patient": [""] * 40 + ["a", "b", "c"] * 20}, group="patient")
    assert table.arrangement.n_units == 43
    assert "43 groups, 40 of them rows without a value," in table.findings[0].message


def test_rows_without_a_target_need_no_time_and_time_is_learned_from() -> None:
    days = [str(np.datetime64("2024-01-01") + i) for i in range(N)]
    table = examined({"day": ["", *days[1:]], "y": ["", *["no", "yes", "no"] * 33]}, time="day")
    assert "day" in table.schema.names
    assert table.arrangement.moments is not None
    assert table.arrangement.moments.tolist() == list(range(N - 1))
    assert table.findings[0].code == "time-split"


def test_identical_rows_in_two_groups_are_found_without_the_groups_column() -> None:
    twice = {"x": np.arange(N) // 2, "day": "2024-01-01", "visit": "v"}
    table = examined({**twice, "patient": np.arange(N) % 4}, group="patient")
    assert np.unique(table.arrangement.repeats).size == N // 2
    assert make_split(table.arrangement, SplitSettings(), 0).identical_rows_straddle


@pytest.mark.parametrize("option", ["group", "time"])
def test_columns_that_cannot_arrange_are_refused(option: str) -> None:
    with pytest.raises(DataError, match=f"--{option} 'Patient': no such column; did you mean 'patient'"):
        examined(**{option: "Patient"})
    with pytest.raises(UsageError, match=f"--{option} 'y': this column is the target"):
        examined(**{option: "y"})


def test_classes_that_training_does_not_know_leave_the_table_with_their_rows() -> None:
    y = np.array(["no", "yes", "maybe", "no"] * (N // 4))
    y[[70, 90, 99]] = "before"  # sorted first: the numbers of all other classes change
    table = examined({"y": y}, time="day")
    split = make_split(table.arrangement, SplitSettings(), 0)
    known, renumbered = with_known_classes(table, split)
    assert known.schema.classes == known.target.classes == ("maybe", "no", "yes")
    assert known.target.has_label.sum() == known.rows.num_rows == known.arrangement.labels.size == N - 3
    for part in ("train", "validation", "test"):
        before, after = getattr(split, part), getattr(renumbered, part)
        names = [np.array(t.target.classes)[t.target.labels] for t in (table, known)]
        np.testing.assert_array_equal(names[0][before], names[1][after])
        assert table.rows.take(before).equals(known.rows.take(after))
    assert renumbered.unknown.size == 0
    np.testing.assert_array_equal(known.arrangement.labels, known.target.labels)


def test_where_training_knows_all_classes_nothing_changes() -> None:
    table = examined(group="patient")
    for split in make_folds(table.arrangement, SplitSettings(), 0):
        assert with_known_classes(table, split) == (table, split)
