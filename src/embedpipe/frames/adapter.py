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
    """A package, some of its types, and the module that adapts them, which is imported then."""

    package: str
    types: tuple[str, ...]
    module: str


_ADAPTERS = (
    _Row("pandas", ("DataFrame",), "pandas"),
    _Row("polars", ("DataFrame",), "polars"),
    _Row("polars", ("LazyFrame",), "polars_lazy"),
    _Row("pyarrow", ("Table", "RecordBatch", "RecordBatchReader"), "arrow"),
    _Row("pyarrow", ("Dataset", "Scanner"), "arrow_streams"),
    _Row("datasets", ("Dataset", "IterableDataset"), "huggingface"),
    _Row("datasets", ("DatasetDict", "IterableDatasetDict"), "huggingface_splits"),
    _Row("duckdb", ("DuckDBPyRelation",), "duckdb"),
    _Row("dask", ("DataFrame",), "dask"),
    _Row("ray", ("Dataset",), "ray"),
    # stands above pipelines, whose stages it sends to executors; here it is a name
    _Row("pyspark", ("DataFrame",), "embedpipe.spark.frames"),
)
_MAPPING = "mapping"
_STREAMS = "arrow_streams"


def transform_frame(frame: Frame, planner: Planner) -> Frame:
    """Run the planner's plan over a frame; the result has the same type."""
    return cast("Frame", _adapter(frame).transform(frame, planner))


def columns_of_frame(frame: Any, needed: Mapping[str, Need]) -> list[Column]:
    """The columns of a frame. Only those in `needed` are inspected where that takes time."""
    return _adapter(frame).columns_of_frame(frame, needed)


def _adapter(frame: Any) -> Adapter:
    for base in type(frame).__mro__:
        package = base.__module__.partition(".")[0].lstrip("_")
        for row in _ADAPTERS:
            if package == row.package and base.__name__ in row.types:
                return _module(row.module)
    if isinstance(frame, Mapping):
        return _module(_MAPPING)
    is_series = hasattr(frame, "__arrow_c_stream__") and hasattr(frame, "dtype")
    if not is_series and any(hasattr(frame, f"__arrow_c_{kind}__") for kind in ("stream", "array")):
        return _module(_STREAMS)
    kind = type(frame)
    listed = ", ".join(f"{row.package}.{of}" for row in _ADAPTERS for of in row.types)
    raise InputError(
        f"a frame of type {kind.__module__}.{kind.__qualname__} is not supported; supported are "
        f"{listed}, dicts of columns, and what has __arrow_c_stream__; a column alone goes through "
        "Encoder.encode, streams of record batches through PipelineModel.transform_batches"
    )


def _module(name: str) -> Adapter:
    return cast("Adapter", import_module(name if "." in name else f"embedpipe.frames.{name}"))
