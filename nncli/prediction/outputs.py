"""Files that appear whole or not at all, and beside them the rows that could not be read."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nncli.bundle.folder import require_parent
from nncli.errors import UsageError
from nncli.prediction.run import Run, Summary, predict_inputs
from nncli.table.chunks import Rejected
from nncli.table.filetype import FileType


def rejects_path(output: Path) -> Path:
    """Where the rows go that could not be read."""
    return output.with_name(f"{output.name}.rejects.jsonl")


def refuse_existing(output: Path) -> None:
    """Refuses to replace a file that is there.

    Raises:
        UsageError: it is.
    """
    for path in (output, rejects_path(output)):
        if path.exists():
            raise UsageError(f"{path}: exists already; choose another place, or replace it with --force")


def write_file(
    run: Run,
    paths: Sequence[str],
    output: Path,
    written_as: FileType,
    before: Callable[[Path, Summary], None] = lambda *_: None,
) -> Summary:
    """Predicts inputs into a file. What was there is replaced when all is done.

    Args:
        run: what is asked.
        paths: of the inputs.
        output: the file.
        written_as: its format and compression.
        before: is called with the finished file, which has another name yet, just before it gets its own.

    Raises:
        FileError: its folder does not exist.
        NncliError: as :func:`~nncli.prediction.run.predict_inputs`.
    """
    require_parent(output)
    rejects = rejects_path(output)
    with _staged(output) as new, _staged(rejects) as new_rejects:
        with new.open("wb") as file, new_rejects.open("w", encoding="utf-8") as log:
            summary = predict_inputs(run, paths, file, written_as, lambda *bad: print(_rejected(*bad), file=log))
        before(new, summary)
        if summary.n_rejected:
            new_rejects.replace(rejects)
        else:
            rejects.unlink(missing_ok=True)
        new.replace(output)
    return summary


def _rejected(path: str, bad: Rejected) -> str:
    record = {"file": path, "line": bad.line, "error": bad.message, "text": bad.text}
    return json.dumps(record, ensure_ascii=False)


@contextmanager
def _staged(path: Path) -> Iterator[Path]:
    """A hidden name beside a file; what has it afterwards is removed."""
    hidden = path.with_name(f".{path.name}.new")
    try:
        yield hidden
    finally:
        hidden.unlink(missing_ok=True)
