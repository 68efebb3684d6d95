"""Limits on how much text the stages process at once, which limit memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["MAX_ROWS", "MAX_TEXT_BYTES", "bounded"]

# A window wide enough to form full chunks of similar lengths from, and to meet most words often:
# some 30,000 pieces of everyday sentences. Their vectors take 45 MB at 384 numbers each.
MAX_ROWS = 1024
# Rows may be whole books. A mebibyte of text is about 250,000 pieces.
MAX_TEXT_BYTES = 1 << 20


def bounded(
    batches: Iterable[pa.RecordBatch], text_columns: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Cut batches into slices of at most `MAX_ROWS` rows and `MAX_TEXT_BYTES` of text.

    A single row longer than that stands alone. Nothing is copied or joined; empty batches pass.
    """
    for batch in batches:
        cuts = _cuts(_text_bytes(batch, text_columns))
        for start, stop in pairwise(cuts):
            yield batch.slice(start, stop - start)


def _text_bytes(batch: pa.RecordBatch, names: Sequence[str]) -> np.ndarray:
    """Bytes of text in each row, int64 (rows,)."""
    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    for name in names:
        index = batch.schema.get_field_index(name)
        if index < 0:
            continue
        column = batch.column(index)
        if pa.types.is_null(column.type):
            continue
        lengths = pc.fill_null(pc.binary_length(pc.cast(column, pa.large_string())), 0)
        sizes += lengths.to_numpy(zero_copy_only=False)
    return sizes


def _cuts(sizes: np.ndarray) -> list[int]:
    """The rows at which to cut, from 0 to the number of rows."""
    rows = len(sizes)
    ends = np.cumsum(sizes)
    cuts = [0]
    while cuts[-1] < rows:
        start = cuts[-1]
        before = ends[start - 1] if start else 0
        within = int(np.searchsorted(ends, before + MAX_TEXT_BYTES, side="right"))
        cuts.append(min(max(within, start + 1), start + MAX_ROWS, rows))
    return cuts if rows else [0, 0]
