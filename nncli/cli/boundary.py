"""The one place where exceptions become a line on standard error and an exit code."""

import io
import os
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from nncli.errors import DeviceError, FileError, MemoryLimitError, NncliError, inert, is_out_of_memory, show

DEBUG_KEY = "nncli.debug"
_LOST_DEVICE = "CUDA error", "MPS backend"
_BROKEN_PIPE_CODE = 141


class _ClosedOutput(io.TextIOBase):
    """In the place of a standard output that is closed: a result that is written there is not lost in silence."""

    def write(self, _: str) -> int:
        raise FileError("standard output: is closed; open it, or name an --output")

    @property
    def buffer(self) -> "_ClosedOutput":
        """For bytes, with which the same happens."""
        return self


class Boundary(TyperGroup):
    """The group of all commands; turns their exceptions into exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command; see the table of exit codes in :mod:`nncli.errors`."""
        if sys.stdout is None:
            os.open(os.devnull, os.O_WRONLY)  # its number is not to be that of the next file
            sys.stdout = _ClosedOutput()
        if sys.stderr is None:  # closed; print would take standard output instead
            sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 (until the process ends)
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _leave_quietly()
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise  # Typer prints its own, such as an unknown option
        except Exception as error:  # noqa: BLE001 (the boundary: whatever comes gets a line and a code)
            if ctx.meta.get(DEBUG_KEY):
                print(*map(inert, traceback.format_exc().split("\n")), sep="\n", file=sys.stderr)  # noqa: T201
            _fail(error)
        return result


def _fail(error: Exception) -> NoReturn:
    known = _known(error)
    if known is None:
        kind = type(error).__name__
        print(  # noqa: T201
            f"nncli: a bug in nncli ({kind}: {show(error, 500)}); --debug shows where; please report it",
            file=sys.stderr,
        )
        raise typer.Exit(NncliError.exit_code)
    print(f"nncli: {inert(str(known))}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(known.exit_code)


def _known(error: Exception) -> NncliError | None:
    if isinstance(error, NncliError):
        return error
    if is_out_of_memory(error):
        return MemoryLimitError("not enough memory; use fewer rows, --effort quick, or, to predict, a smaller --memory")
    if isinstance(error, RuntimeError) and any(words in str(error) for words in _LOST_DEVICE):
        return DeviceError(f"the device failed; {show(str(error).splitlines()[0])}; try again, or take --device cpu")
    if isinstance(error, OSError):
        # Closing a file fails once more where writing has failed, and then without its name.
        name = error.filename or getattr(error.__context__, "filename", None)
        where = f"{name}: " if name else ""
        return FileError(f"{where}{error.strerror or error}; check path, permissions and free space")
    return None


def _leave_quietly() -> NoReturn:
    """The reader has what it wants: no message, and nothing for the interpreter to flush at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    raise typer.Exit(_BROKEN_PIPE_CODE)
