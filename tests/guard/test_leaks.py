import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looked_at import examined, findings_on
from rows import rows_of
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from nncli.errors import DataError, UsageError
from nncli.guard.examine import examine_table
from nncli.table.reading import Table

N = 400
RANDOM = np.random.default_rng(0)
Y = np.where(RANDOM.random(N) < 0.3, "sick", "well")


def flipped(share: float) -> np.ndarray:
    wrong = np.random.default_rng(2).random(N) < share
    return np.where(wrong, np.where(Y == "sick", "well", "sick"), Y)


@pytest.mark.parametrize(
    "copy",
    [
        Y,
        np.where(Y == "sick", "1", "0"),
        np.where(Y == "sick", "7.5", ""),  # that it is missing is the other class
        np.where(Y == "sick", "2024-01-01", "2023-01-01"),
    ],
)
def test_copies_of_the_target_are_left_out_whatever_their_coding(copy: np.ndarray) -> None:
    table = examined({"copy": copy}, Y)
    assert table.schema.names == ["x"]
    (finding,) = findings_on("copy", table)
    assert (finding.code, finding.level) == ("target-copy", "warn")
    assert "with 'sick'" in finding.message
    assert "left out of network and trees" in finding.message


def test_a_copy_can_be_kept_and_is_an_error_then() -> None:
    table = examined({"copy": Y}, Y, keep=["copy"])
    assert table.schema.names == ["x", "copy"]
    (finding,) = findings_on("copy", table)
    assert (finding.code, finding.level) == ("target-copy", "error")


def test_one_row_that_differs_makes_no_copy_however_many_rows_there_are() -> None:
    """A sample is looked at first; the last word is that of all rows."""
    y = np.tile(["no", "yes"], 15_000)
    copy = y.copy()
    sampled = np.random.default_rng(0).permutation(30_000)[:20_000]
    copy[np.setdiff1d(np.arange(30_000), sampled)[0]] = "yes"
    table = examined({"copy": copy}, y)
    assert "copy" in table.schema.names
    (finding,) = findings_on("copy", table)
    assert (finding.code, finding.level) == ("near-copy", "error")


def test_where_nothing_but_copies_is_left_the_remedy_is_named() -> None:
    rows = rows_of({"copy": Y, "same": ["a"] * N, "y": Y})
    with pytest.raises(DataError, match="IDs or copies of the target; --keep-column keeps an ID or a copy"):
        examine_table(Table(rows, "made.csv", "0" * 64, "CSV"), "y")


@pytest.mark.parametrize(("share", "codes"), [(0.005, ["near-copy"]), (0.1, [])])
def test_a_column_that_nearly_always_agrees_is_a_near_copy(share: float, codes: list[str]) -> None:
    found = findings_on("near", examined({"near": flipped(share)}, Y))
    assert [finding.code for finding in found] == codes
    assert all(finding.level == "error" for finding in found)


def test_agreement_on_the_common_class_alone_is_no_near_copy() -> None:
    """In 99.5 % of rows both say no; that is chance."""
    y = np.array(["yes"] * 8 + ["no"] * 1992)
    flag = np.array(["0"] * 8 + ["1"] * 6 + ["0"] * 1986)
    assert not findings_on("flag", examined({"flag": flag}, y))


def test_a_number_that_the_target_was_cut_from_alone_tells_it() -> None:
    hidden = np.random.default_rng(3).normal(size=3000)
    y = np.digitize(hidden, [-0.5, 0.7]).astype(str)
    (finding,) = findings_on("proxy", examined({"proxy": np.exp(hidden).round(5)}, y))
    assert (finding.code, finding.level) == ("tells-target", "error")
    assert "right in 9" in finding.message


def test_a_strong_honest_number_is_not_called_a_leak() -> None:
    """Two classes a little more than two standard deviations apart: area under the curve 0.95."""
    hidden = np.random.default_rng(3).normal(size=N) + 2.3 * (Y == "sick")
    assert not findings_on("strong", examined({"strong": hidden.round(4)}, Y))


