"""One or more inputs become one output: the answers to the rows of all of them, one input after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

from nncli.errors import DataError, ModelError, UsageError
from nncli.prediction import delimited
from nncli.prediction.answers import Answering
from nncli.prediction.columnar import ParquetSink
from nncli.prediction.compression import CompressedStream
from nncli.prediction.layout import DELIMITERS, Layout, make_layout
from nncli.prediction.stream import Passed, predict_stream
from nncli.settings import OutputFormat
from nncli.table.chunks import Rejected
from nncli.table.encoding import Foreign, joined
from nncli.table.filetype import FileType
from nncli.table.reading import BLOCK_BYTES, open_rows
from nncli.table.source import PATIENCE, display_name

Reject = Callable[[str, Rejected], None]
"""Is told the name of an input, and a row of it that could not be read."""


_MOST_LEFT_OUT = 1000
"""Names of keys that are remembered: objects may have new ones without end."""


@dataclass(frozen=True)
class Run:
    """What is asked, and how it is carried out."""

    asked: Answering
    threads: int
    """That predict."""
    line_buffered: bool = False
    """Whether rows are passed on at once."""
    block_bytes: int = BLOCK_BYTES
    """Of text that is predicted at once."""
    watch: Callable[[str, int, float | None], None] = lambda *_: None
    """Is told, now and then: the name of an input, how many more of its rows are done, and what share of it is."""


@dataclass(frozen=True)
class Summary:
    """What passed."""

    n_rows: int = 0
    """That were read or rejected."""
    n_rejected: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    """Cells of each column that the model cannot use, where there are some."""
    filled: frozenset[str] = frozenset()
    """Columns of the model that have a value in any row."""
    repeated: frozenset[str] = frozenset()
    """Columns of the model that a header names more than once; the first is read."""
    named: frozenset[str] = frozenset()
    """Columns of the model that any row has; objects of JSON Lines may leave them out."""
    left_out: tuple[str, ...] = ()
    """Keys of objects that the output has no column for, though all were to be kept; the first of them."""
    foreign: Foreign | None = None
    """Lines that are no UTF-8."""

    def __add__(self, other: "Summary") -> "Summary":
        names = {**self.unknown, **other.unknown}
        unknown = {name: self.unknown.get(name, 0) + other.unknown.get(name, 0) for name in names}
        left_out = tuple(dict.fromkeys(self.left_out + other.left_out))[:_MOST_LEFT_OUT]
        n_rows, n_rejected = self.n_rows + other.n_rows, self.n_rejected + other.n_rejected
        return Summary(
            n_rows=n_rows,
            n_rejected=n_rejected,
            unknown=unknown,
            filled=self.filled | other.filled,
            repeated=self.repeated | other.repeated,
            named=self.named | other.named,
            left_out=left_out,
            foreign=joined(self.foreign, other.foreign),
        )


class _Sink(Protocol):
    def write(self, piece: Any) -> None: ...
    def close(self) -> None: ...


class _TextSink:
    """Writes lines under a header as they come."""

    def __init__(self, stream: BinaryIO, header: pa.Buffer | None) -> None:
        self._stream = stream
        if header is not None:
            stream.write(header)

    def write(self, lines: pa.Buffer) -> None:
        self._stream.write(lines)
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


def predict_inputs(run: Run, paths: Sequence[str], file: BinaryIO, written_as: FileType, reject: Reject) -> Summary:
    """Predicts the rows of all inputs and writes them as they are done.

    Args:
        run: what is asked.
        paths: of the inputs; ``-`` is standard input.
        file: gets the output.
        written_as: format and compression of the output; no format: that of the input.
        reject: is told what could not be read.

    Raises:
        DataError: a row cannot be read, or an input has other columns than those before it.
        ModelError: a column that the model needs is missing.
        UsageError: what is to be kept is not there, or the output cannot be written as asked for.
    """
    total, sink = Summary(), None
    with _compressed(file, written_as, run.line_buffered) as stream:
        for path, layout, passed in _passing(run, paths, written_as.format):
            with _naming(path), _naming_output(file):
                sink = sink or _open_sink(stream, layout, run.line_buffered)
                sink.write(passed.piece)
            for bad in passed.rejected:
                reject(path, bad)
            total += _summary(run.asked, layout, passed)
        if sink is not None:
            with _naming_output(file):
                sink.close()
    return total


def _summary(asked: Answering, layout: Layout, passed: Passed) -> Summary:
    unknown = {name: count for name, count in passed.unknown.items() if count}
    named = frozenset(asked.model.description.encoder.columns)
    left_out: tuple[str, ...] = ()
    if passed.keys is not None:
        named = named.intersection(passed.keys)
        if asked.settings.keep == "all" and layout.kept_from == "cells":
            columns = set(layout.kept)
            left_out = tuple(key for key in passed.keys if key not in columns)
    return Summary(
        n_rows=passed.n_rows,
        n_rejected=len(passed.rejected),
        unknown=unknown,
        filled=passed.filled,
        repeated=layout.repeated,
        named=named,
        left_out=left_out,
        foreign=passed.foreign,
    )


def _compressed(file: BinaryIO, written_as: FileType, line_buffered: bool) -> Any:
    if written_as.compression is None:
        return nullcontext(file)
    if written_as.format == "parquet":
        raise UsageError(f"--output: Parquet is compressed within; leave .{written_as.compression} out of its name")
    return CompressedStream(file, written_as.compression, line_buffered)


def _open_sink(stream: BinaryIO, layout: Layout, line_buffered: bool) -> _Sink:
    if layout.format != "parquet":
        return _TextSink(stream, delimited.header(layout) if layout.format in DELIMITERS else None)
    if line_buffered:
        raise UsageError("--line-buffered: Parquet holds rows back; choose another --output-format")
    return ParquetSink(stream)


def _passing(
    run: Run, paths: Sequence[str], output_format: OutputFormat | None
) -> Iterator[tuple[str, Layout, Passed]]:
    settings, model = run.asked.settings, run.asked.model
    first: Layout | None = None
    kept = {"all": None, "none": ()}[settings.keep] if isinstance(settings.keep, str) else settings.keep
    has_whole_objects = settings.keep == "all" and output_format in (None, "jsonl")
    for path in paths:
        reading = open_rows(
            path,
            model.description.encoder.columns,
            run.block_bytes,
            input_format=settings.input_format,
            bad_rows=settings.bad_rows,
            kept=first.kept if first else kept,
            taken=run.asked.names if has_whole_objects else (),
            patience=0.0 if run.line_buffered else PATIENCE,
            reading=model.description.schema.reading.overridden(
                settings.encoding, settings.has_header, settings.skip_rows
            ),
        )
        with reading as given:
            with _naming(path):
                model.require(given.columns)
                layout = make_layout(run.asked, given, output_format or given.format, first)
            first = first or layout
            for passed in predict_stream(run.asked, layout, given, run.threads):
                yield path, layout, passed
                run.watch(path, passed.n_rows, given.share_read())


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Errors that do not know which input they are about say it; those of reading it do, and pass elsewhere."""
    try:
        yield
    except (DataError, ModelError) as error:
        raise type(error)(f"{display_name(path)}: {error}") from error


@contextmanager
def _naming_output(file: BinaryIO) -> Iterator[None]:
    """Errors of the system in writing say where."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = getattr(file, "name", None)
        raise
