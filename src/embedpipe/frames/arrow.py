"""Adapter of Arrow's tables, record batches and readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.frames.columns import Column, Need, columns_of, with_annotator_types
from embedpipe.frames.protocol import Planner

__all__ = ["columns_of_frame", "transform"]

ArrowFrame: TypeAlias = "pa.Table | pa.RecordBatch | pa.RecordBatchReader"


def columns_of_frame(frame: ArrowFrame, needed: Mapping[str, Need]) -> list[Column]:  # noqa: ARG001
    """All columns. The types of annotations come from the data if the metadata was lost."""
    return columns_of(_as_stream(frame).schema)


def transform(frame: ArrowFrame, planner: Planner) -> ArrowFrame:
    """Add the stages' columns. A reader is read only as its result is read."""
    source = _as_stream(frame)
    plan = planner.plan(columns_of(source.schema))
    schema = plan.output_schema(source.schema)
    if isinstance(source, pa.RecordBatchReader):
        return pa.RecordBatchReader.from_batches(schema, plan.run(source, source.schema))
    made = pa.Table.from_batches(plan.run(source.to_batches(), source.schema), schema)
    return _one_batch(made, frame.num_rows) if isinstance(frame, pa.RecordBatch) else made


def _as_stream(frame: ArrowFrame) -> pa.Table | pa.RecordBatchReader:
    """The reader itself, or a table whose fields' metadata has the types of annotations."""
    if isinstance(frame, pa.RecordBatchReader):
        return frame
    return with_annotator_types(
        pa.Table.from_batches([frame]) if isinstance(frame, pa.RecordBatch) else frame
    )


def _one_batch(table: pa.Table, rows: int) -> pa.RecordBatch:
    try:
        joined = table.combine_chunks().to_batches()
    except pa.ArrowInvalid as error:
        raise InputError(
            f"the annotations of {rows} rows do not fit one record batch ({error}); "
            "pass the rows as a pyarrow.Table or in several batches"
        ) from error
    return joined[0] if joined else pa.RecordBatch.from_pylist([], schema=table.schema)
