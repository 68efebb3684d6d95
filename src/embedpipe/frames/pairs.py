"""Annotations for libraries without maps: metadata as lists of keys and values."""

from __future__ import annotations

import pyarrow as pa

from embedpipe.annotation import (
    ANNOTATION_FIELDS,
    METADATA_TYPE,
    AnnotationColumn,
    is_annotation_type,
)

__all__ = ["pairs_field", "with_pairs"]

_PAIR = pa.struct([pa.field("key", pa.string()), pa.field("value", pa.string())])
_PAIRS = pa.list_(pa.field("element", _PAIR))
_FIELDS = [
    pa.field(part.name, _PAIRS if part.type == METADATA_TYPE else part.type)
    for part in ANNOTATION_FIELDS
]
_TYPE = pa.list_(pa.field("element", pa.struct(_FIELDS)))


def pairs_field(field: pa.Field) -> pa.Field:
    """The field of what `with_pairs` makes of the column."""
    return field.with_type(_TYPE) if is_annotation_type(field.type) else field


def with_pairs(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of annotations, its metadata as lists of pairs; any other column as it is.

    Stages read such annotations as they read others.
    """
    if not is_annotation_type(column.type):
        return column
    return pa.chunked_array([_with_pairs(chunk) for chunk in column.chunks], _TYPE)


def _with_pairs(lists: pa.ListArray) -> pa.ListArray:
    column = AnnotationColumn.from_arrow(lists)
    metadata = column.metadata
    pairs = pa.StructArray.from_arrays([metadata.keys, metadata.items], fields=list(_PAIR))
    parts = {
        "annotatorType": pa.repeat(column.annotator_type, len(column)),
        "begin": pa.array(column.begin),
        "end": pa.array(column.end),
        "result": column.result,
        "metadata": pa.ListArray.from_arrays(metadata.offsets, pairs, type=_PAIRS),
        "embeddings": column.vectors(),
    }
    structs = pa.StructArray.from_arrays([parts[part.name] for part in _FIELDS], fields=_FIELDS)
    offsets, nulls = pa.array(column.row_offsets), column.null_rows()
    return pa.ListArray.from_arrays(offsets, structs, type=_TYPE, mask=nulls)
