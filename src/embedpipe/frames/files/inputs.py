"""Reads files, folders and standard input in order, as record batches of one schema.

Where they are is in `sources`, what they are in `detected`; how each format is taken apart in
`lines`, `delimited`, `json_lines`, `parquet` and `arrow_ipc`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from embedpipe.errors import ColumnError, InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.bad_records import BadRecord, BadRecords
from embedpipe.frames.files.batches import ReadBatch, conform, grouped, string_array, unified
from embedpipe.frames.files.delimited import delimited_batches
from embedpipe.frames.files.detected import Kind, UnknownFormat, check_pipe, kind_in
from embedpipe.frames.files.json_lines import JsonReading, json_batches, json_schema
from embedpipe.frames.files.lines import LineReader, check_encoding
from embedpipe.frames.files.sources import expanded, is_pipe, opened, size_of
from embedpipe.frames.files.streams import InputStream

__all__ = ["BEGIN", "InputBatch", "Inputs", "Position"]

_Batches = Iterator[tuple[ReadBatch, int]]


class Position(NamedTuple):
    """Before which record: the number of the input, and the row in it, both from 0."""

    input: int = 0
    row: int = 0


@dataclass(frozen=True)
class InputBatch:
    """Consecutive records of one input; `source` is its name.

    records: with all columns of the schema; none at all only where `bad` ones are told. first_row:
    of the input, from 0. bytes_read: how much of all inputs has been read, as they are stored.
    lines: on which each record begins, from 1; None where the format has no lines. next: where
    reading goes on. bad: what was passed over since the batch before.
    """

    records: pa.RecordBatch
    source: str
    first_row: int
    bytes_read: int
    lines: Sequence[int] | None
    next: Position
    bad: tuple[BadRecord, ...] = ()


BEGIN = Position()


class Inputs:
    """The records of several inputs in order, in batches under one schema; "-" is standard input.

    Inputs are files, compressed or not, folders, patterns and addresses. A batch holds at most
    1,024 records and, unless a single one is longer, about a million characters (Parquet and Arrow:
    1,024 rows). Columns keep their order, and their types where the format has types; plain text
    has one column. See `batches.unified` for inputs of different columns.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.csv")
    ...     _ = path.write_text("id,text\\n7,one\\n8,two\\n")
    ...     [batch.records.to_pydict() for batch in Inputs([str(path)]).batches()]
    [{'id': ['7', '8'], 'text': ['one', 'two']}]
    """

    def __init__(
        self, sources: Sequence[str], options: InputOptions | None = None, *, skip: bool = False
    ) -> None:
        """List folders; open nothing yet. skip: pass over what cannot be read, and tell of it.

        Raises ParameterError for no source and for standard input twice, InputError for a folder or
        a pattern without files.
        """
        found = expanded(sources)
        self.sources = [name for name, _ in found]
        """The names of all files; those whose format nothing tells go when they are examined."""
        self.passed_over: list[str] = []
        """Files in folders that are of no format that is known."""
        self.options = options or InputOptions()
        self._named = [is_named for _, is_named in found]
        self._bad = BadRecords(skip=skip)
        self._kinds: dict[int, Kind] = {}
        self._schemas: dict[int, pa.Schema] = {}
        self._started: dict[int, _Batches] = {}
        self._failed: dict[int, InputError | ColumnError] = {}
        self._is_examined = False

    def check(self) -> None:
        """Raise InputError, ColumnError or ParameterError for what can be found out in advance.

        That is a missing or unreadable file, an unknown format or encoding, a column that is not
        there, and any damage to JSON, which is looked through once for the types of its columns.
        Pipes and standard input are left alone, as they can be read only once.
        """
        self._examine()
        if len(self._schemas) + len(self._failed) == len(self.sources):
            self.schema()

    def schema(self) -> pa.Schema:
        """The schema of all batches. Of pipes other than plain text, it reads the first batch."""
        self._examine()
        for number in range(len(self.sources)):
            if number not in self._schemas and number not in self._failed:
                self._find_schema(number)
        numbers = sorted(self._schemas)
        return unified(
            [self._schemas[number] for number in numbers],
            [self.sources[number] for number in numbers],
        )

    def batches(self, start: Position = BEGIN) -> Iterator[InputBatch]:
        """All records from a position on that a batch told as its `next` one.

        InputError names the input and the line of what cannot be read.
        """
        schema = self.schema()
        bytes_before = self.bytes_before(Position(start.input))
        for number in range(start.input, len(self.sources)):
            first = start.row if number == start.input else 0
            bytes_read = 0
            for batch in self._input(number, first, schema, bytes_before):
                yield batch
                bytes_read = batch.bytes_read - bytes_before
            bytes_before += size_of(self.sources[number]) or bytes_read

    def bytes_before(self, position: Position) -> int:
        """The bytes of the inputs before that of a position."""
        return sum(size_of(source) or 0 for source in self.sources[: position.input])

    def total_size(self) -> int | None:
        """The bytes of all inputs together, None if one is a pipe, whose size is not known."""
        sizes = [size_of(source) for source in self.sources]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def _input(
        self, number: int, first: int, schema: pa.Schema, bytes_before: int
    ) -> Iterator[InputBatch]:
        """The batches of one input from row `first` on, then what was bad at its end."""
        source, rows = self.sources[number], 0
        bytes_read = 0
        try:
            if number in self._failed:
                raise self._failed[number]
            for batch, bytes_read in self._started.pop(number, None) or self._read(number):
                count = batch.records.num_rows
                if count and rows >= first:
                    yield InputBatch(
                        conform(batch.records, schema, source),
                        source,
                        rows,
                        bytes_before + bytes_read,
                        batch.lines,
                        Position(number, rows + count),
                        self._bad.taken(),
                    )
                elif count:
                    self._bad.taken()  # told by who read these records
                rows += count
        except (InputError, ColumnError) as error:
            self._bad.found(error, source=source, line=None)
        bad = self._bad.taken()
        if bad:
            none = schema.empty_table().to_batches()[:1] or [
                pa.RecordBatch.from_pylist([], schema=schema)
            ]
            far = bytes_before + bytes_read
            yield InputBatch(none[0], source, rows, far, [], Position(number + 1), bad)

    def _examine(self) -> None:
        """Find out the kinds and schemas of all that can be read twice."""
        if self._is_examined:
            return
        check_encoding(self.options.encoding)
        self.options.check_marks()
        if self.options.format is not None:
            self.options.check({self.options.format})
        found = list(zip(self.sources, self._named, strict=True))
        self.sources = []
        for source, is_named in found:
            number = len(self.sources)
            self.sources.append(source)
            if is_pipe(source):
                check_pipe(source, self.options)
                continue
            try:
                self._find_schema(number)
            except (InputError, ColumnError) as error:
                if isinstance(error, UnknownFormat) and not is_named:
                    self.passed_over.append(self.sources.pop())
                elif not self._bad.skip:
                    raise
                else:
                    self._failed[number] = error
        self._check_found(found[0][0])
        self._is_examined = True

    def _check_found(self, first: str) -> None:
        if not self.sources:
            raise InputError(
                f"{first}: none of the files there has a format that is known; say --format"
            )
        kinds = {kind.format for kind in self._kinds.values()}
        if len(self._kinds) == len(self.sources):
            self.options.check(kinds)
        if len(self._failed) == len(self.sources):
            raise next(iter(self._failed.values()))

    def _find_schema(self, number: int) -> None:
        """Find out the kind and the schema of one input; of a pipe, keep what has been read."""
        source = self.sources[number]
        if is_pipe(source):
            batches = self._read(number)
            first = next(batches)
            self._schemas[number] = first[0].records.schema
            self._started[number] = chain([first], batches)
            return
        with opened(source) as stored:
            stream = InputStream(stored, source)
            kind = self._kinds[number] = kind_in(stream, self.options)
            if kind.is_json:
                reading = self._json(kind, BadRecords(skip=self._bad.skip))
                self._schemas[number] = json_schema(self._lines(stream, reading.bad), reading)
            else:
                bad = BadRecords(skip=self._bad.skip)
                first_batch = next(self._records(number, stored, stream, bad))
                self._schemas[number] = first_batch.records.schema

    def _read(self, number: int) -> _Batches:
        """One input's batches, each with the number of bytes read so far."""
        source = self.sources[number]
        with opened(source) as stored:
            stream = InputStream(stored, source)
            if number not in self._kinds:
                self._kinds[number] = kind_in(stream, self.options)
                if len(self.sources) == 1:
                    self.options.check({self._kinds[number].format})
            size = size_of(source) or 0
            for batch in self._records(number, stored, stream, self._bad):
                far = stream.position if batch.fraction is None else int(batch.fraction * size)
                yield batch, far

    def _records(
        self, number: int, stored: BinaryIO, stream: InputStream, bad: BadRecords
    ) -> Iterator[ReadBatch]:
        kind, options = self._kinds[number], self.options
        if kind.format == "parquet":
            from embedpipe.frames.files.parquet import parquet_batches

            return parquet_batches(stored, stream.source, options, bad)
        if kind.format == "arrow":
            from embedpipe.frames.files.arrow_ipc import arrow_batches

            is_file = stream.head.startswith(b"ARROW1")
            readable: Any = stored if is_file else io.BufferedReader(stream)
            return arrow_batches(readable, stream.source, options, bad, is_file=is_file)
        lines = self._lines(stream, bad)
        if kind.is_json:
            return json_batches(lines, self._json(kind, bad), self._schemas.get(number))
        if kind.format == "text":
            return _text_batches(lines, options.text_column)
        delimiter = kind.delimiter or options.delimiter_of(kind.format)
        return delimited_batches(lines, options, delimiter, bad)

    def _json(self, kind: Kind, bad: BadRecords) -> JsonReading:
        options = self.options
        return JsonReading(options.text_column, options.errors, bad, kind.format == "json")

    def _lines(self, stream: InputStream, bad: BadRecords) -> LineReader:
        options = self.options
        return LineReader(
            stream, source=stream.source, encoding=options.encoding, errors=options.errors, bad=bad
        )


def _text_batches(lines: LineReader, column: str) -> Iterator[ReadBatch]:
    """One text per line; an empty line is an empty text."""
    yield ReadBatch(_text_batch([], column), [])
    texts = ((lines.number, line.removesuffix("\n").removesuffix("\r")) for line in lines)
    for group in grouped(texts, lambda numbered: len(numbered[1])):
        records = _text_batch([text for _, text in group], column)
        yield ReadBatch(records, [number for number, _ in group])


def _text_batch(texts: list[str], column: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([string_array(texts)], [column])
