"""Reads CSV and TSV strictly, as batches of strings: no record is lost, joined or guessed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Protocol

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.batches import column_position, grouped, string_array
from embedpipe.frames.files.escaped import EscapedRows
from embedpipe.frames.files.lines import LineReader

__all__ = ["delimited_batches"]

_FIELD_LIMIT = 1 << 24  # characters; a longer field is most likely a quote never closed
_OTHER_DELIMITERS = (",", ";", "\t", "|")

_CAUSES = {
    "unexpected end of data": "a quote is opened and never closed",
    "expected after": "a quote stands within a quoted field, neither doubled nor escaped",
    "field larger": "a field has more than 16 million characters, so that a quote is never closed",
    "new-line character": "a carriage return stands within a field that is not quoted",
}
"""What is wrong, by words in the messages of `csv`."""


class _Rows(Protocol):
    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...


def delimited_batches(
    lines: LineReader, options: InputOptions, delimiter: str
) -> Iterator[pa.RecordBatch]:
    """All columns, as strings; the first batch is empty and has their names.

    The first row names the columns, empty lines are skipped. Every record must have as many fields
    as the header: InputError names the line of one that has not, and of one whose quotes do not
    match. Values stay strings because a type that is guessed from some rows can break on others.
    """
    rows = _checked(_rows(lines, options, delimiter), lines.source, delimiter)
    header = next(rows, [])
    hint = _other_delimiter(header, options.text_column)
    column_position(header, options.text_column, lines.source, hint)
    schema = pa.schema([pa.field(name, pa.string()) for name in header])
    yield pa.RecordBatch.from_arrays([string_array([]) for _ in header], schema=schema)
    for group in grouped(rows, lambda row: sum(map(len, row))):
        columns = [string_array(values) for values in zip(*group, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _rows(lines: Iterable[str], options: InputOptions, delimiter: str) -> _Rows:
    csv.field_size_limit(_FIELD_LIMIT)
    if options.quote is None:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    if options.escape is None:
        return csv.reader(lines, delimiter=delimiter, quotechar=options.quote, strict=True)
    return EscapedRows(lines, delimiter, options.quote, options.escape)


def _checked(rows: _Rows, source: str, delimiter: str) -> Iterator[list[str]]:
    """The rows that are not empty, each with as many fields as the first."""
    before = 0
    count = 0
    try:
        for row in rows:
            if row:
                count = count or len(row)
                if len(row) != count:
                    found = f"{len(row)} field{'s' * (len(row) > 1)}"
                    raise InputError(
                        f"{_place(source, before, rows.line_num)}: the record has {found}, the "
                        f"header {count}; put quotes around fields that hold {delimiter!r}, or say "
                        "what the file uses with --delimiter, --quote and --escape"
                    )
                yield row
            before = rows.line_num
    except csv.Error as error:
        cause = next((text for part, text in _CAUSES.items() if part in str(error)), str(error))
        raise InputError(
            f"{_place(source, before, rows.line_num)}: {cause}; correct the quotes, or say "
            "--quote none if they are ordinary characters in this file, --escape '\\' if a "
            "backslash escapes them (as Spark writes them)"
        ) from error


def _place(source: str, before: int, last: int) -> str:
    """The line or lines of a record, for an error."""
    first = before + 1
    return f"{source}, line {first}" if last <= first else f"{source}, lines {first} to {last}"


def _other_delimiter(header: list[str], column: str) -> str:
    """A hint for the error if another delimiter would find the column."""
    for other in _OTHER_DELIMITERS:
        if len(header) == 1 and column in header[0].split(other) and other in header[0]:
            return f"say --delimiter {'tab' if other == chr(9) else repr(other)}, or "
    return ""
