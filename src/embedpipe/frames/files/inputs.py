"""Reads files and standard input in order, as record batches of one schema.

How each format is taken apart is in `lines`, `delimited`, `json_lines` and `parquet`.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from embedpipe.errors import InputError, ParameterError
from embedpipe.files.input_options import FORMATS, InputOptions
from embedpipe.frames.files.batches import conform, grouped, string_array, unified
from embedpipe.frames.files.delimited import delimited_batches
from embedpipe.frames.files.json_lines import json_batches, json_schema
from embedpipe.frames.files.lines import LineReader, check_encoding

__all__ = ["InputBatch", "Inputs", "format_of", "is_pipe", "source_name"]

_FORMAT_OF_SUFFIX = {
    "": "text",
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_Batches = Iterator[tuple[pa.RecordBatch, int]]


@dataclass(frozen=True)
class InputBatch:
    """Consecutive records of one input; `source` is the name that the caller gave.

    records: with all columns of the schema. first_row: of the input, from 0. bytes_read: how much
    of all inputs has been read.
    """

    records: pa.RecordBatch
    source: str
    first_row: int
    bytes_read: int


class Inputs:
    """The records of several inputs in order, in batches under one schema; "-" is standard input.

    A batch holds at most 1,024 records and, unless a single one is longer, about a million
    characters (Parquet: 1,024 rows). Columns keep their order, and their types where the format has
    types; plain text has one column. See `batches.unified` for inputs of different columns.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.csv")
    ...     _ = path.write_text("id,text\\n7,one\\n8,two\\n")
    ...     [batch.records.to_pydict() for batch in Inputs([str(path)]).batches()]
    [{'id': ['7', '8'], 'text': ['one', 'two']}]
    """

    def __init__(self, sources: Sequence[str], options: InputOptions | None = None) -> None:
        """Nothing is opened yet. ParameterError for no source, and for standard input twice."""
        if not sources:
            raise ParameterError("inputs: found none; name a file, or - for standard input")
        if sources.count("-") > 1:
            raise ParameterError("inputs: found - twice; standard input can be read only once")
        self.sources = list(sources)
        self.options = options or InputOptions()
        self._schemas: dict[int, pa.Schema] = {}
        self._started: dict[int, _Batches] = {}

    def check(self) -> None:
        """Raise InputError, ColumnError or ParameterError for what can be found out in advance.

        That is a missing or unreadable file, an unknown format or encoding, a column that is not
        there, and any damage to JSON Lines, which are looked through once for the types of their
        columns. Pipes and standard input are left alone, as they can be read only once.
        """
        check_encoding(self.options.encoding)
        self.options.check({format_of(source, self.options) for source in self.sources})
        for number, source in enumerate(self.sources):
            if not is_pipe(source):
                self._find_schema(number)
        if len(self._schemas) == len(self.sources):
            self.schema()

    def schema(self) -> pa.Schema:
        """The schema of all batches. Of pipes other than plain text, it reads the first batch."""
        for number in range(len(self.sources)):
            if number not in self._schemas:
                self._find_schema(number)
        schemas = [self._schemas[number] for number in range(len(self.sources))]
        return unified(schemas, self.sources)

    def batches(self) -> Iterator[InputBatch]:
        """All records; InputError names the input and the line of what cannot be read."""
        schema = self.schema()
        bytes_before = 0
        for number, source in enumerate(self.sources):
            bytes_read = rows = 0
            for batch, bytes_read in self._started.pop(number, None) or self._read(number):
                if batch.num_rows:
                    records = conform(batch, schema, source)
                    yield InputBatch(records, source, rows, bytes_before + bytes_read)
                    rows += batch.num_rows
            bytes_before += bytes_read

    def total_size(self) -> int | None:
        """The bytes of all inputs together, None if one is a pipe, whose size is not known."""
        statuses = [
            os.fstat(_standard_input().fileno()) if source == "-" else Path(source).stat()
            for source in self.sources
        ]
        if not all(stat.S_ISREG(status.st_mode) for status in statuses):
            return None
        return sum(status.st_size for status in statuses)

    def _find_schema(self, number: int) -> None:
        """Find out the schema of one input."""
        source, column = self.sources[number], self.options.text_column
        kind = format_of(source, self.options)
        if kind == "text" and is_pipe(source):
            self._schemas[number] = _text_batch([], column).schema
        elif kind == "jsonl" and not is_pipe(source):
            with _opened(source) as stream:
                lines = self._lines(stream, source)
                self._schemas[number] = json_schema(lines, column, self.options.errors)
        else:
            batches = self._read(number)
            first = next(batches)
            self._schemas[number] = first[0].schema
            if is_pipe(source):
                self._started[number] = chain([first], batches)

    def _read(self, number: int) -> Iterator[tuple[pa.RecordBatch, int]]:
        """One input's batches, each with the number of bytes read so far."""
        source, options = self.sources[number], self.options
        kind = format_of(source, options)
        with _opened(source) as stream:
            if kind == "parquet":
                from embedpipe.frames.files.parquet import parquet_batches

                size = os.fstat(stream.fileno()).st_size
                for batch, fraction in parquet_batches(stream, source, options):
                    yield batch, int(fraction * size)
                return
            lines = self._lines(stream, source)
            for batch in self._batches_of_lines(kind, lines, self._schemas.get(number)):
                yield batch, lines.bytes_read

    def _batches_of_lines(
        self, kind: str, lines: LineReader, schema: pa.Schema | None
    ) -> Iterator[pa.RecordBatch]:
        options = self.options
        if kind == "text":
            return _text_batches(lines, options.text_column)
        if kind == "jsonl":
            return json_batches(lines, options.text_column, options.errors, schema)
        return delimited_batches(lines, options, options.delimiter_of(kind))

    def _lines(self, stream: BinaryIO, source: str) -> LineReader:
        options = self.options
        return LineReader(stream, source=source, encoding=options.encoding, errors=options.errors)


