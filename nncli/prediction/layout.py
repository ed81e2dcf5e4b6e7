"""Which columns the output has, and where those of the input are taken from."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nncli.errors import DataError, UsageError, nearest_names, quoted_list, show
from nncli.prediction.answers import Answering
from nncli.settings import OutputFormat, PredictSettings
from nncli.table.arrow import mask_array
from nncli.table.chunks import Chunk, Input
from nncli.table.dialect import repeated_names
from nncli.table.typed import cells_of

DELIMITERS: dict[OutputFormat, str] = {"csv": ",", "tsv": "\t"}
"""Of the delimited formats."""

KeptFrom = Literal["cells", "records", "members", "values"]


@dataclass(frozen=True)
class Layout:
    """The columns of the output."""

    format: OutputFormat
    kept: tuple[str, ...]
    """Of the input; they come first."""
    added: tuple[str, ...]
    kept_from: KeptFrom
    """Text cells; whole records as they stand; members of JSON objects as they stand; values with their types."""
    numeric: frozenset[str]
    """Columns whose cells become numbers where a format tells numbers from text."""
    excel_safe: bool
    repeated: frozenset[str]
    """Columns of the model that the header names more than once, other than its own data's; the first is read."""

    @property
    def names(self) -> list[str]:
        """Of all columns."""
        return [*self.kept, *self.added]


def make_layout(asked: Answering, given: Input, output_format: OutputFormat, first: Layout | None) -> Layout:
    """The layout for an open input.

    Args:
        asked: what is asked.
        given: the input.
        output_format: of the output.
        first: that of the first input, whose columns the output has.

    Raises:
        DataError: it has other columns than the first input.
        UsageError: a column that is to be kept is not there, or has the name of one that is added; or text is to be
            made safe for spreadsheets in a format that they do not open.
    """
    if asked.settings.excel_safe and output_format not in DELIMITERS:
        raise UsageError(f"--excel-safe: is for CSV and TSV; the output is {output_format}; leave it out")
    keep, added = asked.settings.keep, asked.names
    kept = {"none": [], "all": given.columns}[keep] if isinstance(keep, str) else list(keep)
    _refuse_unknown(kept, given, first is None)
    if first is not None:
        _refuse_other(kept, first.kept, given)
        kept = list(first.kept)
    _refuse_clash(kept, added)
    return Layout(
        format=output_format,
        kept=tuple(kept),
        added=tuple(added),
        kept_from=_kept_from(given, output_format, kept, asked.settings),
        numeric=frozenset(asked.model.description.encoder.numeric),
        excel_safe=asked.settings.excel_safe,
        repeated=_repeated(given.header or (), asked.model.description.encoder.columns),
    )


def _repeated(header: Sequence[str], columns: Sequence[str]) -> frozenset[str]:
    learned = set(columns)
    return frozenset(n for n, later in repeated_names(header).items() if n in learned and learned.isdisjoint(later))


def _kept_from(given: Input, output_format: OutputFormat, kept: list[str], settings: PredictSettings) -> KeptFrom:
    """The nearest to what stands in the input that the output can hold."""
    everything = settings.keep == "all"
    if given.format == "parquet":
        return "values" if output_format in ("parquet", "jsonl") else "cells"
    if given.format == "jsonl" and output_format == "jsonl":
        return "records" if everything else "members"
    same = given.delimiter is not None and given.delimiter == DELIMITERS.get(output_format) and given.columns == kept
    return "records" if same and everything and not settings.excel_safe else "cells"


def _refuse_unknown(kept: Sequence[str], given: Input, is_first: bool) -> None:
    """Refuses what no column is called: in the first input, for later objects may leave out what it has."""
    columns = [name for name in given.columns if not is_first or name not in given.unnamed]
    known = set(columns)
    for name in kept:
        if name not in known:
            raise UsageError(f"--keep: the data have no column '{show(name)}'; {nearest_names(name, columns)}")


def _refuse_other(kept: Sequence[str], first: Sequence[str], given: Input) -> None:
    """Refuses other columns than those of the first input; objects name more or fewer as they like."""
    if given.format != "jsonl" and set(kept) != set(first):
        raise DataError(
            "its columns are not those of the inputs before it, and --keep writes them all; "
            "name columns that all have (--keep a,b), or write to --out-dir"
        )


def _refuse_clash(kept: Sequence[str], added: Sequence[str]) -> None:
    taken = set(kept)
    clash = [name for name in added if name in taken]
    if clash:
        raise UsageError(f"--keep: the data already have {quoted_list(clash)}; rename that column, or leave out --keep")
    twice = sorted(name for name, count in Counter([*kept, *added]).items() if count > 1)
    if twice:
        raise UsageError(f"the output would have {quoted_list(twice)} twice; ask for fewer columns (--keep, --proba)")


@dataclass(frozen=True)
class Scored:
    """Some rows of the input with their answers."""

    cells: pa.RecordBatch
    """Of text files all columns, of others those that the model reads."""
    chunk: Chunk
    """Where they come from; it has their text, or their values with types."""
    answers: Sequence[pa.Array]
    """The added columns: numbers, or names by a dictionary; null in rows that could not be read."""
    is_sound: NDArray[np.bool_]
    """Which rows could be read; the others only stand for theirs. Shape: ``(n_rows,)``."""

    def records(self) -> pa.Array:
        """Each row as it stands in the input."""
        assert self.chunk.lines is not None
        return self.chunk.lines()

    def values(self, names: Sequence[str]) -> list[pa.Array]:
        """Columns of the input with their own types."""
        assert self.chunk.values is not None
        batch = self.chunk.values()
        return [batch.column(name) for name in names]

    def kept_cells(self, name: str) -> pa.Array:
        """A column of the input as cells, also where the model does not read it."""
        is_read = self.cells.schema.get_field_index(name) >= 0
        return self.cells[name] if is_read else cells_of(*self.values([name]))

    def where_sound(self, values: pa.Array, otherwise: Callable[[], pa.Array]) -> pa.Array:
        """``values`` in the rows that could be read, other values in those that stand for the rest."""
        return values if self.is_sound.all() else pc.if_else(mask_array(self.is_sound), values, otherwise())
