"""Files that appear whole or not at all, and beside them the rows that could not be read."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from nncli.bundle.whole import refuse_replacing, require_parent, staged
from nncli.errors import UsageError
from nncli.prediction.run import Run, Summary, predict_inputs
from nncli.table.chunks import Rejected
from nncli.table.filetype import FileType


def rejects_path(output: Path) -> Path:
    """Where the rows go that could not be read: beside a file or folder, under its name."""
    named = output if output.name else output.absolute()
    return named.with_name(f"{named.name}.rejects.jsonl")


def refuse_existing(output: Path, force: bool = False) -> None:
    """Refuses to replace an output, or the rows beside it that could not be read, as :func:`refuse_file` does."""
    for path in (output, rejects_path(output)):
        refuse_file(path, force)


def refuse_file(path: Path, force: bool) -> None:
    """Refuses to replace a file that is there without ``force``, or a folder at all.

    Raises:
        UsageError: it is there.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder, and a file is to be written there; choose another --output")
    if not force:
        refuse_replacing(path)


def refuse_own_input(output: Path, paths: Sequence[str]) -> None:
    """Refuses to replace what is to be read.

    Raises:
        UsageError: the output is an input.
    """
    for path in paths:
        if output.exists() and Path(path).exists() and output.samefile(path):
            raise UsageError(f"{path}: the output would replace it; choose another place for that")


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
    with staged(output) as new, staged(rejects) as new_rejects:
        # A file's name need not be UTF-8, and stands in the log.
        with new.open("wb") as file, new_rejects.open("w", encoding="utf-8", errors="surrogateescape") as log:
            summary = predict_inputs(run, paths, file, written_as, lambda *bad: print(rejected_record(*bad), file=log))
        before(new, summary)
        if summary.n_rejected:
            new_rejects.replace(rejects)
        else:
            rejects.unlink(missing_ok=True)
        new.replace(output)
    return summary


def rejected_record(path: str, bad: Rejected) -> str:
    """A row of a file that could not be read, as one line of JSON."""
    record = {"file": path, "line": bad.line, "error": bad.message, "text": bad.text}
    return json.dumps(record, ensure_ascii=False)
