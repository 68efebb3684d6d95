"""Chooses the adapter for a frame; a new kind of frame needs an adapter and a line here."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.frames import arrow as arrow_frames
from embedpipe.frames.columns import Column, columns_of

__all__ = ["BatchTransformer", "columns_of_frame", "transform_frame"]

Frame = TypeVar("Frame")

_SUPPORTED = (
    "pandas.DataFrame, pyarrow.Table, pyarrow.RecordBatch and pyarrow.RecordBatchReader; "
    "streams of record batches go through PipelineModel.transform_batches"
)


class BatchTransformer(Protocol):
    """What an adapter asks of a pipeline: a function over record batches and what it needs."""

    def needed_columns(self) -> Mapping[str, str]:
        """The columns that a frame must have, with their kinds."""

    def check(self, columns: Sequence[Column]) -> None:
        """Raise ColumnError where these columns do not suffice."""

    def removed_columns(self, columns: Sequence[Column]) -> Collection[str]:
        """The names of those of these columns that do not come out."""

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema of what comes out where this one goes in."""

    def transform_batches(
        self, batches: Iterable[pa.RecordBatch], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """Run over batches of one schema."""


def transform_frame(frame: Frame, transformer: BatchTransformer) -> Frame:
    """The frame with the transformer's columns, as the same type of frame."""
    for frame_type, transform in arrow_frames.TRANSFORMS.items():
        if isinstance(frame, frame_type):
            return transform(frame, transformer)  # type: ignore[no-any-return]
    if _is_pandas(frame):
        from embedpipe.frames import pandas as pandas_frames

        return pandas_frames.transform(frame, transformer)  # type: ignore[no-any-return]
    raise _unsupported(frame)


def columns_of_frame(frame: Any, needed: Mapping[str, str]) -> list[Column]:
    """The columns of a frame; only those `needed` are looked into where a look costs."""
    if isinstance(frame, pa.RecordBatchReader):
        return columns_of(frame.schema)
    if isinstance(frame, (pa.Table, pa.RecordBatch)):
        return columns_of(arrow_frames.as_table(frame).schema)
    if _is_pandas(frame):
        from embedpipe.frames import pandas as pandas_frames

        return pandas_frames.columns_of_frame(frame, needed)
    raise _unsupported(frame)


def _is_pandas(frame: Any) -> bool:
    # A pandas frame can exist only where pandas is loaded already.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(frame, pandas.DataFrame)


def _unsupported(frame: Any) -> InputError:
    kind = type(frame)
    return InputError(
        f"a frame of type {kind.__module__}.{kind.__qualname__} is not supported; supported are "
        f"{_SUPPORTED}"
    )