@pytest.mark.parametrize("form", ["{}", "R{:05}"])
def test_identifiers_that_count_the_rows_class_by_class_are_named(form: str) -> None:
    place = np.empty(N, dtype=int)
    place[np.argsort(Y, kind="stable")] = np.arange(N)
    table = examined({"id": [form.format(number) for number in place]}, Y)
    assert [finding.code for finding in findings_on("id", table)] == ["id-column", "id-tells-target"]
    shuffled = examined({"id": [form.format(number) for number in RANDOM.permutation(N)]}, Y)
    assert [finding.code for finding in findings_on("id", shuffled)] == ["id-column"]


def test_an_identifier_can_be_kept() -> None:
    table = examined({"id": [f"R{number}" for number in RANDOM.permutation(N)]}, Y, keep=["id"])
    assert table.schema.names == ["x", "id"]
    assert not findings_on("id", table)


@pytest.mark.parametrize(
    ("keep", "error", "message"),
    [
        ("Id", DataError, "--keep-column 'Id': no such column; did you mean 'id'"),
        ("y", UsageError, "--keep-column 'y': the target and the column of --group are never learned from"),
        ("same", DataError, "--keep-column 'same': the column holds 'a' in every row; there is nothing to keep"),
        ("none", DataError, "--keep-column 'none': the column has no value in any row; there is nothing to keep"),
    ],
)
def test_what_cannot_be_kept_is_refused(keep: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        examined({"id": np.arange(N), "same": ["a"] * N, "none": [""] * N}, Y, keep=[keep])


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
def test_famous_tables_with_strong_columns_raise_no_alarm(load) -> None:  # type: ignore[no-untyped-def]
    data = load()
    columns = {f"c{number}": column for number, column in enumerate(data.data.T)}
    names = np.array([f"class {number}" for number in data.target])
    found = examined(columns, names).findings
    assert not [finding for finding in found if finding.level != "info"]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n_rows=st.integers(30, 300), rare=st.floats(0.05, 0.5))
def test_noise_leaks_nothing(seed: int, n_rows: int, rare: float) -> None:
    """Eight columns of noise of all kinds; many more tables than the one in a hundred that may be wrong."""
    random = np.random.default_rng(seed)
    y = np.where(random.random(n_rows) < rare, "a", "b")
    y[:3], y[3:6] = "a", "b"
    gaps = random.random((2, n_rows)) < random.random((2, 1))
    columns = {
        "few": random.integers(0, 3, n_rows),
        "many": [f"k{number}" for number in random.integers(0, n_rows // 3, n_rows)],
        "count": random.poisson(4, n_rows),
        "share": (random.integers(0, 11, n_rows) / 10).round(1),
        "gaps": np.where(gaps[0], "", random.normal(size=n_rows).round(2).astype(str)),
        "gappy": np.where(gaps[1], "", random.integers(0, 4, n_rows).astype(str)),
        "day": (np.datetime64("2024-01-01") + random.integers(0, 400, n_rows)).astype(str),
    }
    codes = {finding.code for finding in examined(columns, y).findings}
    assert not codes - {"date-column", "rare-class", "label-conflict", "id-column", "constant-column", "empty-column"}


def test_fewer_rows_than_chance_needs_are_not_judged() -> None:
    y = ["a", "b"] * 10
    assert not [f for f in examined({"copy": y}, y).findings if f.code == "target-copy"]


CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "0", "1", "1e308", "-1e308", "5e-324", "inf", "2024-02-29", "0001-01-01", "a", "A", "yes"]
    ),
    st.text(max_size=6),
    st.floats(allow_nan=False).map(str),
    st.integers(-(2**70), 2**70).map(str),
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), n_rows=st.integers(30, 70))
def test_nothing_that_a_file_can_hold_breaks_the_tests(data: st.DataObject, n_rows: int) -> None:
    """Each column repeats a few cells of any kind; numpy's warnings are errors here."""
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    columns = {}
    for name in ("a", "b", "c", "d", "y"):
        cells = data.draw(st.lists(CELLS, min_size=1, max_size=8))
        columns[name] = [cells[number] for number in random.integers(0, len(cells), n_rows)]
    columns["long"] = [f"{cell}{number}" for number, cell in enumerate(columns["a"])]
    try:
        table = examine_table(Table(rows_of(columns), "made.csv", "0" * 64, "CSV"), "y")
    except DataError:
        return
    assert all("\n" not in finding.message for finding in table.findings)
