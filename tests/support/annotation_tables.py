"""Small tables of annotations, written by hand, and annotations as plain tuples."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from embedpipe.annotation import METADATA_TYPE, AnnotationColumn, annotation_field
from embedpipe.annotator import SentenceDetector, Tokenizer
from embedpipe.base import DocumentAssembler


def text_stages():
    return [
        DocumentAssembler(inputCol="text"),
        SentenceDetector(inputCols=["document"], outputCol="sentence"),
        Tokenizer(inputCols=["sentence"]),
    ]


def annotations(kind, rows, dimension=None, name="column"):
    """A table of one column; an annotation is (begin, end, result, metadata[, vector])."""
    flat = [annotation for row in rows for annotation in row or []]
    offsets = np.cumsum([0, *(len(row or []) for row in rows)]).astype(np.int32)
    metadata = [list(annotation[3].items()) for annotation in flat]
    vectors = [annotation[4] if len(annotation) > 4 else [] for annotation in flat]
    column = AnnotationColumn(
        annotator_type=kind,
        row_offsets=offsets,
        begin=np.array([a[0] for a in flat], np.int32),
        end=np.array([a[1] for a in flat], np.int32),
        result=pa.array([a[2] for a in flat], pa.string()),
        metadata=pa.array(metadata, METADATA_TYPE),
        embeddings=np.array(vectors, np.float32).reshape(-1, dimension) if dimension else None,
        valid_rows=np.array([row is not None for row in rows]) if None in rows else None,
    )
    field = annotation_field(name, kind, dimension=dimension, ref="w" if dimension else None)
    return pa.table([column.to_arrow()], schema=pa.schema([field]))


def beside(*tables):
    """Tables of as many rows as one."""
    fields = [field for table in tables for field in table.schema]
    return pa.table([c for table in tables for c in table.columns], schema=pa.schema(fields))


def shown(table, name="chunk"):
    rows = AnnotationColumn.from_arrow(table[name]).rows()
    return [None if row is None else [(a.begin, a.end, a.result) for a in row] for row in rows]


def words(rows):
    """A table of word vectors of two numbers."""
    return annotations("word_embeddings", rows, dimension=2, name="words")
