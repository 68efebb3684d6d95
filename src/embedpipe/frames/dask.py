"""Adapter of Dask's data frames: each partition is a pandas frame."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from embedpipe.frames import pandas
from embedpipe.frames.columns import Column, Need
from embedpipe.frames.protocol import Planner

__all__ = ["columns_of_frame", "transform"]


def columns_of_frame(frame: Any, needed: Mapping[str, Need]) -> list[Column]:
    """All columns, by the partitions' types: nothing runs."""
    return pandas.columns_of_frame(frame._meta, needed)


def transform(frame: Any, planner: Planner) -> Any:
    """Add the stages' columns where and when partitions are computed."""
    quiet = planner.quietly()
    return frame.map_partitions(
        partial(pandas.transform, planner=quiet), meta=pandas.transform(frame._meta, quiet)
    )
