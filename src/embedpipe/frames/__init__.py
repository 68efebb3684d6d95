"""Adapters between data frames and streams of Arrow record batches: stages see only batches."""

from embedpipe.frames.adapter import BatchTransformer, columns_of_frame, transform_frame
from embedpipe.frames.batch_limits import MAX_ROWS, bounded
from embedpipe.frames.columns import Column, Kinds, columns_of

__all__ = [
    "MAX_ROWS",
    "BatchTransformer",
    "Column",
    "Kinds",
    "bounded",
    "columns_of",
    "columns_of_frame",
    "transform_frame",
]
