"""The page as a document: its structure, what it keeps out, and what becomes of documents that nncli did not write."""

import base64
import copy
import hashlib
import json
import random
import re
import string
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from made_reports import HOSTILE, folds_document, full_document

from nncli.bundle.model import Model, load_model
from nncli.errors import ModelError
from nncli.report.html import _OPTIONAL, MOST_BYTES, render_html, render_markdown, render_model_card
from nncli.report.page import render_page

Attributes = dict[str, str | None]
_VOID = {"meta", "input", "br", "img", "link", "col", "hr"}
_INVISIBLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Tree(HTMLParser):
    """What a browser makes of a page: its elements in order, with the names of those that are open around them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.paths: list[tuple[str, ...]] = []
        self.texts: dict[str, list[str]] = {"style": [], "script": []}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        self.paths.append((*self._open, tag))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in self.texts:
            self.texts[self._open[-1]].append(data)

    @property
    def form(self) -> list[tuple[tuple[str, ...], list[str]]]:
        """All but what the attributes say."""
        return [(path, list(attributes)) for path, (_, attributes) in zip(self.paths, self.elements, strict=True)]

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(name)) is not None]


@pytest.fixture(scope="module")
def trained(penguins_model: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((penguins_model / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def model(penguins_model: Path) -> Model:
    return load_model(penguins_model)


@cache
def made() -> dict[str, Any]:
    return full_document()


@pytest.fixture(params=["two classes", "26 hostile classes", "trained"])
def page(request: pytest.FixtureRequest) -> str:
    if request.param == "trained":
        folder: Path = request.getfixturevalue("penguins_model")
        return (folder / "report.html").read_text()
    return render_html(made() if request.param == "two classes" else full_document(HOSTILE, 26))


def test_the_page_is_well_formed_and_what_it_points_at_is_there(page: str) -> None:
    tree = Tree(page)
    ids = tree.values("id")
    assert len(set(ids)) == len(ids)
    targets = [value.removeprefix("#") for value in tree.values("href")]
    named = [name for key in ("aria-labelledby", "aria-describedby", "for") for name in tree.values(key)]
    assert len(targets) >= 12
    assert {*targets, *named} <= set(ids)
    sections = [path for path in tree.paths if path[-1] == "section"]
    assert len(sections) == len(targets) - 1  # of which one is the link to the content
    assert all(value.startswith("#") for value in tree.values("href"))


def test_headings_go_down_one_level_at_a_time(page: str) -> None:
    levels = [int(tag[1]) for tag, _ in Tree(page).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_table_says_what_its_rows_and_columns_are(page: str) -> None:
    tables = 0
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        tables += 1
        headers = [attributes for tag, attributes in Tree(table).elements if tag == "th"]
        assert headers
        assert all(attributes.get("scope") in ("row", "col") for attributes in headers)
        rows = re.findall(r"<tr.*?</tr>", re.sub("<svg.*?</svg>", "", table, flags=re.DOTALL), re.DOTALL)
        widths = {len(re.findall("<t[hd]", row)) for row in rows if 'class="more"' not in row}
        assert len(widths) <= 1
    assert tables >= 10


def test_every_plot_and_scrolled_part_has_a_name_or_is_hidden(page: str) -> None:
    tree = Tree(page)
    for path, (tag, attributes) in zip(tree.paths, tree.elements, strict=True):
        if tag == "svg" and "svg" not in path[:-1]:
            assert attributes.get("aria-label") if attributes.get("role") == "img" else attributes.get("aria-hidden")
        if attributes.get("tabindex") == "0":
            assert attributes.get("aria-label")


def test_nothing_is_fetched_and_nothing_runs_but_its_own_script(page: str) -> None:
    tree = Tree(page)
    assert not {tag for tag, _ in tree.elements} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    names = {name for _, attributes in tree.elements for name in attributes}
    assert not names & {"src", "style", "action", "srcset", "xlink:href"}
    assert not [name for name in names if name.startswith("on")]
    assert not re.search(r"url\(|@import|javascript:", "".join(tree.texts["style"]))
    outside = re.findall(r"https?://[^\"' ]*", page)
    assert set(outside) <= {"http://www.w3.org/2000/svg"}
    assert len(page.encode()) <= MOST_BYTES


def test_the_policy_names_the_style_and_the_script_and_nothing_else(page: str) -> None:
    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    tree = Tree(page)
    [policy] = [a["content"] for tag, a in tree.elements if tag == "meta" and "http-equiv" in a]
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert (len(styles), len(scripts)) in ((1, 0), (1, 1))
    parts = [
        "default-src 'none'",
        *(f"style-src {digest(s)}" for s in styles),
        *(f"script-src {digest(s)}" for s in scripts),
    ]
    assert policy == "; ".join(parts)
    data = [a.get("type") for tag, a in tree.elements if tag == "script"]
    assert set(data) <= {None, "application/json"}


def test_a_page_without_thresholds_and_network_has_no_script() -> None:
    page = render_html(made() | {"thresholds": None})
    assert "<script" not in page
    assert "script-src" not in page


def test_names_change_no_element_of_the_page() -> None:
    harmless = tuple(string.ascii_lowercase[: len(HOSTILE)])
    for n_classes in (2, 26):
        tree, expected = (
            Tree(render_html(full_document(HOSTILE, n_classes))),
            Tree(render_html(full_document(harmless, n_classes))),
        )
        assert tree.form == expected.form
        for name in ("id", "class", "href", "scope", "role"):
            assert tree.values(name) == expected.values(name)


@pytest.mark.parametrize("render", [render_html, render_markdown, render_model_card])
def test_names_and_sentences_bring_no_control_characters_and_no_template(render: Any) -> None:
    document = full_document(HOSTILE)
    document["verdict"]["sentence"] = document["device"] = document["repeat"] = f"{'|'.join(HOSTILE)}\n\ud800"
    text = render(document)
    text.encode()
    assert not _INVISIBLE.search(text)
    assert "{{7*7}}" in text
    assert "\\x1b" in text


def test_the_page_of_a_folder_is_what_its_numbers_make(penguins_model: Path, model: Model, trained: Any) -> None:
    assert render_page(trained, model) == (penguins_model / "report.html").read_text()
    assert render_model_card(trained) == (penguins_model / "README.md").read_text()


def test_the_sections_are_in_the_order_of_the_menu() -> None:
    page = render_html(made())
    linked = re.findall(r'<li><a href="#(\w+)">', page)
    assert linked == [
        "verdict", "watch", "scores", "learning", "ranking", "calibration", "confusion", "thresholds", "classes",
        "importance", "dependence", "wrong", "made",
    ]  # fmt: skip
    assert re.findall(r'<h2 id="(\w+)">', page) == linked


_SECTIONS = {
    "learning": ["curve"], "ranking": ["curves"], "calibration": ["calibration"], "confusion": ["confusion"],
    "thresholds": ["thresholds", "decision"], "classes": ["per_class"], "importance": ["importances"],
    "dependence": ["dependence"], "wrong": ["wrong"],
}  # fmt: skip


@pytest.mark.parametrize("gone", [True, False])
@pytest.mark.parametrize("section", _SECTIONS)
def test_a_section_without_its_numbers_is_left_out(section: str, gone: bool) -> None:
    document = copy.deepcopy(made())
    for key in _SECTIONS[section]:
        document[key] = None
        if gone:
            del document[key]
    tree = Tree(render_html(document))
    assert section not in tree.values("id")
    assert set(_SECTIONS) - {section} <= set(tree.values("id"))
    assert f"#{section}" not in tree.values("href")
    render_markdown(document)
    render_model_card(document)


@pytest.mark.parametrize("key", _OPTIONAL)
def test_what_need_not_be_there_may_lack(key: str) -> None:
    for document in (made(), folds_document()):
        for without in (document | {key: None}, {name: value for name, value in document.items() if name != key}):
            Tree(render_html(without))
            render_markdown(without)
            render_model_card(without | {"model_sha256": "0", "seconds": {"total": 1.0}})


def test_options_read_as_people_write_them() -> None:
    options = {"group": None, "rows": True, "costs": {"FN": 5.0, "FP": None}, "layers": [64, 0.25]}
    page = render_html(made() | {"settings": options, "threads": 1, "command": "train"})
    for name, words in (("group", "none"), ("rows", "yes"), ("costs", "FN 5; FP none"), ("layers", "64, 0.25")):
        assert f'<tr><th scope="row">{name}</th><td>{words}</td></tr>' in page
    assert ", 1 thread, seed" in page
    assert "There is no network to touch on this page" in page
    assert "no network to touch" not in render_html(folds_document())


def test_an_end_just_below_zero_keeps_its_sign() -> None:
    """Or the interval would seem not to hold 0."""
    document = copy.deepcopy(made())
    document["importances"]["columns"][0]["network"] = {"value": 1e-3, "low": -1e-6, "high": 2e-3}
    assert "-0.000" in render_html(document)
    assert "-0.000" in render_markdown(document)


def test_rows_without_cells_are_numbers_only() -> None:
    document = copy.deepcopy(made())
    for row in document["wrong"]:
        del row["cells"]
    page = render_html(document)
    assert "income=3" not in page
    assert "1,009" in page
    assert "income=3" in render_html(made())


def test_the_cheapest_threshold_is_marked_and_costs_are_those_of_the_options() -> None:
    page = render_html(made())
    rows = re.findall(r'<tr data-fn="([\d.]+)" data-fp="([\d.]+)"( class="[^"]*")?>(.*?)</tr>', page)
    costs = [10 * float(fn) + float(fp) for fn, fp, *_ in rows]
    told = [float(re.findall("<td>([^<]*)</td>", cells)[-1].replace(",", "")) for *_, cells in rows]
    assert told == costs
    assert [i for i, row in enumerate(rows) if "cheapest" in row[2]] == [
        i for i, c in enumerate(costs) if c == min(costs)
    ]
    assert ["(chosen)" in cells for *_, cells in rows].count(True) == 1
    assert len(rows) == 20


def test_few_classes_have_a_matrix_many_their_confusions_and_very_many_these_alone() -> None:
    def parts(n_classes: int) -> tuple[bool, bool]:
        page = render_html(full_document(n_classes=n_classes))
        return 'class="confusion' in page, "Most frequent confusions" in page

    assert [parts(n) for n in (3, 20, 40)] == [(True, False), (True, True), (False, True)]


_ODD = [
    None, "", "x", -1, 0, 3, 1e-300, 1e308, -1e308, 10**30, 10**400, True, [], {}, [1], [[]], {"a": 1}, "\ud800\x1b",
]  # fmt: skip


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _paths(item, (*path, key))


def _damaged(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """With some values of other kinds, and some keys lacking; places near the top are as likely as all others."""
    document = copy.deepcopy(document)
    for _ in range(chance.choice([1, 1, 2, 3])):
        deepest = chance.choice([1, 2, 3, 4, 99])
        path = chance.choice([path for path in _paths(document) if len(path) <= deepest])
        place: Any = document
        for key in path[:-1]:
            place = place[key]
        if chance.random() < 0.3:
            del place[path[-1]]
        else:
            place[path[-1]] = copy.deepcopy(chance.choice(_ODD))
    return document


def _outcome(render: Any, *args: Any) -> str:
    try:
        text: str = render(*args)
    except ModelError as error:
        assert str(error).startswith("report.json: ")
        assert len(str(error)) < 300
        assert not _INVISIBLE.search(str(error))
        return "refused"
    text.encode()
    assert not _INVISIBLE.search(text)
    return "shown"


@pytest.mark.parametrize("seed", range(3))
def test_damaged_documents_are_shown_or_refused_and_nothing_else(seed: int, trained: Any) -> None:
    chance, outcomes = random.Random(seed), []
    for _ in range(25):
        document = _damaged(chance.choice([made(), trained]), chance)
        outcomes += [_outcome(render, document) for render in (render_html, render_markdown, render_model_card)]
    assert {"refused", "shown"} <= set(outcomes)


def test_the_network_page_of_damaged_rows_is_shown_or_refused(model: Model, trained: Any) -> None:
    chance = random.Random(0)
    keys = ("examples", "importances")
    outcomes = []
    for _ in range(12):
        changed = _damaged({key: trained[key] for key in keys}, chance)
        outcomes.append(_outcome(render_page, trained | dict.fromkeys(keys) | changed, model))
    assert {"refused", "shown"} <= set(outcomes)


@pytest.mark.parametrize("key", ["target", "classes", "rows", "scores", "verdict", "seconds", "sentences", "versions"])
def test_a_document_that_lacks_what_is_always_there_is_refused(key: str) -> None:
    document = {name: value for name, value in made().items() if name != key}
    with pytest.raises(ModelError, match=r"report\.json: is none that this nncli writes"):
        render_html(document)
    with pytest.raises(ModelError, match="train anew"):
        render_html({})


def _cells(line: str) -> list[str]:
    """Of a line of a table of GitHub's Markdown: a bar after a backslash ends no cell, and two backslashes are one."""
    return re.findall(r"(?:\\.|[^\\|])+|(?<=\|)(?=\|)", line.strip().removeprefix("|").removesuffix("|"))


