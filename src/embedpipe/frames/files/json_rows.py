"""Writes record batches as JSON Lines; vectors with enough digits to restore float32."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa
from pyarrow import types

from embedpipe.errors import ColumnError, InputError
from embedpipe.frames.files.json_types import is_json_text
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
            values = _plain(array).to_pylist()
        except UnicodeDecodeError as error:
            raise InputError(
                f"the column {field.name!r} holds strings that are not UTF-8 ({error}), which JSON "
                "Lines cannot hold; correct them, or write Parquet"
            ) from error
        if is_json_text(field):
            return ["null" if value is None else value for value in values]
        return map(_dumped, values)

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

    Strings that are not UTF-8, and bytes, have escapes in their place.
    """
    found: dict[str, Any] = {}
    for field, array in zip(record.schema, record.columns, strict=True):
        if field.name in without or field.name in found:
            continue
        try:
            value = _plain(array)[0].as_py()
        except UnicodeDecodeError:
            value = array.cast(pa.binary())[0].as_py()
        if isinstance(value, bytes):
            value = value.decode("utf-8", "backslashreplace")
        as_text = json.loads(value) if is_json_text(field) and value is not None else value
        found[field.name] = json.loads(json.dumps(_finite(as_text), default=str))
    return found


def _dumped(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, (str, int)):  # the most, at less cost
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(_finite(value), ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_finite(member) for member in value]
    if isinstance(value, dict):
        return {key: _finite(member) for key, member in value.items()}
    return value


def _plain(array: Any) -> Any:
    """The array with times as strings: Python's have microseconds, Arrow's may have finer ones."""
    if types.is_temporal(array.type) and not types.is_duration(array.type):
        return array.cast(pa.string())
    return array


def _has_bytes(kind: pa.DataType) -> bool:
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return True
    if types.is_dictionary(kind):
        return _has_bytes(kind.value_type)
    return any(_has_bytes(kind.field(i).type) for i in range(kind.num_fields))
