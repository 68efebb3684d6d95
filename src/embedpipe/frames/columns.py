"""What is known of a frame's columns before anything runs: enough to check a pipeline by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from embedpipe.annotation import annotator_type_of, is_annotation_type

__all__ = ["Column", "Kinds", "columns_of", "described", "is_text_type", "with_annotator_types"]


class Kinds:
    """What stages distinguish in a column, beside the annotator types of `AnnotatorType`."""

    TEXT = "text"
    INTEGERS = "integers"
    STRINGS = "strings"  # a list of them in each row
    STRING_MAP = "string map"
    ANNOTATIONS = "annotations"  # of a type that the frame does not tell
    OTHER = "other"
    UNKNOWN = "unknown"  # a column that may be anything, since there is no frame yet


_PLAIN = {Kinds.TEXT, Kinds.STRINGS, Kinds.STRING_MAP, Kinds.INTEGERS, Kinds.OTHER}


@dataclass(frozen=True)
class Column:
    """A column's name, its kind (one of `Kinds`, or an annotator type) and its type in words.

    `metadata` is that of its Arrow field, where it is known.
    """

    name: str
    kind: str
    type: str
    metadata: Mapping[bytes, bytes] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"

    @property
    def holds_annotations(self) -> bool:
        """Whether these are annotations, of whatever type."""
        return self.kind not in _PLAIN and self.kind != Kinds.UNKNOWN

    def serves_as(self, kind: str) -> bool:
        """Whether a stage that needs `kind` may read this column."""
        if kind in (self.kind, Kinds.OTHER) or self.kind == Kinds.UNKNOWN:
            return True
        if kind == Kinds.ANNOTATIONS:
            return self.holds_annotations
        return self.kind == Kinds.ANNOTATIONS and kind not in _PLAIN


def described(kind: str) -> str:
    """A kind in words, for messages.

    >>> described("token")
    'annotations of type token'
    """
    words = {
        Kinds.TEXT: "strings",
        Kinds.STRINGS: "lists of strings",
        Kinds.INTEGERS: "integers",
        Kinds.STRING_MAP: "maps from string to string",
        Kinds.ANNOTATIONS: "annotations",
        Kinds.OTHER: "values of any type",
    }
    return words.get(kind, f"annotations of type {kind}")


def is_text_type(arrow_type: pa.DataType) -> bool:
    """Whether a column of this type is text: any of Arrow's string types, or nothing but nulls."""
    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    view = getattr(pa.types, "is_string_view", lambda _: False)
    checks = (pa.types.is_string, pa.types.is_large_string, pa.types.is_null, view)
    return any(check(arrow_type) for check in checks)


def columns_of(schema: pa.Schema) -> list[Column]:
    """The columns of a schema.

    >>> [str(column) for column in columns_of(pa.schema([("text", pa.string()), ("n", pa.int8())]))]
    ["'text' (string)", "'n' (int8)"]
    """
    return [_column(part) for part in schema]


def with_annotator_types(table: pa.Table) -> pa.Table:
    """The table with the annotator type in each field's metadata, read from the data if need be.

    Metadata of fields is lost where a table passes through pandas or a file without it.
    """
    fields = list(table.schema)
    for i, part in enumerate(fields):
        if is_annotation_type(part.type) and annotator_type_of(part) is None:
            found = _first_annotator_type(table.column(i))
            if found:
                fields[i] = part.with_metadata({**(part.metadata or {}), "annotatorType": found})
    return pa.table(table.columns, schema=pa.schema(fields, table.schema.metadata))


def _column(part: pa.Field) -> Column:
    if is_annotation_type(part.type):
        kind = annotator_type_of(part) or Kinds.ANNOTATIONS
        return Column(part.name, kind, described(kind), part.metadata or {})
    return Column(part.name, _plain_kind(part.type), str(part.type), part.metadata or {})


def _plain_kind(arrow_type: pa.DataType) -> str:
    if is_text_type(arrow_type):
        return Kinds.TEXT
    if pa.types.is_integer(arrow_type):
        return Kinds.INTEGERS
    if pa.types.is_map(arrow_type) and arrow_type.key_type == arrow_type.item_type == pa.string():
        return Kinds.STRING_MAP
    lists = pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type)
    return Kinds.STRINGS if lists and is_text_type(arrow_type.value_type) else Kinds.OTHER


def _first_annotator_type(column: pa.ChunkedArray) -> str | None:
    for chunk in column.chunks:
        annotations = chunk.flatten()
        if len(annotations):
            kind = annotations[0]["annotatorType"]
            return None if kind is None else kind.as_py()
    return None
