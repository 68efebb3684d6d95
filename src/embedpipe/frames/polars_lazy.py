"""Adapter of Polars' lazy frames: a step of the query, which streams where the query does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from embedpipe._dependencies import require
from embedpipe.frames import polars as eager
from embedpipe.frames.columns import Column, Need
from embedpipe.frames.protocol import Planner

if TYPE_CHECKING:
    import polars as pl

__all__ = ["columns_of_frame", "transform"]


def columns_of_frame(frame: pl.LazyFrame, needed: Mapping[str, Need]) -> list[Column]:
    """All columns, by the query's schema: nothing runs."""
    return eager.columns_of_frame(_without_rows(frame), needed)


def transform(frame: pl.LazyFrame, planner: Planner) -> pl.LazyFrame:
    """Add the stages' columns when the query runs, in bounded memory where it streams."""
    quiet = planner.quietly()
    schema = eager.transform(_without_rows(frame), quiet).schema
    return frame.map_batches(
        partial(eager.transform, planner=quiet), schema=dict(schema), streamable=True
    )


def _without_rows(frame: pl.LazyFrame) -> pl.DataFrame:
    made: pl.DataFrame = require("polars", "a Polars lazy frame").DataFrame(
        schema=frame.collect_schema()
    )
    return made