def format_of(source: str, options: InputOptions) -> str:
    """The format of a source, one of FORMATS; InputError if its name does not determine it."""
    name = "" if source == "-" else source
    kind = options.format or _FORMAT_OF_SUFFIX.get(Path(name).suffix.lower())
    if kind is None:
        raise InputError(
            f"{source}: the suffix {Path(source).suffix!r} does not tell the format; expected one "
            f"of {', '.join(filter(None, _FORMAT_OF_SUFFIX))}, or say --format {'|'.join(FORMATS)}"
        )
    if kind == "parquet" and is_pipe(source):
        raise InputError(
            f"{source}: Parquet cannot be read from a pipe, as its index is at the end; "
            "name the file itself"
        )
    return kind


def source_name(source: str) -> str:
    r"""The name of a source as valid text: bytes that are not UTF-8 become escapes, as `\xe9`."""
    return os.fsencode(source).decode("utf-8", "backslashreplace")


def _text_batches(lines: LineReader, column: str) -> Iterator[pa.RecordBatch]:
    """One text per line; an empty line is an empty text."""
    yield _text_batch([], column)
    texts = (line.removesuffix("\n").removesuffix("\r") for line in lines)
    for group in grouped(texts, len):
        yield _text_batch(group, column)


def _text_batch(texts: list[str], column: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([string_array(texts)], [column])


def is_pipe(source: str) -> bool:
    """Whether it can be read only once."""
    try:
        return source == "-" or Path(source).is_fifo()
    except OSError:  # told by who opens it
        return False


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise InputError("cannot read standard input: it is closed; name a file instead of -")
    return sys.stdin.buffer


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    if source == "-":
        yield _standard_input()
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115 - only opening is inside the try
    except (OSError, ValueError) as error:  # also a name with characters that none can have
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot read {source}: {reason}; expected a file, or - for standard input"
        ) from error
    with stream:
        yield stream
