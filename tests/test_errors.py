import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncli.errors import inert, show

HARMLESS = ["Zürich", "naïve café", "日本語", "עברית", "عربى", "हिन्दी", "ภาษาไทยที่นี่", "🙂", "½ ²", "\\x1b"]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


@given(text=st.text(max_size=30))
def test_nothing_is_left_that_acts_or_cannot_be_seen(text: str) -> None:
    shown = inert(text)
    kinds = {unicodedata.category(character) for character in shown}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert inert(shown) == shown
    shown.encode()


def test_characters_of_format_are_shown_but_those_with_ink() -> None:
    """Signs that stand around numbers in Arabic, and those that join hieroglyphs, can be seen."""
    of_format = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
    left = [unicodedata.name(character) for character in of_format if inert(character) == character]
    scripts = ("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN")
    assert [name for name in left if not name.startswith(scripts)] == []


def test_heaps_of_marks_are_shown_one_by_one() -> None:
    assert inert("a" + "\u0301" * 4) == "a" + "\u0301" * 4
    assert inert("a" + "\u0301" * 6) == "a" + "\u0301" * 4 + "\\u0301" * 2
    assert len(show("a" + "\u0301" * 10_000)) < 1000
