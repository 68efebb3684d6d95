"""Adapter of Spark's data frames, classic and Connect, streaming too.

Spark computes a frame when it is asked for rows. So stages that follow one another, in whatever
pipelines they stand, need not be run one by one: a frame that stages have made is remembered with
what it was made of, and further stages join those before in one `mapInArrow`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from embedpipe.errors import InputError
from embedpipe.frames.columns import Column, Need
from embedpipe.pipeline.columns import HasColumns
from embedpipe.pipeline.plan import Planner
from embedpipe.spark.schema import check_passable, columns_of_spark, output_type
from embedpipe.spark.sending import place_for, stages_function

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["columns_of_frame", "transform"]


class _Made(NamedTuple):
    """What a frame was made of."""

    source: DataFrame
    stages: Sequence[HasColumns]


_made: WeakKeyDictionary[Any, _Made] = WeakKeyDictionary()


def columns_of_frame(frame: DataFrame, needed: Mapping[str, Need]) -> list[Column]:  # noqa: ARG001
    """All columns."""
    return columns_of_spark(_checked(frame).schema)


def transform(frame: DataFrame, planner: Planner) -> DataFrame:
    """The frame with the stages' columns, which are computed as it is asked for rows.

    Columns are checked now: ColumnError for those that do not fit, or that Spark cannot give to
    Python.
    """
    source, before = _origin(_checked(frame))
    stages = [*before, *planner.stages]
    schema = source.schema
    plan = Planner(stages).plan(columns_of_spark(schema))
    check_passable(schema, stages[0].label)
    function = stages_function(stages, plan, schema, place_for(source.sparkSession))
    out = source.mapInArrow(function, output_type(schema, plan))
    _made[out] = _Made(source, stages)
    return out


def _origin(frame: DataFrame) -> _Made:
    """What the frame was made of; nothing but itself if others made it, or if it is kept."""
    found = _made.get(frame)
    return _Made(frame, ()) if found is None or getattr(frame, "is_cached", False) else found


def _checked(frame: Any) -> DataFrame:
    if type(frame).__module__.startswith("pyspark.pandas"):
        raise InputError(
            "a frame of type pyspark.pandas.DataFrame is not supported; expected one of Spark's "
            "own: pass frame.to_spark(), and call pandas_api() on the result"
        )
    return frame
