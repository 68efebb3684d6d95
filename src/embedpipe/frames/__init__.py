"""Adapters between data frames and streams of Arrow record batches: stages see only batches."""

from embedpipe.frames.adapter import columns_of_frame, transform_frame
from embedpipe.frames.batch_limits import MAX_ROWS, bounded
from embedpipe.frames.columns import (
    ANNOTATIONS,
    ANYTHING,
    INTEGERS,
    TEXT_LISTS,
    TEXT_MAPS,
    TEXTS,
    Column,
    ColumnKind,
    Need,
    annotations_of,
    columns_of,
)

__all__ = [
    "ANNOTATIONS",
    "ANYTHING",
    "INTEGERS",
    "MAX_ROWS",
    "TEXTS",
    "TEXT_LISTS",
    "TEXT_MAPS",
    "Column",
    "ColumnKind",
    "Need",
    "annotations_of",
    "bounded",
    "columns_of",
    "columns_of_frame",
    "transform_frame",
]
