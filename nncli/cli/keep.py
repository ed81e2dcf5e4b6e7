"""``--keep`` and ``--keep a,b``: an option whose value may be left out, which Typer has not."""

from typing import Any, Literal

from typer.core import TyperCommand

from nncli.errors import UsageError, show

_KEEP = "--keep"
EVERYTHING = "\0"
"""What ``--keep`` without a value is given as one; no argument of a process can hold it."""


class KeepCommand(TyperCommand):
    """A command with the option ``--keep [COLUMNS]``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives each ``--keep`` a value before the parser wants one."""
        return super().parse_args(ctx, with_values(args))


def with_values(args: list[str]) -> list[str]:
    """Arguments in which each ``--keep`` has a value.

    A word after it is that value, unless it is an option, ``-``, or a file or a pattern of files that exist.
    """
    end = args.index("--") if "--" in args else len(args)
    given, number = [], 0
    while number < end:
        if args[number] == _KEEP:
            value = args[number + 1] if number + 1 < end and _is_list(args[number + 1]) else None
            number += value is not None
            given.append(f"{_KEEP}={EVERYTHING if value is None else value}")
        else:
            given.append(args[number])
        number += 1
    return [*given, *args[end:]]


def parse_keep(text: str | None) -> Literal["none", "all"] | tuple[str, ...]:
    """The columns that ``--keep`` names, a line of CSV.

    Raises:
        UsageError: its quotes do not close, or it names nothing.

    >>> parse_keep('id,"a, b"')
    ('id', 'a, b')
    """
    from nncli.table.dialect import parse_line

    if text is None:
        return "none"
    if text == EVERYTHING:
        return "all"
    names = parse_line(text, ",")
    if not names:
        raise UsageError(f"--keep: '{show(text)}' is no list of columns; write names like a,b, or leave it out for all")
    return tuple(names)


def _is_list(word: str) -> bool:
    from nncli.prediction.names import is_file_or_pattern

    return not word.startswith("-") and not is_file_or_pattern(word)
