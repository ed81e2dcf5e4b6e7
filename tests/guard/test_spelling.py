import unicodedata

import pytest
from rows import cells_of

from nncli.guard.spelling import spelled_alike


@pytest.mark.parametrize(
    "names",
    [["North", "north"], ["New York", "New  York"], ["café", unicodedata.normalize("NFD", "café")], ["ﬁne", "fine"]],
)
def test_names_that_people_read_as_one_are_found(names: list[str]) -> None:
    found = spelled_alike(cells_of(["other", *names]))
    assert found is not None
    assert "differ only by case, spaces or look-alike characters" in found
    assert spelled_alike(cells_of(["other", names[0]])) is None


def test_of_many_the_first_are_shown_and_the_others_counted() -> None:
    found = spelled_alike(cells_of(["a", "b", "B", "A", "c", "C", "d"]))
    assert found == "'a', 'A' differ only by case, spaces or look-alike characters (and 4 more of such names)"
