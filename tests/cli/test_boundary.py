"""What Typer finds wrong with the words of a command line is said as everything else: on one line."""

import pytest
from program import Program


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["trian"], "nncli: no such command 'trian'. Did you mean 'train'?; see nncli --help"),
        (["--nope"], "nncli: no such option: --nope; see nncli --help"),
        (["--version=3"], "nncli: option '--version' does not take a value; see nncli --help"),
        (["--"], "nncli: missing command; see nncli --help"),
        (["train"], "nncli train: missing argument 'DATA'; see nncli train --help"),
        (["train", "--target"], "nncli train: option '--target' requires an argument; see nncli train --help"),
        (["train", "a", "--efort", "x"], "nncli train: no such option: --efort (Possible options: --effort"),
        (["train", "a", "b"], "nncli train: got unexpected extra argument(s) (b); see nncli train --help"),
        (["train", "a", "--epochs", "x"], "nncli train: invalid value for '--epochs': Input should be a valid integer"),
        (["compare-baseline", "--rounds", "\x1b[2J"], "nncli compare-baseline: invalid value for '--rounds': "),
        (["\x1b[2J\n\u202e"], r"nncli: no such command '\x1b[2J\n\u202e'; see nncli --help"),
        (["train", "--\x1b[2J\nx"], r"nncli train: no such option: --\x1b[2J\x0ax; see nncli train --help"),
        (["train", "a", "\x1b]0;b\x07\n"], r"nncli train: got unexpected extra argument(s) (\x1b]0;b\x07\x0a); see"),
    ],
)
def test_wrong_words_get_one_line(nncli: Program, words: list[str], line: str) -> None:
    outcome = nncli(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(line)
    assert outcome.err.endswith(" --help\n")
    assert outcome.err.count("\n") == 1
    assert outcome.err[:-1].isprintable()


def test_no_words_get_the_help(nncli: Program) -> None:
    outcome = nncli()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == nncli("--help").out
