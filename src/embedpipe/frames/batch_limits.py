"""Limits on how much text the stages process at once, which limit memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

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
    batches: Iterable[pa.RecordBatch],
    text_columns: Sequence[str] = (),
    at_once: Callable[[int], int] = int,
) -> Iterator[pa.RecordBatch]:
    """Cut batches into slices of at most `MAX_ROWS` rows and `MAX_TEXT_BYTES` of text.

    A single row longer than that stands alone. Nothing is copied or joined; empty batches pass.
    `at_once` is asked before each slice how many rows it may have, of so many at most.
    """
    for batch in batches:
        rows = batch.num_rows
        if not rows:
            yield batch
        ends = np.cumsum(_text_bytes(batch, text_columns))
        start = 0
        while start < rows:
            before = ends[start - 1] if start else 0
            within = int(np.searchsorted(ends, before + MAX_TEXT_BYTES, side="right"))
            stop = min(max(within, start + 1), start + at_once(MAX_ROWS), rows)
            yield batch.slice(start, stop - start)
            start = stop


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
