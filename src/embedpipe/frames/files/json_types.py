"""Arrow types for the members of JSON objects; values that no type fits stay JSON text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import types

from embedpipe.frames.files.batches import string_array

__all__ = ["JSON_TEXT", "JsonColumn", "array_of", "finite", "is_json_text", "merged", "type_of"]

JSON_TEXT = {b"embedpipe": b'{"content": "json"}'}
"""Metadata of a field whose strings are JSON: values of several types, each as it stood."""

_MOST_LEAVES = 256
"""More columns than this in one object are keys, not names: it stays JSON."""

_DEEPEST = 20
"""What is nested deeper stays JSON: readers of Parquet give up at about twice that."""


@dataclass(frozen=True)
class JsonColumn:
    """The type of all values of a member so far; None where they stay JSON."""

    type: pa.DataType | None

    def field(self, name: str) -> pa.Field:
        """The Arrow field. Objects without members stay JSON, as Parquet has no type for them."""
        if self.type is None or _has_empty_struct(self.type):
            return pa.field(name, pa.string(), metadata=JSON_TEXT)
        return pa.field(name, self.type)


def type_of(values: Iterable[Any]) -> JsonColumn:
    """The type of some values, which may be None.

    >>> type_of([1, None, 2.5]).type, type_of([1, "one"]).type
    (DataType(double), None)
    """
    try:
        return _bounded(pa.array(values).type)
    except (pa.ArrowException, OverflowError):
        return JsonColumn(None)


def merged(one: JsonColumn | None, other: JsonColumn) -> JsonColumn:
    """The type for the values of both; `one` is None if there were no values before."""
    if one is None or one.type == other.type:
        return other
    if one.type is None or other.type is None:
        return JsonColumn(None)
    schemas = [pa.schema([("", kind)]) for kind in (one.type, other.type)]
    try:
        return _bounded(pa.unify_schemas(schemas, promote_options="permissive").field(0).type)
    except pa.ArrowException:
        return JsonColumn(None)


def array_of(values: Sequence[Any], field: pa.Field) -> pa.Array:
    """The values in the field's type; ArrowException or OverflowError if they do not fit."""
    if types.is_string(field.type) and not is_json_text(field):
        return string_array(values)
    if is_json_text(field):
        texts = [
            None if value is None else json.dumps(finite(value), ensure_ascii=False)
            for value in values
        ]
        return string_array(texts)
    return pa.array(values, field.type)


def is_json_text(field: pa.Field) -> bool:
    """Whether the strings of this column are JSON."""
    said = (field.metadata or {}).get(b"embedpipe")
    return types.is_string(field.type) and bool(said == JSON_TEXT[b"embedpipe"])


def finite(value: Any) -> Any:
    """The value with null for infinities and NaN, which JSON has not."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [finite(member) for member in value]
    if isinstance(value, dict):
        return {key: finite(member) for key, member in value.items()}
    return value


def _bounded(kind: pa.DataType) -> JsonColumn:
    is_small = _depth(kind) <= _DEEPEST and _leaves(kind) <= _MOST_LEAVES
    return JsonColumn(kind if is_small else None)


def _children(kind: pa.DataType) -> list[pa.DataType]:
    return [kind.field(i).type for i in range(kind.num_fields)]


def _depth(kind: pa.DataType) -> int:
    return 1 + max(map(_depth, _children(kind)), default=0)


def _leaves(kind: pa.DataType) -> int:
    return max(1, sum(map(_leaves, _children(kind))))


def _has_empty_struct(kind: pa.DataType) -> bool:
    if types.is_struct(kind) and not kind.num_fields:
        return True
    return any(map(_has_empty_struct, _children(kind)))
