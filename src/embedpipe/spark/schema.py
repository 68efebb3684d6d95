"""Spark's schemas and Arrow's: what a plan must know of columns, and what Spark of new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
from pyspark.sql.types import (
    ArrayType,
    DataType,
    DoubleType,
    FloatType,
    IntegerType,
    IntegralType,
    LongType,
    MapType,
    NullType,
    StringType,
    StructField,
    StructType,
)

from embedpipe.annotation import ANNOTATION_TYPE, METADATA_TYPE
from embedpipe.errors import ColumnError
from embedpipe.frames.columns import Column, ColumnKind, columns_of
from embedpipe.pipeline.plan import Plan
from embedpipe.stages import EmbeddingsFinisher

__all__ = [
    "annotation_metadata",
    "check_passable",
    "columns_of_spark",
    "output_type",
    "spark_field",
    "vector_columns",
]

_ANNOTATION_NAMES = frozenset(part.name for part in ANNOTATION_TYPE.value_type)
_SCALARS: tuple[tuple[pa.DataType, DataType], ...] = (
    (pa.string(), StringType()),
    (pa.float32(), FloatType()),
    (pa.float64(), DoubleType()),
    (pa.int32(), IntegerType()),
    (pa.int64(), LongType()),
)


def columns_of_spark(schema: StructType) -> list[Column]:
    """The columns of a Spark schema, as plans see them."""
    return [_column(part) for part in schema.fields]


def check_passable(schema: StructType, label: str) -> None:
    """Raise ColumnError for a column of a type that Spark does not give to Python as Arrow."""
    from pyspark.sql.pandas.types import to_arrow_type

    for part in schema.fields:
        try:
            to_arrow_type(part.dataType)
        except Exception as error:  # of whatever class: Spark's differ by version
            raise ColumnError(
                f"{label}: column {part.name!r} ({part.dataType.simpleString()}) cannot go through "
                f"Python, as all columns of the frame do ({error}). Drop or cast it before, and "
                "join it again by a key"
            ) from error


def annotation_metadata(schema: StructType) -> dict[str, dict[str, str]]:
    """By column, what Spark's metadata says of annotations, which its Arrow batches leave out."""
    return {
        part.name: _texts(part.metadata)
        for part in schema.fields
        if part.metadata and _is_annotations(part.dataType)
    }


def output_type(schema: StructType, plan: Plan) -> StructType:
    """Spark's type of the rows that a plan makes of rows of `schema`.

    Columns of the frame keep their own fields and stand before those that stages make.
    """
    fields, vectors = list(schema.fields), vector_columns(plan)
    for step in plan.steps:
        kept = [part for part in fields if part.name not in step.removed]
        fields = kept + [spark_field(part, as_vectors=part.name in vectors) for part in step.fields]
    return StructType(fields)


def vector_columns(plan: Plan) -> tuple[str, ...]:
    """The names of the columns that are lists of Spark's vectors."""
    return tuple(
        part.name
        for step in plan.steps
        if isinstance(step.stage, EmbeddingsFinisher) and step.stage.getOutputAsVector()
        for part in step.fields
    )


def spark_field(part: pa.Field, *, as_vectors: bool = False) -> StructField:
    """The field of a column that a stage makes, with the metadata that Spark NLP gives it.

    as_vectors: whether lists of numbers in it are Spark's vectors.

    >>> from embedpipe.annotation import annotation_field
    >>> spark_field(annotation_field("vectors", "word_embeddings", dimension=384)).metadata
    {'annotatorType': 'word_embeddings', 'dimension': 384}
    """
    metadata: dict[str, Any] = {k.decode(): v.decode() for k, v in (part.metadata or {}).items()}
    if "dimension" in metadata:
        metadata["dimension"] = int(metadata["dimension"])
    return StructField(part.name, _made_type(part.type, as_vectors), part.nullable, metadata)


def _made_type(kind: pa.DataType, as_vectors: bool) -> DataType:
    if not as_vectors:
        return spark_type(kind)
    from pyspark.ml.linalg import VectorUDT  # which brings all of pyspark.ml

    return ArrayType(VectorUDT(), kind.value_field.nullable)


def spark_type(kind: pa.DataType) -> DataType:
    """The Spark type of an Arrow type that stages make; ColumnError for another one."""
    for arrow, scalar in _SCALARS:
        if kind == arrow:
            return scalar
    if pa.types.is_list(kind):
        return ArrayType(spark_type(kind.value_type), kind.value_field.nullable)
    if pa.types.is_fixed_size_list(kind):  # of vectors, whose numbers are all there
        return ArrayType(spark_type(kind.value_type), containsNull=False)
    if pa.types.is_map(kind):
        return MapType(spark_type(kind.key_type), spark_type(kind.item_type))
    if pa.types.is_struct(kind):
        return StructType([spark_field(part) for part in kind])
    raise ColumnError(
        f"a column of Arrow type {kind} has no counterpart in Spark here; leave out the stage that "
        "makes it"
    )


def _column(part: StructField) -> Column:
    arrow = _arrow_type(part.dataType)
    if arrow is None:
        return Column(part.name, ColumnKind.OTHER, part.dataType.simpleString())
    (column,) = columns_of(pa.schema([pa.field(part.name, arrow, metadata=_texts(part.metadata))]))
    is_told = column.kind is ColumnKind.ANNOTATIONS  # its type is told in words
    return column if is_told else replace(column, type=part.dataType.simpleString())


def _arrow_type(kind: DataType) -> pa.DataType | None:
    """A type of the kind that plans tell apart; None for all that they do not."""
    if isinstance(kind, (StringType, NullType)):
        return pa.string()
    if isinstance(kind, IntegralType):
        return pa.int64()
    if _is_annotations(kind):
        return ANNOTATION_TYPE
    if isinstance(kind, ArrayType) and isinstance(kind.elementType, StringType):
        return pa.list_(pa.string())
    if isinstance(kind, MapType) and all(
        isinstance(part, StringType) for part in (kind.keyType, kind.valueType)
    ):
        return METADATA_TYPE
    return None


def _is_annotations(kind: DataType) -> bool:
    return (
        isinstance(kind, ArrayType)
        and isinstance(kind.elementType, StructType)
        and set(kind.elementType.names) >= _ANNOTATION_NAMES
    )


def _texts(metadata: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (metadata or {}).items()}
