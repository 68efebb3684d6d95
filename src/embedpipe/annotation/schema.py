"""The Arrow type of annotation columns, equal to Spark NLP's, and their field metadata."""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "ANNOTATION_FIELDS",
    "ANNOTATION_TYPE",
    "METADATA_TYPE",
    "VECTOR_TYPE",
    "WITH_VECTORS",
    "AnnotatorType",
    "OffsetUnit",
    "annotation_field",
    "annotator_type_of",
    "is_annotation_type",
]


class AnnotatorType:
    """The kinds of annotation, as Spark NLP names them."""

    DOCUMENT = "document"
    TOKEN = "token"  # noqa: S105 - a kind of annotation, not a password
    CHUNK = "chunk"
    WORD_EMBEDDINGS = "word_embeddings"
    SENTENCE_EMBEDDINGS = "sentence_embeddings"


class OffsetUnit:
    """What begin and end count."""

    UTF16 = "utf16"
    CODE_POINT = "codepoint"


WITH_VECTORS = (AnnotatorType.WORD_EMBEDDINGS, AnnotatorType.SENTENCE_EMBEDDINGS)

METADATA_TYPE = pa.map_(pa.string(), pa.string())
VECTOR_TYPE = pa.list_(pa.field("element", pa.float32(), nullable=False))

ANNOTATION_FIELDS = (
    pa.field("annotatorType", pa.string()),
    pa.field("begin", pa.int32(), nullable=False),
    pa.field("end", pa.int32(), nullable=False),
    pa.field("result", pa.string()),
    pa.field("metadata", METADATA_TYPE),
    pa.field("embeddings", VECTOR_TYPE),
)

# A list of annotations per row, with the nullability of Spark NLP's schema.
ANNOTATION_TYPE = pa.list_(pa.field("element", pa.struct(ANNOTATION_FIELDS)))

_NAMES = frozenset(part.name for part in ANNOTATION_FIELDS)


def annotation_field(
    name: str,
    annotator_type: str,
    *,
    dimension: int | None = None,
    ref: str | None = None,
    offset_unit: str = OffsetUnit.UTF16,
) -> pa.Field:
    """The Arrow field of an annotation column, with the column metadata that Spark NLP keeps.

    `dimension` and `ref` belong to columns of vectors: their width and the storageRef of the stage.
    `offset_unit` (one of `OffsetUnit`) is stated if it differs from Spark NLP's.

    >>> annotation_field("vectors", "word_embeddings", dimension=384).metadata
    {b'annotatorType': b'word_embeddings', b'dimension': b'384'}
    """
    metadata = {"annotatorType": annotator_type}
    if dimension is not None:
        metadata["dimension"] = str(dimension)
    if ref is not None:
        metadata["ref"] = ref
    if offset_unit != OffsetUnit.UTF16:
        metadata["offsetUnit"] = offset_unit
    return pa.field(name, ANNOTATION_TYPE, metadata=metadata)


def annotator_type_of(column: pa.Field) -> str | None:
    """The annotator type in a field's metadata, None if it has none."""
    found = (column.metadata or {}).get(b"annotatorType")
    return None if found is None else found.decode()


def is_annotation_type(arrow_type: pa.DataType) -> bool:
    """Whether a column of this type holds annotations: lists of structs with the six fields."""
    if not (pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type)):
        return False
    element = arrow_type.value_type
    return pa.types.is_struct(element) and {part.name for part in element} >= _NAMES
