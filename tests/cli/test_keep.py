from pathlib import Path

import pytest

from nncli.cli.keep import EVERYTHING, parse_keep, with_values
from nncli.errors import UsageError

ALL = f"--keep={EVERYTHING}"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--keep"], [ALL]),
        (["--keep", "a,b"], ["--keep=a,b"]),
        (["--keep", "a,b", "new.csv"], ["--keep=a,b", "new.csv"]),
        (["--keep", "new.csv"], [ALL, "new.csv"]),
        (["--keep", "n*.csv"], [ALL, "n*.csv"]),
        (["--keep", "z*.csv"], ["--keep=z*.csv"]),
        (["--keep", "-"], [ALL, "-"]),
        (["--keep", "-m", "model"], [ALL, "-m", "model"]),
        (["--keep=new.csv"], ["--keep=new.csv"]),
        (["--keep", "--", "a"], [ALL, "--", "a"]),
        (["--", "--keep", "a"], ["--", "--keep", "a"]),
        (["--keep", "--keep", "a"], [ALL, "--keep=a"]),
    ],
)
def test_a_word_after_keep_is_its_list_unless_it_is_something_else(
    args: list[str], expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").touch()
    assert with_values(args) == expected


def test_lists_are_lines_of_csv() -> None:
    assert parse_keep(None) == "none"
    assert parse_keep(EVERYTHING) == "all"
    assert parse_keep('a,"b, c", d') == ("a", "b, c", " d")
    for text in ("", '"a'):
        with pytest.raises(UsageError, match="--keep"):
            parse_keep(text)
