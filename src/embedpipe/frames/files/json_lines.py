"""Reads JSON Lines and JSON arrays as record batches: objects, their members as columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from embedpipe.errors import ColumnError, InputError
from embedpipe.frames.files.bad_records import BadRecords
from embedpipe.frames.files.batches import ReadBatch, column_position, grouped
from embedpipe.frames.files.json_array import array_members
from embedpipe.frames.files.json_types import JsonColumn, array_of, merged, type_of
from embedpipe.frames.files.lines import LineReader

__all__ = ["JsonReading", "json_batches", "json_schema"]

_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonReading(NamedTuple):
    """How JSON is read.

    column: of the text, strings and nulls, which the first object must have. errors: what to do
    about escaped surrogates without partner, as in `bytes.decode`. is_array: one array rather than
    an object a line.
    """

    column: str
    errors: str
    bad: BadRecords
    is_array: bool = False


class _Record(NamedTuple):
    line: int
    members: dict[str, Any]
    size: int


def json_batches(
    lines: LineReader, reading: JsonReading, schema: pa.Schema | None = None
) -> Iterator[ReadBatch]:
    """All members as columns; empty lines are skipped, an absent member is null.

    schema: as `json_schema` finds it, where the input can be read twice; None takes that of the
    first batch, and a record that does not fit it is an InputError. The first batch tells the
    schema.
    """
    known: dict[str, JsonColumn] = {}
    is_complete = schema is not None
    for group in grouped(_records(lines, reading), lambda record: record.size):
        if not is_complete:
            grown, known = _schema_of(group, known, reading.column)
            schema = schema or grown
            _check_grown(schema, grown, group, lines.source)
        yield ReadBatch(_batch(group, schema, lines.source), [record.line for record in group])
    if schema is None:  # no records at all
        yield ReadBatch(pa.RecordBatch.from_pylist([], schema=_empty(reading.column)), [])


def json_schema(lines: LineReader, reading: JsonReading) -> pa.Schema:
    """The columns of all records, each of the type that holds all of its values.

    Values that no type holds together stay JSON: strings in a field that says so.
    """
    known: dict[str, JsonColumn] = {}
    schema = _empty(reading.column)
    for group in grouped(_records(lines, reading), lambda record: record.size):
        schema, known = _schema_of(group, known, reading.column)
        reading.bad.taken()
    return schema


def _empty(column: str) -> pa.Schema:
    return pa.schema([pa.field(column, pa.string())])


def _schema_of(
    group: list[_Record], known: dict[str, JsonColumn], column: str
) -> tuple[pa.Schema, dict[str, JsonColumn]]:
    names = dict.fromkeys((*known, *(name for record in group for name in record.members)))
    found = {
        name: merged(known.get(name), type_of(record.members.get(name) for record in group))
        for name in names
        if name != column
    }
    fields = [
        pa.field(column, pa.string()) if name == column else found[name].field(name)
        for name in names
    ]
    return pa.schema(fields), {name: found.get(name, JsonColumn(pa.string())) for name in names}


def _batch(group: list[_Record], schema: pa.Schema, source: str) -> pa.RecordBatch:
    known = set(schema.names)
    for record in group:
        if not known.issuperset(record.members):
            name = next(name for name in record.members if name not in known)
            raise InputError(
                f"{source}, line {record.line}: the member {name!r} came while the file was read; "
                "read it again when it is complete"
            )
    arrays = []
    for field in schema:
        try:
            arrays.append(array_of([record.members.get(field.name) for record in group], field))
        except (pa.ArrowException, OverflowError, TypeError) as error:
            raise InputError(
                f"{_lines(source, group)}: a value of {field.name!r} does not fit the type "
                f"{field.type} of the others: {error}; give all of them one type"
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _check_grown(schema: pa.Schema, grown: pa.Schema, group: list[_Record], source: str) -> None:
    if not grown.equals(schema):
        name = next(field.name for field in grown if field not in schema)
        raise InputError(
            f"{_lines(source, group)}: the values of {name!r} do not fit the columns and types of "
            "the first records, and what comes through a pipe can be read only once; save it to a "
            "file and name that"
        )


def _lines(source: str, group: list[_Record]) -> str:
    return f"{source}, lines {group[0].line} to {group[-1].line}"


def _records(lines: LineReader, reading: JsonReading) -> Iterator[_Record]:
    first = True
    for line, value, text in _values(lines, reading):
        try:
            members = _object(value, lines.source, line)
            if first:
                column_position(list(members), reading.column, lines.source)
                first = False
            if reading.is_array or "\\u" in text:
                members = _without_surrogates(
                    members, reading.errors, f"{lines.source}, line {line}"
                )
            _check_text(members.get(reading.column), reading.column, f"{lines.source}, line {line}")
        except (InputError, ColumnError) as error:
            if first and isinstance(error, ColumnError):
                raise  # of the whole input
            reading.bad.found(error, source=lines.source, line=line, record=text or None)
        else:
            yield _Record(line, members, len(text))


def _values(lines: LineReader, reading: JsonReading) -> Iterator[tuple[int, Any, str]]:
    """The line of each value, the value, and its text, in whose place arrays have blanks."""
    if reading.is_array:
        for line, value, size in array_members(lines, _DECODER):
            yield line, value, " " * size
        return
    for text in lines:
        if not text.strip():
            continue
        try:
            value = _DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            failure = InputError(
                f"{lines.source}, line {lines.number}: not JSON: {error}; expected one JSON object "
                "a line"
            )
            failure.__cause__ = error
            reading.bad.found(failure, source=lines.source, line=lines.number, record=text)
        else:
            yield lines.number, value, text


def _object(value: Any, source: str, line: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(
            f"{source}, line {line}: found {_json_type(value)}; expected a JSON object"
        )
    return value


def _check_text(text: Any, column: str, place: str) -> None:
    if text is not None and not isinstance(text, str):
        raise ColumnError(f"{place}: {column!r} is {_json_type(text)}; expected a string or null")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice!r} stands twice in one object")
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)  # json.loads would make one for each line


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a truth value"}
    return names.get(type(value), "null" if value is None else "a number")


def _without_surrogates(value: Any, errors: str, where: str) -> Any:
    """The value without lone surrogates, which UTF-8 cannot hold; `errors` as in `bytes.decode`."""
    if isinstance(value, dict):
        names = [_without_surrogates(name, errors, where) for name in value]
        if len(set(names)) < len(names):
            raise InputError(
                f"{where}: names of members differ in halves of characters alone; correct them"
            )
        members = [_without_surrogates(member, errors, where) for member in value.values()]
        return dict(zip(names, members, strict=True))
    if isinstance(value, list):
        return [_without_surrogates(member, errors, where) for member in value]
    if not isinstance(value, str) or value.isascii():
        return value
    if errors == "strict" and (found := _SURROGATE.search(value)):
        raise InputError(
            f"{where}: the escape \\u{ord(found[0]):04x} is half a character; correct the text, or "
            "use --errors replace"
        )
    return _SURROGATE.sub("\ufffd" if errors == "replace" else "", value)
