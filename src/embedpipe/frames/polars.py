"""Adapter of Polars data frames.

Only the columns that the pipeline reads are handed to Arrow; all others and the order of rows stay
as they are. Annotation columns come back as lists of structs::

    out.select("text", pl.col("token").list.eval(pl.element().struct.field("result")))
    AnnotationColumn.from_arrow(out["embeddings"].to_arrow()).embeddings    # (n, dimension)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from embedpipe._dependencies import require
from embedpipe.errors import ColumnError
from embedpipe.frames.columns import (
    Column,
    ColumnKind,
    Need,
    columns_of,
    with_annotator_types,
)
from embedpipe.frames.positions import made_columns
from embedpipe.frames.protocol import Planner

if TYPE_CHECKING:
    import polars as pl

__all__ = ["columns_of_frame", "transform"]


def columns_of_frame(frame: pl.DataFrame, needed: Mapping[str, Need]) -> list[Column]:
    """All columns; the types of annotations that are needed come from the data."""
    return _columns(frame, _needed_table(frame, needed))


def transform(frame: pl.DataFrame, planner: Planner) -> pl.DataFrame:
    """Add the stages' columns; rows that stages drop or repeat are dropped or repeated."""
    polars = require("polars", "a Polars data frame")
    table = _needed_table(frame, planner.needed)
    plan = planner.plan(_columns(frame, table))
    made, positions = made_columns(table, plan)
    out = frame if positions is None else frame[positions]
    kept = out.drop([name for name in frame.columns if name in plan.removed])
    return cast("pl.DataFrame", polars.concat([kept, polars.from_arrow(made)], how="horizontal"))


def _needed_table(frame: pl.DataFrame, needed: Mapping[str, Need]) -> pa.Table:
    names = [name for name in needed if name in frame.columns]
    for name in names:
        if _holds_objects(frame, name):
            raise ColumnError(
                f"column {name!r} holds Python objects, of which Arrow would have the addresses "
                "alone; cast it first"
            )
    return with_annotator_types(frame.select(names).to_arrow())


def _columns(frame: pl.DataFrame, table: pa.Table) -> list[Column]:
    known = {column.name: column for column in columns_of(table.schema)}
    return [known.get(name) or _column(frame, name) for name in frame.columns]


def _column(frame: pl.DataFrame, name: str) -> Column:
    """A column that no stage reads, described by its type."""
    if _holds_objects(frame, name):
        return Column(name, ColumnKind.OTHER, str(frame.schema[name]))
    return columns_of(frame.select(name).clear().to_arrow().schema)[0]


def _holds_objects(frame: pl.DataFrame, name: str) -> bool:
    return str(frame.schema[name]) == "Object"
