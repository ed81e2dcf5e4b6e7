"""The one place where exceptions become a line on standard error and an exit code."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from nncli.errors import (
    DeviceError,
    FileError,
    MemoryLimitError,
    NncliError,
    UsageError,
    inert,
    is_out_of_memory,
    show,
)

DEBUG_KEY = "nncli.debug"
_LOST_DEVICE = "CUDA error", "MPS backend"
_BROKEN_PIPE_CODE = 141


class Boundary(TyperGroup):
    """The group of all commands; turns their exceptions into exit codes, see the table in :mod:`nncli.errors`."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Reads what stands before the command, and does it: ``--help``, ``--version``."""
        with _boundary():
            return super().make_context(*args, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Shows the help where there are none."""
        if not args and not ctx.resilient_parsing:
            print(ctx.get_help(), file=sys.stderr)  # noqa: T201
            raise typer.Exit(UsageError.exit_code)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Runs a command."""
        with _boundary(ctx):
            result = super().invoke(ctx)
            sys.stdout.flush()
        return result


@contextmanager
def _boundary(ctx: Any = None) -> Iterator[None]:
    """Whatever comes gets a line and a code.

    Args:
        ctx: that of the root, once it is there.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError:  # the reader has what it wants
        raise typer.Exit(_BROKEN_PIPE_CODE) from None
    except typer.TyperException as error:
        _fail(_usage_line(error, ctx and ctx.invoked_subcommand), error.exit_code)
    except Exception as error:  # noqa: BLE001
        if ctx and ctx.meta.get(DEBUG_KEY):
            _say("\n".join(map(inert, traceback.format_exc().split("\n"))))
        known = _known(error)
        if known is None:
            bug = f"{type(error).__name__}: {show(error, 500)}"
            _fail(f"nncli: a bug in nncli ({bug}); --debug shows where; please report it", NncliError.exit_code)
        _fail(f"nncli: {inert(str(known))}", known.exit_code)


def _fail(line: str, code: int) -> NoReturn:
    _say(line)
    raise typer.Exit(code)


def _say(line: str) -> None:
    with suppress(OSError):  # nobody is there to read it, but the code still says what was wrong
        print(line, file=sys.stderr)  # noqa: T201


def _usage_line(error: typer.TyperException, command: str | None) -> str:
    """What Typer says of the words of a command line, on one line and in the form of our own messages."""
    where = f"nncli {command}" if command else "nncli"
    what = inert(error.format_message()).rstrip(".")
    return f"{where}: {what[:1].lower()}{what[1:]}; see {where} --help"


def _known(error: Exception) -> NncliError | None:
    if isinstance(error, NncliError):
        return error
    if is_out_of_memory(error):
        return MemoryLimitError("not enough memory; use fewer rows, --effort quick, or, to predict, a smaller --memory")
    if isinstance(error, RuntimeError) and any(words in str(error) for words in _LOST_DEVICE):
        return DeviceError(f"the device failed; {show(str(error).splitlines()[0])}; try again, or take --device cpu")
    if isinstance(error, OSError):
        # Closing a file fails once more where writing has failed, and then without its name.
        name = error.filename2 or error.filename or getattr(error.__context__, "filename", None)
        where = f"{name}: " if name else ""
        return FileError(f"{where}{error.strerror or error}; check path, permissions and free space")
    return None
