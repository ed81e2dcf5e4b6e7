"""The catalogue of bad input, section "Columns and target", row by row: each test bears its row's name.

Where a row is about what a library refuses while it learns, what is tested is that the table never gets there.
"""

import gc
import time
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from looked_at import codes, examined, findings_on
from rows import rows_of

from nncli.errors import DataError
from nncli.guard.examine import ExaminedTable, examine_table
from nncli.guard.rows import examine_rows
from nncli.settings import SplitSettings
from nncli.table.reading import Table
from nncli.table.split import make_split

N = 240
RANDOM = np.random.default_rng(0)
Y = np.tile(["no", "yes", "no"], N // 3)
NOISE = RANDOM.normal(size=N).round(6)


def table_of(columns: Mapping[str, object]) -> Table:
    return Table(rows_of(pd.DataFrame(columns)), "made.csv", "0" * 64, "comma-separated")


def row(name: str):  # type: ignore[no-untyped-def]
    """The name of the catalogue's row, as the test's id."""
    return pytest.mark.parametrize("row", [name])


@row("target column absent")
def test_target_column_absent(row: str) -> None:
    with pytest.raises(DataError, match="target 'Outcom': no such column; did you mean 'outcome'"):
        examine_table(table_of({"x": NOISE, "outcome": Y}), "Outcom")


@row("target missing in some rows")
def test_target_missing_in_some_rows(row: str) -> None:
    """Where the catalogue has an error, nncli leaves these rows out with a warning; --strict refuses them."""
    table = examined({}, np.where(np.arange(N) < 7, "", Y))
    assert table.rows.num_rows == N - 7
    (finding,) = findings_on("y", table)
    assert (finding.code, finding.level) == ("missing-target", "warn")
    assert finding.message.startswith("7 rows have no value in the target")


@row("one class")
def test_one_class(row: str) -> None:
    with pytest.raises(DataError, match="two classes or more are needed; found only 'no'"):
        examined({}, ["no"] * N)


@row("class with 1 row")
def test_class_with_1_row(row: str) -> None:
    """Both sides learn from the row, neither is tested on it; a class of a few rows is warned of too."""
    y = Y.copy()
    y[0], y[1:4] = "single", "rare"
    table = examined({}, y)
    assert {"single-row-class", "rare-class"} <= set(codes(table))
    split = make_split(table.arrangement, SplitSettings(), 0)
    assert 0 in split.train


@row("target with many distinct floats")
def test_target_with_many_distinct_floats(row: str) -> None:
    with pytest.raises(DataError, match="it looks like a quantity, and nncli predicts classes"):
        examined({}, NOISE)
    table = examined({}, RANDOM.integers(0, 15, N))
    (finding,) = [found for found in table.findings if found.code == "numeric-classes"]
    assert (finding.level, "15 classes are numbers" in finding.message) == ("warn", True)
    assert "numeric-classes" not in codes(examined({}, RANDOM.integers(0, 10, N)))  # digits


@row("1,000+ classes")
def test_1_000_classes(row: str) -> None:
    y = [f"c{number % 1001}" for number in range(4004)]
    with pytest.raises(DataError, match="1,001 different values in 4,004 rows"):
        examined({}, y)
    (finding,) = findings_on("y", examined({}, [f"c{number % 100}" for number in range(4000)]))
    assert (finding.code, finding.level) == ("many-classes", "warn")


@row("all-missing column")
def test_all_missing_column(row: str) -> None:
    table = examined({"none": [""] * N}, Y)
    assert table.schema.names == ["x"]
    assert [found.code for found in findings_on("none", table)] == ["empty-column"]


@row("constant column")
def test_constant_column(row: str) -> None:
    table = examined({"same": ["7"] * N}, Y)
    assert table.schema.names == ["x"]
    assert [found.code for found in findings_on("same", table)] == ["constant-column"]


@row("all columns dropped")
def test_all_columns_dropped(row: str) -> None:
    with pytest.raises(DataError, match="no column is left to learn from"):
        examine_table(table_of({"a": ["1"] * N, "b": [""] * N, "id": range(N), "copy": Y, "y": Y}), "y")


@row("non-string or numeric-looking names")
def test_non_string_or_numeric_looking_names(row: str) -> None:
    table = examine_table(table_of({"1": NOISE, "2.5": NOISE[::-1], "3": Y}), "3")
    assert table.schema.names == ["1", "2.5"]
    assert table.schema.target == "3"


@row("> 255 categories")
def test_more_than_255_categories(row: str) -> None:
    """One column for both sides; the encoder joins the tail for both alike."""
    names = [f"k{number}" for number in RANDOM.integers(0, 400, 2000)]
    table = examined({"name": names}, np.tile(Y, 9)[:2000])
    assert [column.kind for column in table.schema.columns] == ["numeric", "categorical"]


@row("1 M-category column")
def test_1_m_category_column(row: str) -> None:
    """All different: an ID, left out; what is left of its text is never one-hot."""
    table = examined({"key": [f"k{number}" for number in range(20_000)]}, np.tile(Y, 84)[:20_000])
    assert table.schema.names == ["x"]
    assert "id-column" in codes(table)


@row("ID column")
@pytest.mark.parametrize(
    "values",
    [
        np.arange(1000, 1000 + N),
        [f"{number:08x}-1b2c-4d5e-8f90-{number * 7919:012x}" for number in RANDOM.permutation(N)],
        [f"cust-{number}" for number in RANDOM.permutation(N)],
        [f"cust-{max(1, number)}" for number in RANDOM.permutation(N)],  # near-unique: one comes twice
    ],
)
def test_id_column(row: str, values: object) -> None:
    table = examined({"key": values}, Y)
    assert table.schema.names == ["x"]
    (finding,) = findings_on("key", table)
    assert (finding.code, "--keep-column keeps it" in finding.message) == ("id-column", True)
    assert examined({"key": values}, Y, keep=["key"]).schema.names == ["x", "key"]


@row("ID column: free text excepted")
def test_id_column_free_text_excepted(row: str) -> None:
    table = examined({"review": [f"a fine thing, number {number} of many" for number in range(N)]}, Y)
    assert [column.kind for column in table.schema.columns] == ["numeric", "text"]


@row("target leakage")
def test_target_leakage(row: str) -> None:
    """Area under the curve above 0.98, alone: a warning; nearly all of the target: an error; a copy: left out."""
    y = np.where(RANDOM.random(4000) < 0.5, "no", "yes")
    noise = RANDOM.normal(size=4000)
    table = examined({"strong": noise + 3.2 * (y == "yes"), "all": noise + 20 * (y == "yes"), "copy": y}, y)
    levels = {name: [(f.code, f.level) for f in findings_on(name, table)] for name in ("strong", "all", "copy")}
    assert levels == {
        "strong": [("tells-target", "warn")],
        "all": [("tells-target", "error")],
        "copy": [("target-copy", "warn")],
    }
    assert table.schema.names == ["x", "strong", "all"]


@row("missingness leaks the target")
def test_missingness_leaks_the_target(row: str) -> None:
    (finding,) = findings_on("lab", examined({"lab": np.where(Y == "yes", NOISE.astype(str), "")}, Y))
    assert finding.code == "missing-tells-target"


@row("duplicates across split")
def test_duplicates_across_split(row: str) -> None:
    """Identical rows stay on one side and are counted; those that are nearly so are warned of."""
    half = np.arange(N) // 2
    table = examined({"x": NOISE[half], "a": half % 7}, Y[half])
    split = make_split(table.arrangement, SplitSettings(), 0)
    sides = np.zeros(N, dtype=int)
    sides[split.test], sides[split.validation] = 1, 2
    assert (sides[::2] == sides[1::2]).all()
    (finding,) = [f for f in examine_rows(table.arrangement.repeats, split) if f.code == "duplicate-rows"]
    assert f"{N // 2} rows repeat the columns of another" in finding.message


@row("same features, different label")
def test_same_features_different_label(row: str) -> None:
    half = np.arange(N) // 2
    (finding,) = [f for f in examined({"x": half}, RANDOM.permutation(Y)).findings if f.code == "label-conflict"]
    assert "no model can be right in more than" in finding.message


@row("groups/time")
def test_groups_time(row: str) -> None:
    patient = np.arange(N) % 40
    day = np.datetime64("2024-01-01") + RANDOM.permutation(N)
    table = examined({"patient": patient, "day": day}, np.where(patient % 3 == 0, "ill", "well"))
    assert {"group-structure", "date-column"} <= set(codes(table))


@row("100 k columns")
def test_100_k_columns(row: str) -> None:
    """Warned of; the work grows with the columns and no faster: a tenth of them, a tenth of the time."""

    def wide(n_columns: int) -> tuple[ExaminedTable, float]:
        cells = RANDOM.integers(0, 9, (40, n_columns))
        given = table_of({**{f"c{number}": cells[:, number] for number in range(n_columns)}, "y": Y[:40]})
        gc.collect()
        started = time.process_time()
        return examine_table(given, "y"), time.process_time() - started

    _, few_seconds = wide(200)
    table, seconds = wide(2000)
    assert seconds < 40 * few_seconds
    assert "more-columns-than-rows" in codes(table)


@row("fewer rows than columns, < 50 rows")
def test_fewer_rows_than_columns_less_than_50_rows(row: str) -> None:
    table = examined({f"c{number}": NOISE[number : number + 40] for number in range(50)}, Y[:40])
    (finding,) = [f for f in table.findings if f.code == "more-columns-than-rows"]
    assert finding.message.startswith("51 columns to learn from, but 40 rows")
    split = make_split(table.arrangement, SplitSettings(), 0)
    assert "few-rows" in [f.code for f in examine_rows(table.arrangement.repeats, split)]
