"""Descriptions of a frame's columns, by which a pipeline is checked before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import pyarrow as pa

from embedpipe.annotation import annotator_type_of, is_annotation_type

__all__ = [
    "ANNOTATIONS",
    "ANYTHING",
    "INTEGERS",
    "TEXTS",
    "TEXT_LISTS",
    "TEXT_MAPS",
    "Column",
    "ColumnKind",
    "Need",
    "annotations_of",
    "columns_of",
    "is_text_type",
    "with_annotator_types",
]


class ColumnKind(Enum):
    """The kinds of columns that stages distinguish; the values are used in error messages."""

    TEXT = "strings"
    INTEGERS = "integers"
    TEXT_LISTS = "lists of strings"
    TEXT_MAPS = "maps from string to string"
    ANNOTATIONS = "annotations"
    OTHER = "values of any type"
    UNKNOWN = "a column of the frame"  # which may be anything, since there is no frame yet


@dataclass(frozen=True)
class Column:
    """A column's name, its kind and its Arrow type, or a frame's own type, in words.

    Of annotations, `annotator_type` is their type, and `offset_unit` what their begins and ends
    count, each None where the frame does not tell. `metadata` is that of its Arrow field, where it
    is known.
    """

    name: str
    kind: ColumnKind
    type: str
    annotator_type: str | None = None
    offset_unit: str | None = None
    metadata: Mapping[bytes, bytes] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"


@dataclass(frozen=True)
class Need:
    """What a stage requires of a column: one of these kinds; of annotations, one of these types.

    Without `annotator_types`, annotations of any type will do.

    >>> str(annotations_of("token"))
    'annotations of type token'
    """

    kinds: tuple[ColumnKind, ...]
    annotator_types: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = " or ".join(kind.value for kind in self.kinds)
        types = " or ".join(self.annotator_types)
        return f"{words} of type {types}" if types else words

    @property
    def kind(self) -> ColumnKind:
        """The preferred kind."""
        return self.kinds[0]

    def met_by(self, column: Column) -> bool:
        """Whether the column meets this need, as far as its type is known."""
        if column.kind is ColumnKind.UNKNOWN or ColumnKind.OTHER in self.kinds:
            return True
        types = self.annotator_types
        fits = not types or column.annotator_type is None or column.annotator_type in types
        return column.kind in self.kinds and fits


def annotations_of(*annotator_types: str) -> Need:
    """Requires annotations of one of these types, or of any type if none is given."""
    return Need((ColumnKind.ANNOTATIONS,), annotator_types)


TEXTS = Need((ColumnKind.TEXT,))
INTEGERS = Need((ColumnKind.INTEGERS,))
TEXT_LISTS = Need((ColumnKind.TEXT_LISTS,))
TEXT_MAPS = Need((ColumnKind.TEXT_MAPS,))
ANNOTATIONS = annotations_of()
ANYTHING = Need((ColumnKind.OTHER,))


def is_text_type(arrow_type: pa.DataType) -> bool:
    """Whether the type is one of Arrow's string types, or null."""
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
    """Add annotator types and dimensions to the fields' metadata, from the data where missing.

    Metadata of fields is lost where a table passes through pandas or a file without it.
    """
    fields = list(table.schema)
    for i, part in enumerate(fields):
        if is_annotation_type(part.type) and annotator_type_of(part) is None:
            found = _told_by_the_first(table.column(i))
            if found:
                fields[i] = part.with_metadata({**found, **(part.metadata or {})})
    return pa.table(table.columns, schema=pa.schema(fields, table.schema.metadata))


def _column(part: pa.Field) -> Column:
    metadata = part.metadata or {}
    if is_annotation_type(part.type):
        found = annotator_type_of(part)
        words = str(annotations_of(*([found] if found else [])))
        unit = metadata.get(b"offsetUnit")
        return Column(
            part.name,
            ColumnKind.ANNOTATIONS,
            words,
            annotator_type=found,
            offset_unit=unit and unit.decode(),
            metadata=metadata,
        )
    return Column(part.name, _plain_kind(part.type), str(part.type), metadata=metadata)


def _plain_kind(arrow_type: pa.DataType) -> ColumnKind:
    if is_text_type(arrow_type):
        return ColumnKind.TEXT
    if pa.types.is_integer(arrow_type):
        return ColumnKind.INTEGERS
    if pa.types.is_map(arrow_type) and arrow_type.key_type == arrow_type.item_type == pa.string():
        return ColumnKind.TEXT_MAPS
    lists = pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type)
    of_text = lists and is_text_type(arrow_type.value_type)
    return ColumnKind.TEXT_LISTS if of_text else ColumnKind.OTHER


def _told_by_the_first(column: pa.ChunkedArray) -> dict[bytes, bytes]:
    """The metadata that the first annotation tells: its type, and the width of its vector."""
    for chunk in column.chunks:
        annotations = chunk.flatten()
        if len(annotations):
            first = annotations[0]
            kind, vector = first["annotatorType"].as_py(), first["embeddings"].as_py()
            told = {b"annotatorType": kind and kind.encode()}
            told[b"dimension"] = str(len(vector)).encode() if vector else None
            return {key: value for key, value in told.items() if value}
    return {}
