"""Writes record batches as JSON Lines; vectors with enough digits to restore float32."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any

import pyarrow as pa
from pyarrow import types

from embedpipe.errors import ColumnError, InputError
from embedpipe.frames.files.json_types import finite, is_json_text
from embedpipe.frames.files.vectors import MADE_WITH, stored_rows

__all__ = ["MODEL_SUFFIX", "JsonLinesRows", "record_values"]

MODEL_SUFFIX = "_model"
"""Behind the name of the vectors: the member that says what made them, in every object."""


class JsonLinesRows:
    """Formats records as objects: all columns in order, then what the vectors were made with.

    Numbers of vectors have nine digits, which give back the same float32. Dates, times and decimals
    become strings; values that are no finite numbers become null, as JSON has none.
    """

    def __init__(self, schema: pa.Schema, vectors: str) -> None:
        """Raise ColumnError for two columns of one name, and for bytes, which JSON cannot hold."""
        self._schema = schema
        self._vectors = vectors
        dimension = schema.field(vectors).type.list_size
        self._numbers = "[" + ", ".join(["%.9g"] * dimension) + "]"
        made_with = (schema.field(vectors).metadata or {}).get(MADE_WITH, b"null").decode()
        names = [*schema.names, vectors + MODEL_SUFFIX]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ColumnError(
                f"two columns are named {twice[0]!r}, which JSON Lines cannot hold; rename one, or "
                "write Parquet"
            )
        for field in schema:
            if _has_bytes(field.type):
                raise ColumnError(
                    f"the column {field.name!r} has the type {field.type}, which JSON Lines cannot "
                    "hold; write Parquet"
                )
        keys = [json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in names]
        members = ", ".join(f"{key}: %s" for key in keys[:-1])
        self._line = f"{{{members}, {keys[-1]}: {made_with.replace('%', '%%')}}}\n"

    def lines(self, records: pa.RecordBatch) -> str:
        """One line per record."""
        columns = [
            self._fragments(array, field)
            for array, field in zip(records.columns, self._schema, strict=True)
        ]
        return "".join(self._line % row for row in zip(*columns, strict=True))

    def _fragments(self, array: Any, field: pa.Field) -> Iterable[str]:
        """The values of a column as JSON."""
        if field.name == self._vectors:
            return self._arrays(array)
        try:
            values = _recast(array, _time_as_string).to_pylist()
        except UnicodeDecodeError as error:
            raise InputError(
                f"the column {field.name!r} holds strings that are not UTF-8 ({error}), which JSON "
                "Lines cannot hold; correct them, or write Parquet"
            ) from error
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise InputError(
                f"the column {field.name!r} has the type {field.type} and cannot be written as "
                f"JSON: {error}; leave it out with --keep, or write Parquet"
            ) from error
        return map(_dumped, map(_parsed, values) if is_json_text(field) else values)

    def _arrays(self, lists: Any) -> list[str]:
        rows = stored_rows(lists)
        if not lists.null_count:  # is_valid would load Arrow's functions, for 25 ms
            return [self._array(row) for row in rows]
        present = lists.is_valid().to_pylist()
        return [
            self._array(row) if there else "null" for row, there in zip(rows, present, strict=True)
        ]

    def _array(self, vector: Any) -> str:
        numbers = self._numbers % tuple(vector.tolist())
        if "-0," not in numbers and not numbers.endswith("-0]"):
            return numbers
        return numbers.replace("-0,", "-0.0,").replace("-0]", "-0.0]")  # -0 would be an integer


def record_values(record: pa.RecordBatch, without: Collection[str]) -> dict[str, Any]:
    """The columns of a batch with one record, as values that JSON can represent.

    Strings that are not UTF-8, and bytes, have escapes in their place; for what Python cannot hold
    stands why.
    """
    found: dict[str, Any] = {}
    for field, array in zip(record.schema, record.columns, strict=True):
        if field.name in without or field.name in found:
            continue
        try:
            value = _first(array)
        except (pa.ArrowException, ValueError, OverflowError) as error:
            value = f"{field.type}: {error}"
        known = _parsed(value) if is_json_text(field) else value
        found[field.name] = json.loads(json.dumps(finite(known), default=_shown))
    return found


def _first(array: Any) -> Any:
    """The first value, with bytes for strings where one is not UTF-8."""
    try:
        return _recast(array, _time_as_string)[0].as_py()
    except UnicodeDecodeError:
        return _recast(_recast(array, _time_as_string), _string_as_bytes)[0].as_py()


def _shown(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _parsed(text: Any) -> Any:
    """What a column of JSON says; a text as it is where that is no JSON after all."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def _dumped(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, (str, int)):  # the most, at less cost
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(finite(value), ensure_ascii=False, default=str)


def _time_as_string(kind: pa.DataType) -> pa.DataType:
    """Strings for times: Python's have microseconds and four digits for a year, Arrow's more."""
    is_time = types.is_temporal(kind) and not types.is_duration(kind)
    return pa.string() if is_time else kind


def _string_as_bytes(kind: pa.DataType) -> pa.DataType:
    return pa.binary() if types.is_string(kind) or types.is_large_string(kind) else kind


def _recast(array: Any, change: Callable[[pa.DataType], pa.DataType]) -> Any:
    """The array with the types within its own changed."""
    kind = _changed(array.type, change)
    return array if kind == array.type else array.cast(kind)


def _changed(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    if types.is_dictionary(kind):
        value = change(kind.value_type)
        return kind if value == kind.value_type else value
    if types.is_struct(kind):
        return pa.struct([_changed_field(kind.field(i), change) for i in range(kind.num_fields)])
    if types.is_map(kind):
        return pa.map_(
            _changed_field(kind.key_field, change), _changed_field(kind.item_field, change)
        )
    if types.is_fixed_size_list(kind):
        return pa.list_(_changed_field(kind.value_field, change), kind.list_size)
    if types.is_list(kind) or types.is_large_list(kind):
        make = pa.list_ if types.is_list(kind) else pa.large_list
        return make(_changed_field(kind.value_field, change))
    return change(kind)


def _changed_field(field: pa.Field, change: Callable[[pa.DataType], pa.DataType]) -> pa.Field:
    return field.with_type(_changed(field.type, change))


def _has_bytes(kind: pa.DataType) -> bool:
    is_view = getattr(types, "is_binary_view", lambda _: False)  # since pyarrow 16
    if types.is_binary(kind) or types.is_large_binary(kind) or is_view(kind):
        return True
    if types.is_fixed_size_binary(kind):
        return True
    if types.is_dictionary(kind):
        return _has_bytes(kind.value_type)
    return any(_has_bytes(kind.field(i).type) for i in range(kind.num_fields))
