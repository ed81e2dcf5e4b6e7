import pytest
from rows import cells_of

from nncli.errors import DataError
from nncli.table.target import choose_target, encode_target


def test_the_target_is_found_by_name_or_is_the_last_column() -> None:
    assert choose_target(["x", "LABEL", "z"], None)[0] == "LABEL"
    assert choose_target(["y", "label"], None)[0] == "label"
    assert choose_target(["a", "b"], None)[0] == "b"
    assert choose_target(["a", "b"], "a") == ("a", "named by --target")


def test_a_wrong_target_gets_suggestions() -> None:
    with pytest.raises(DataError, match="did you mean 'diagnosis'"):
        choose_target(["diagnosis", "mean radius"], "Diagnosys")
    with pytest.raises(DataError, match="the columns are 'a', 'b'"):
        choose_target(["a", "b"], "survived")


def test_classes_are_sorted_as_numbers_where_all_are_numbers() -> None:
    assert encode_target(cells_of(["10", "9", "-1"]), "t").classes == ("-1", "9", "10")
    assert encode_target(cells_of(["b", "10", "9"]), "t").classes == ("10", "9", "b")


def test_rows_without_a_target_are_marked() -> None:
    target = encode_target(cells_of(["a", "", " b ", "NA"]), "t")
    assert target.has_label.tolist() == [True, False, True, False]
    assert target.labels.tolist() == [0, 1]
    assert target.label_counts() == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["a", "a"], "found only 'a'"),
        (["", ""], "found no value at all"),
        ([str(i / 7) for i in range(100)], "looks like a quantity"),
        ([f"id{i}" for i in range(100)], "looks like an ID"),
    ],
)
def test_unusable_targets_are_refused(cells: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        encode_target(cells_of(cells), "t")
