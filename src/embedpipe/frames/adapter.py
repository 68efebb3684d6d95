"""Finds the adapter of a frame. For a new kind, add a module to this package and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, TypeVar, cast

from embedpipe.errors import InputError
from embedpipe.frames.columns import Column, Need
from embedpipe.frames.protocol import Adapter, Planner

__all__ = ["columns_of_frame", "transform_frame"]

Frame = TypeVar("Frame")


class _Row(NamedTuple):
    """The module that adapts these types of frames; it is imported when it is first needed."""

    module: str
    types: tuple[str, ...]


_ADAPTERS = {
    "pandas": _Row("embedpipe.frames.pandas", ("DataFrame",)),
    "polars": _Row("embedpipe.frames.polars", ("DataFrame",)),
    "pyarrow": _Row("embedpipe.frames.arrow", ("Table", "RecordBatch", "RecordBatchReader")),
    # stands above pipelines, whose stages it sends; here it is a name
    "pyspark": _Row("embedpipe.spark.frames", ("DataFrame",)),
}
"""By the package that defines a frame's type."""


def transform_frame(frame: Frame, planner: Planner) -> Frame:
    """Run the planner's plan over a frame; the result has the same type."""
    return cast("Frame", _adapter(frame).transform(frame, planner))


def columns_of_frame(frame: Any, needed: Mapping[str, Need]) -> list[Column]:
    """The columns of a frame. Only those in `needed` are inspected where that takes time."""
    return _adapter(frame).columns_of_frame(frame, needed)


def _adapter(frame: Any) -> Adapter:
    for base in type(frame).__mro__:
        row = _ADAPTERS.get(base.__module__.partition(".")[0])
        if row and base.__name__ in row.types:
            return cast("Adapter", import_module(row.module))
    kind = type(frame)
    *others, last = (f"{name}.{of}" for name, row in _ADAPTERS.items() for of in row.types)
    raise InputError(
        f"a frame of type {kind.__module__}.{kind.__qualname__} is not supported; supported are "
        f"{', '.join(others)} and {last}; streams of record batches go through "
        "PipelineModel.transform_batches"
    )
