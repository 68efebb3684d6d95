"""Adapter of Hugging Face datasets: they map their rows, keep the result on disk, or stream it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from embedpipe._dependencies import require
from embedpipe.errors import InputError
from embedpipe.frames import arrow
from embedpipe.frames.batch_limits import MAX_ROWS
from embedpipe.frames.columns import Column, Need, columns_of
from embedpipe.frames.pairs import pairs_field, with_pairs
from embedpipe.frames.protocol import Planner

__all__ = ["columns_of_frame", "transform"]


def columns_of_frame(frame: Any, needed: Mapping[str, Need]) -> list[Column]:  # noqa: ARG001
    """All columns, by the dataset's features."""
    return columns_of(_schema(frame))


def transform(frame: Any, planner: Planner) -> Any:
    """Add the stages' columns by `map`: at once, or as rows are read of what is streamed.

    The result is cached as that of every `map` is, and has the format that the dataset had.
    """
    library = require("datasets", "a Hugging Face dataset")
    quiet = planner.quietly()
    schema = _schema(frame)
    plan = quiet.plan(columns_of(schema))
    made = pa.schema(map(pairs_field, plan.output_schema(schema)))
    features = library.Features.from_arrow_schema(made)
    if getattr(frame, "num_rows", None) == 0:  # `map` would give it back as it is
        mapped = library.Dataset.from_dict({name: [] for name in made.names}, features)
    else:
        mapped = frame.with_format("arrow").map(
            partial(_transformed, planner=quiet),
            batched=True,
            batch_size=MAX_ROWS,
            remove_columns=[name for name in frame.column_names if name in plan.removed],
            features=features,
        )
    return _formatted_as(frame, mapped)


def _formatted_as(frame: Any, mapped: Any) -> Any:
    """The result in the format of the dataset that came, its new columns among those shown."""
    kind = getattr(frame, "format", None)
    if not kind:  # of a streamed one
        return mapped.with_format(None)
    shown = set(kind["columns"]) | set(mapped.column_names).difference(frame.column_names)
    columns = [name for name in mapped.column_names if name in shown]
    return mapped.with_format(
        kind["type"],
        columns=None if columns == mapped.column_names else columns,
        output_all_columns=kind["output_all_columns"],
        **kind["format_kwargs"],
    )


def _transformed(table: pa.Table, planner: Planner) -> pa.Table:
    made = arrow.transform(table, planner)
    columns = [with_pairs(column) for column in made.columns]
    return pa.table(columns, schema=pa.schema(map(pairs_field, made.schema)))


def _schema(frame: Any) -> pa.Schema:
    if frame.features is None:
        raise InputError(
            "a streamed dataset does not tell its columns before it is read; expected features. "
            "Give it some: dataset.cast(datasets.Features({...})), or take what "
            "IterableDataset._resolve_features() returns"
        )
    return frame.features.arrow_schema
