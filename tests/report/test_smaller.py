"""Smaller scripts do the same."""

from importlib.resources import files

import pytest

from nncli.report.smaller import _TOKEN, smaller_script, smaller_style
from nncli.report.touch import _SCRIPTS, _source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a + +b - -c", "a + +b - -c"),
        ("const x = 1 ;\n/* no */ f ( x ) ; // no", "const x=1;f(x);"),
        ("say('a  // b', \"c /* d\", `e  ${ f }  g`);", "say('a  // b',\"c /* d\",`e  ${ f }  g`);"),
        ("say('it\\'s  so', x);", "say('it\\'s  so',x);"),
        ("return   x / 2;", "return x / 2;"),
    ],
)
def test_text_stays_and_spaces_go(source: str, expected: str) -> None:
    assert smaller_script(source) == expected


def test_style_keeps_its_meaning() -> None:
    source = ".a :focus { width: calc(1rem + 2px) } /* no */\n@media print { .b > .c, .d { margin: -1px 0 } }"
    assert smaller_style(source) == ".a :focus{width: calc(1rem + 2px)}@media print{.b > .c,.d{margin: -1px 0}}"


@pytest.mark.parametrize("name", _SCRIPTS)
def test_scripts_are_such_as_can_be_made_smaller(name: str) -> None:
    """No template within a template: what would be left of it looks like code."""
    code = _TOKEN.sub("", _source(f"touch_{name}.js"))
    assert "${" not in code
    assert "`" not in code


def test_every_script_is_used() -> None:
    found = {file.name for file in (files("nncli.report") / "templates").iterdir() if file.name.endswith(".js")}
    assert found == {"report.js", *(f"touch_{name}.js" for name in _SCRIPTS)}
