"""Reads CSV and TSV strictly, as batches of strings: no record is lost, joined or guessed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Protocol

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.files.input_options import InputOptions
from embedpipe.frames.files.bad_records import BadRecords
from embedpipe.frames.files.batches import ReadBatch, column_position, grouped, string_array
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
    def __iter__(self) -> Iterator[list[str]]: ...


def delimited_batches(
    lines: LineReader, options: InputOptions, delimiter: str, bad: BadRecords
) -> Iterator[ReadBatch]:
    """All columns, as strings; the first batch is empty and has their names.

    The first row names the columns, empty lines are skipped. Every record must have as many fields
    as the header: InputError names the line of one that has not, and of one whose quotes do not
    match. Values stay strings because a type that is guessed from some rows can break on others.
    """
    rows = _checked(_rows(lines, options, delimiter), lines, delimiter, bad)
    _, header = next(rows, (1, []))
    hint = _other_delimiter(header, options.text_column)
    column_position(header, options.text_column, lines.source, hint)
    schema = pa.schema([pa.field(name, pa.string()) for name in header])
    yield ReadBatch(
        pa.RecordBatch.from_arrays([string_array([]) for _ in header], schema=schema), []
    )
    for group in grouped(rows, lambda row: sum(map(len, row[1]))):
        columns = [string_array(values) for values in zip(*(row for _, row in group), strict=True)]
        records = pa.RecordBatch.from_arrays(columns, schema=schema)
        yield ReadBatch(records, [line for line, _ in group])


def _rows(lines: Iterable[str], options: InputOptions, delimiter: str) -> _Rows:
    csv.field_size_limit(_FIELD_LIMIT)
    if options.quote is None:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    if options.escape is None:
        return csv.reader(lines, delimiter=delimiter, quotechar=options.quote, strict=True)
    return EscapedRows(lines, delimiter, options.quote, options.escape)


def _checked(
    rows: _Rows, lines: LineReader, delimiter: str, bad: BadRecords
) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with its first line and as many fields as the first row."""
    each = iter(rows)
    count = 0
    while True:
        before = lines.number
        try:
            row = next(each, None)
        except csv.Error as error:
            _report(bad, lines, before, str(error))
            continue
        if row is None:
            return
        if row:
            count = count or len(row)
            if len(row) == count:
                yield before + 1, row
                continue
            found = f"{len(row)} field{'s' * (len(row) > 1)}"
            error_ = InputError(
                f"{_place(lines, before)}: the record has {found}, the "
                f"header {count}; put quotes around fields that hold {delimiter!r}, or say "
                "what the file uses with --delimiter, --quote and --escape"
            )
            record = delimiter.join(row)
            bad.found(error_, source=lines.source, line=before + 1, record=record)


def _report(bad: BadRecords, lines: LineReader, before: int, message: str) -> None:
    cause = next((text for part, text in _CAUSES.items() if part in message), message)
    error = InputError(
        f"{_place(lines, before)}: {cause}; correct the quotes, or say "
        "--quote none if they are ordinary characters in this file, --escape '\\' if a "
        "backslash escapes them (as Spark writes them)"
    )
    bad.found(error, source=lines.source, line=before + 1)


def _place(lines: LineReader, before: int) -> str:
    """The line or lines of a record, for an error."""
    first, last = before + 1, lines.number
    if last <= first:
        return f"{lines.source}, line {first}"
    return f"{lines.source}, lines {first} to {last}"


def _other_delimiter(header: list[str], column: str) -> str:
    """A hint for the error if another delimiter would find the column."""
    for other in _OTHER_DELIMITERS:
        if len(header) == 1 and column in header[0].split(other) and other in header[0]:
            return f"say --delimiter {'tab' if other == chr(9) else repr(other)}, or "
    return ""
