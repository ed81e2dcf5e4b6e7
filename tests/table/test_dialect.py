"""Lines before a table: what is said to skip leaves exactly the table."""

import re

import pytest

from nncli.errors import DataError
from nncli.table.dialect import find_delimiter

COMMAS = ["x,z,y\n", *(f"{i}.5,{i % 3},a\n" for i in range(9))]
SEMICOLONS = ["x;z;y\n", *(f"{i},5;{i % 3},25;a\n" for i in range(9))]


@pytest.mark.parametrize("table", [COMMAS, SEMICOLONS, ["x;y\n", *(f"{i},5;a\n" for i in range(9))]])
@pytest.mark.parametrize(
    "before",
    [
        ["Report of May\n"],
        ["Report\n", "as of today\n", "\n"],
        ['"Report; as of today, noon"\n', "\n"],
        ["# made by hand\n", "# again\n"],
        ["sep=;\n"],
        ['"a title of\n', 'two lines"\n'],
    ],
)
def test_the_lines_to_skip_are_those_before_the_table(table: list[str], before: list[str]) -> None:
    with pytest.raises(DataError, match=r"is not a header.* add --skip-rows \d+$") as caught:
        find_delimiter([*before, *table], "t")
    skipped = re.search(r"--skip-rows (\d+)", str(caught.value))
    assert skipped
    assert [*before, *table][int(skipped[1]) :] == table
    assert find_delimiter(table, "t", 1 + len(before)) == table[0][1]
