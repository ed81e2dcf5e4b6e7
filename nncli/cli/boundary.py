"""The one place where exceptions become a line on standard error and an exit code."""

import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from nncli.errors import FileError, MemoryLimitError, NncliError

DEBUG_KEY = "nncli.debug"
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory")
_BROKEN_PIPE_CODE, _TERMINATED_CODE = 141, 143


def stop_on_terminate() -> None:
    """SIGTERM unwinds like an exit, so that nothing half-written stays."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(_TERMINATED_CODE)

    signal.signal(signal.SIGTERM, leave)


class Boundary(TyperGroup):
    """The group of all commands; turns their exceptions into exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; see the table of exit codes in :mod:`nncli.errors`."""
        if sys.stderr is None:  # closed; print would take standard output instead
            sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (until the process ends)
        try:
            _require_standard_output()
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_quietly()
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise  # Typer prints its own, such as an unknown option
        except Exception as error:  # noqa: BLE001 (the boundary: whatever comes gets a line and a code)
            if ctx.meta.get(DEBUG_KEY):
                traceback.print_exc()
            _fail(error)
        return result


def _fail(error: Exception) -> NoReturn:
    known = _known(error)
    if known is None:
        kind = type(error).__name__
        print(  # noqa: T201
            f"nncli: a bug in nncli ({kind}: {error}); --debug shows where; please report it", file=sys.stderr
        )
        raise typer.Exit(NncliError.exit_code)
    print(f"nncli: {known}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(known.exit_code)


def _known(error: Exception) -> NncliError | None:
    if isinstance(error, NncliError):
        return error
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
    ):
        return MemoryLimitError("not enough memory for this table; use fewer rows, or --effort quick")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return FileError(f"{where}{error.strerror or error}; check path, permissions and free space")
    return None


def _require_standard_output() -> None:
    """A closed standard output would lose the result in silence."""
    if sys.stdout is None:
        raise FileError("standard output: is closed; open it, or name an --output")


def _leave_quietly() -> NoReturn:
    """The reader has what it wants: no message, and nothing for the interpreter to flush at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    raise typer.Exit(_BROKEN_PIPE_CODE)
