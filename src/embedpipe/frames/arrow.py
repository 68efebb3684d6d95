"""Tables, record batches and readers of Arrow in; the same out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.frames.columns import with_annotator_types

if TYPE_CHECKING:
    from embedpipe.frames.adapter import BatchTransformer

__all__ = ["TRANSFORMS", "as_table"]


def as_table(frame: pa.Table | pa.RecordBatch) -> pa.Table:
    """A table that says in its metadata what type of annotations each column holds."""
    return with_annotator_types(
        pa.Table.from_batches([frame]) if isinstance(frame, pa.RecordBatch) else frame
    )


def _transform_table(table: pa.Table, transformer: BatchTransformer) -> pa.Table:
    table = as_table(table)
    batches = transformer.transform_batches(table.to_batches(), table.schema)
    return pa.Table.from_batches(batches, transformer.output_schema(table.schema))


def _transform_batch(batch: pa.RecordBatch, transformer: BatchTransformer) -> pa.RecordBatch:
    table = _transform_table(pa.Table.from_batches([batch]), transformer)
    try:
        joined = table.combine_chunks().to_batches()
    except pa.ArrowInvalid as error:
        raise InputError(
            f"the annotations of {batch.num_rows} rows do not fit one record batch ({error}); "
            "pass the rows as a pyarrow.Table or in several batches"
        ) from error
    return joined[0] if joined else pa.RecordBatch.from_pylist([], schema=table.schema)


def _transform_reader(
    reader: pa.RecordBatchReader, transformer: BatchTransformer
) -> pa.RecordBatchReader:
    """Nothing is read before the result is."""
    batches = transformer.transform_batches(reader, reader.schema)
    return pa.RecordBatchReader.from_batches(transformer.output_schema(reader.schema), batches)


TRANSFORMS: dict[type[Any], Callable[[Any, BatchTransformer], Any]] = {
    pa.Table: _transform_table,
    pa.RecordBatch: _transform_batch,
    pa.RecordBatchReader: _transform_reader,
}