_NAMES = ("a|b", "a\\|b", "a\\\\|b", "c`d", "e\\", "<img src=x>", "[link](http://x)", "|")


@pytest.mark.parametrize("render", [render_markdown, render_model_card])
def test_names_break_no_table_of_markdown(render: Any) -> None:
    text = render(full_document(_NAMES))
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == (2 if render is render_markdown else 5)
    for table in tables:
        assert len({len(_cells(line)) for line in table.splitlines()}) == 1


@pytest.mark.parametrize("render", [render_markdown, render_model_card])
def test_names_bring_neither_elements_nor_links_into_markdown(render: Any) -> None:
    document = full_document(_NAMES)
    document["warnings"].append(
        {"level": "<b>", "message": "![x](http://x) \\<img> [y]: http://y", "code": "", "columns": []}
    )
    prose = re.sub("^    .*$", "", render(document), flags=re.MULTILINE)
    prose = re.sub(r"`[^`]*`|\\[!-/:-@\[-`{-~]", "", prose)  # in code nothing has a meaning, nor after a backslash
    assert not re.search(r"<[a-z]|\]\(|\]:|://", prose)
    assert "http//x" in prose


def test_the_card_marks_what_only_the_owner_knows() -> None:
    card = render_model_card(made())
    marked = [line.split(":")[0] for line in card.splitlines() if "*to be filled in by the owner.*" in line]
    assert marked == [
        "- What it is for", "- What it must not be used for", "- Who is affected, and who answers for it",
        "- Where they come from, with what consent and under what licence", "- Licence",
    ]  # fmt: skip
    for heading in ("Intended use", "Data", "Scores", "Decisions", "Where it does worst", "What it looks at", "Limits"):
        assert f"\n## {heading}" in card
    assert "2.0 s in all" in card
    assert f"SHA-256 `{'1' * 64}`" in card
