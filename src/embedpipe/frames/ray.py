"""Adapter of Ray's datasets: their blocks are Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from embedpipe.errors import InputError
from embedpipe.frames import arrow
from embedpipe.frames.columns import Column, Need, columns_of
from embedpipe.frames.protocol import Planner

__all__ = ["columns_of_frame", "transform"]


def columns_of_frame(frame: Any, needed: Mapping[str, Need]) -> list[Column]:  # noqa: ARG001
    """All columns; where the dataset does not know them yet, Ray reads its first block."""
    found = getattr(frame.schema(), "base_schema", None)
    if not isinstance(found, pa.Schema):
        raise InputError(
            f"the columns of this Ray dataset are told by {type(found).__name__}; expected an "
            "Arrow schema, as ray.data.read_parquet and ray.data.from_arrow have it"
        )
    return columns_of(found)


def transform(frame: Any, planner: Planner) -> Any:
    """Add the stages' columns where and when blocks are computed."""
    return frame.map_batches(
        partial(arrow.transform, planner=planner.quietly()), batch_format="pyarrow"
    )
