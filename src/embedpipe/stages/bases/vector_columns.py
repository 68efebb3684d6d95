"""Plain columns of vectors, made of annotations: lists of fixed size, one or several a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.annotation import AnnotationColumn
from embedpipe.errors import InputError
from embedpipe.frames.files.vectors import Vectors

__all__ = ["fixed_size_lists", "vector_per_row"]

Rows = npt.NDArray[np.int64]


def vector_per_row(column: AnnotationColumn, kind: Any, rows: Rows) -> pa.FixedSizeListArray:
    """The only vector of each row, of the type `kind`; null where a row has none.

    The vectors' memory is shared where every row has one. InputError names a row, by its number in
    `rows` (rows,), that has several, or one of another length.
    """
    counts = np.diff(column.row_offsets)
    if counts.max(initial=0) > 1:
        row = int(np.argmax(counts > 1))
        raise InputError(
            f"row {rows[row]} has {counts[row]} vectors; expected one a row, as outputAs='vector' "
            "has it. Let the embeddings read documents instead of sentences, pool them with "
            "SentenceEmbeddings over documents, set explodeSentences, or outputAs='vectors'"
        )
    values, present = _checked(column, kind.list_size, rows)
    if len(values) == column.row_count:
        return Vectors(values, present).to_arrow()
    spread = np.zeros((column.row_count, kind.list_size), np.float32)
    there = counts > 0
    spread[there] = values
    there[there] = present
    return Vectors(spread, there).to_arrow()


def fixed_size_lists(column: AnnotationColumn, kind: Any, rows: Rows) -> pa.ListArray:
    """All vectors of each row, of the type `kind`; null for an annotation without a vector.

    The vectors' memory is shared. InputError names a row, by its number in `rows` (rows,), with a
    vector of another length.
    """
    values, present = _checked(column, kind.value_type.list_size, rows)
    vectors = Vectors(values, present).to_arrow()
    offsets, nulls = pa.array(column.row_offsets), column.null_rows()
    return pa.ListArray.from_arrays(offsets, vectors, type=kind, mask=nulls)


def _checked(
    column: AnnotationColumn, dimension: int, rows: Rows
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The vectors (n, dimension), and which are there: an empty one is none."""
    n, values, lengths = len(column), column.embeddings, column.vector_lengths
    if values is None:
        return np.zeros((n, dimension), np.float32), np.zeros(n, np.bool_)
    if lengths is None:
        lengths = np.full(n, values.shape[1], np.int32)
    wrong = (lengths != dimension) & (lengths != 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"row {rows[column.row_of[first]]} has a vector of {lengths[first]} numbers; expected "
            f"{dimension}, the dimension that the column says it has. Set `dimension` of the stage "
            "that makes it, or outputAs='lists'"
        )
    if values.shape[1] != dimension:  # all are empty
        values = np.zeros((n, dimension), np.float32)
    return values, lengths == dimension
