"""Values of columns as texts can hold them: what JSON Lines and CSV have in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
from pyarrow import types

from embedpipe.errors import ColumnError, InputError
from embedpipe.frames.files.json_types import finite, is_json_text
from embedpipe.frames.files.vectors import stored_rows

__all__ = [
    "VectorTexts",
    "check_no_bytes",
    "column_values",
    "dumped",
    "parsed",
    "recast",
    "string_as_bytes",
    "time_as_string",
]


class VectorTexts:
    """Vectors as arrays of JSON; numbers have nine digits, which give back the same float32."""

    def __init__(self, field: pa.Field) -> None:
        """field: of the vectors."""
        self._numbers = "[" + ", ".join(["%.9g"] * field.type.list_size) + "]"

    def of(self, lists: Any) -> list[str | None]:
        """One for each row, None for null."""
        rows = stored_rows(lists)
        if not lists.null_count:  # is_valid would load Arrow's functions, for 25 ms
            return [self._text(row) for row in rows]
        present = lists.is_valid().to_pylist()
        return [
            self._text(row) if there else None for row, there in zip(rows, present, strict=True)
        ]

    def _text(self, vector: Any) -> str:
        numbers = self._numbers % tuple(vector.tolist())
        if "-0," not in numbers and not numbers.endswith("-0]"):
            return numbers
        return numbers.replace("-0,", "-0.0,").replace("-0]", "-0.0]")  # -0 would be an integer


def check_no_bytes(schema: pa.Schema, form: str) -> None:
    """Raise ColumnError for bytes, which no text can hold; form: the format's name."""
    for field in schema:
        if _has_bytes(field.type):
            raise ColumnError(
                f"the column {field.name!r} has the type {field.type}, which {form} cannot "
                "hold; write Parquet"
            )


def column_values(array: Any, field: pa.Field, form: str) -> list[Any]:
    """The values of a column as Python's, times as strings, JSON text as what it says.

    Raises InputError for what cannot be read; form: the name of the format it is for.
    """
    try:
        values = recast(array, time_as_string).to_pylist()
    except UnicodeDecodeError as error:
        raise InputError(
            f"the column {field.name!r} holds strings that are not UTF-8 ({error}), which {form} "
            "cannot hold; correct them, or write Parquet"
        ) from error
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise InputError(
            f"the column {field.name!r} has the type {field.type} and cannot be written as "
            f"{form}: {error}; leave it out with --keep, or write Parquet"
        ) from error
    return [parsed(value) for value in values] if is_json_text(field) else values


def parsed(text: Any) -> Any:
    """What a column of JSON says; a text as it is where that is no JSON after all."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def dumped(value: Any) -> str:
    """As JSON; infinities and NaN as null."""
    if value is None:
        return "null"
    if isinstance(value, (str, int)):  # the most, at less cost
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(finite(value), ensure_ascii=False, default=str)


def time_as_string(kind: pa.DataType) -> pa.DataType:
    """Strings for times: Python's have microseconds and four digits for a year, Arrow's more."""
    is_time = types.is_temporal(kind) and not types.is_duration(kind)
    return pa.string() if is_time else kind


def string_as_bytes(kind: pa.DataType) -> pa.DataType:
    """Bytes for strings, which Python cannot hold where they are not UTF-8."""
    return pa.binary() if types.is_string(kind) or types.is_large_string(kind) else kind


def recast(array: Any, change: Callable[[pa.DataType], pa.DataType]) -> Any:
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
