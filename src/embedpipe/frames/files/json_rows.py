"""Writes record batches as JSON Lines; vectors with enough digits to restore float32."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa

from embedpipe.errors import ColumnError
from embedpipe.frames.files.json_types import finite, is_json_text
from embedpipe.frames.files.plain_values import (
    VectorTexts,
    check_no_bytes,
    column_values,
    dumped,
    parsed,
    recast,
    string_as_bytes,
    time_as_string,
)
from embedpipe.frames.files.vectors import MADE_WITH

__all__ = ["MODEL_SUFFIX", "JsonLinesRows", "record_values"]

_FORM = "JSON Lines"

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
        self._texts = VectorTexts(schema.field(vectors))
        made_with = (schema.field(vectors).metadata or {}).get(MADE_WITH, b"null").decode()
        names = [*schema.names, vectors + MODEL_SUFFIX]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ColumnError(
                f"two columns are named {twice[0]!r}, which {_FORM} cannot hold; rename one, or "
                "write Parquet"
            )
        check_no_bytes(schema, _FORM)
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
            return [text or "null" for text in self._texts.of(array)]
        return map(dumped, column_values(array, field, _FORM))


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
        known = parsed(value) if is_json_text(field) else value
        found[field.name] = json.loads(json.dumps(finite(known), default=_shown))
    return found


def _first(array: Any) -> Any:
    """The first value, with bytes for strings where one is not UTF-8."""
    try:
        return recast(array, time_as_string)[0].as_py()
    except UnicodeDecodeError:
        return recast(recast(array, time_as_string), string_as_bytes)[0].as_py()


def _shown(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
