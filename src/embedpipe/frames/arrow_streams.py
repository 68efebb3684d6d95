"""Adapter of whatever gives Arrow data piece by piece: PyArrow's datasets and the C stream.

They come back as a `pyarrow.RecordBatchReader`, which has the C stream itself: libraries take it,
`pyarrow.dataset.write_dataset` writes it, and rows are computed as they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.frames import arrow
from embedpipe.frames.columns import Column, Need, columns_of
from embedpipe.frames.protocol import Planner

__all__ = ["columns_of_frame", "transform"]

_READ_AHEAD = {"batch_size": 1 << 14, "batch_readahead": 2, "fragment_readahead": 1}
"""So that a dataset takes little memory; encoding is slower than reading by far."""


def columns_of_frame(frame: Any, needed: Mapping[str, Need]) -> list[Column]:  # noqa: ARG001
    """All columns, by the schema; a stream that can be read only once is not read."""
    if hasattr(frame, "__arrow_c_schema__"):
        return columns_of(_checked(pa.schema, frame))
    for name in ("projected_schema", "schema"):  # of a scanner, a dataset
        found = getattr(frame, name, None)
        if isinstance(found, pa.Schema):
            return columns_of(found)
    return columns_of(_reader(frame).schema)


def transform(frame: Any, planner: Planner) -> pa.RecordBatchReader:
    """The frame with the stages' columns, as a reader that computes rows as they are read."""
    made: pa.RecordBatchReader = arrow.transform(_reader(frame), planner)
    return made


def _reader(frame: Any) -> pa.RecordBatchReader:
    if hasattr(frame, "scanner"):  # a dataset
        return frame.scanner(**_READ_AHEAD).to_reader()
    if hasattr(frame, "to_reader"):
        return frame.to_reader()
    if hasattr(frame, "__arrow_c_stream__"):
        return _checked(pa.RecordBatchReader.from_stream, frame)
    batch = _checked(pa.record_batch, frame)
    return pa.RecordBatchReader.from_batches(batch.schema, [batch])


def _checked(read: Any, frame: Any) -> Any:
    try:
        return read(frame)
    except (pa.ArrowException, TypeError) as error:
        raise InputError(
            f"a {type(frame).__name__} has no Arrow data with named columns ({error}); expected "
            "record batches, as a frame has. A column alone goes through Encoder.encode"
        ) from error
