"""Runs stages one after the other over record batches, once their columns are known to fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from embedpipe.errors import ColumnError
from embedpipe.frames import Column, Kinds, bounded, columns_of
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.stage import Stage
from embedpipe.stages.bases.shared_params import agreed_unit

__all__ = ["Runner", "check_order"]


class Step(NamedTuple):
    """A stage, with what is known of its columns once those before it are."""

    stage: Stage
    inputs: list[str]
    fields: list[pa.Field]
    removed: set[str]


class Runner:
    """A function from record batches to record batches, made of stages that nobody changes."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)

    def needed_columns(self) -> dict[str, str]:
        """The columns that must come from outside, with their kinds as far as they are known."""
        needed: dict[str, str] = {}
        made: set[str] = set()
        for stage in self.stages:
            for name, kind in stage.needed_columns().items():
                if name not in made:
                    needed.setdefault(name, kind)
            made.update(stage.output_names())
        return needed

    def check(self, columns: Sequence[Column]) -> None:
        """Raise ColumnError where the stages cannot run on a frame with these columns."""
        self._plan(columns)

    def removed_columns(self, columns: Sequence[Column]) -> set[str]:
        """The names of those columns of a frame that stages take away; ColumnError as `check`."""
        return set().union(*(step.removed for step in self._plan(columns)))

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The columns of `schema` and those of the stages, but for those that are taken away."""
        return _schema_after(schema, self._plan(columns_of(schema)))

    def transform_batches(
        self, batches: Iterable[pa.RecordBatch], schema: pa.Schema | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Check the columns now, then transform each batch as it is asked for.

        Without `schema` the first batch tells it. Long batches come out in several.
        """
        iterator = iter(batches)
        if schema is None:
            first = next(iterator, None)
            if first is None:
                return iter(())
            schema, iterator = first.schema, chain([first], iterator)
        plan = self._plan(columns_of(schema))
        return self._run(plan, iterator, _schema_after(schema, plan))

    def _run(
        self, plan: Sequence[Step], batches: Iterable[pa.RecordBatch], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        texts = [name for name, kind in self.needed_columns().items() if kind == Kinds.TEXT]
        first = 0
        for source in bounded(batches, texts):
            batch = Batch(source, np.arange(first, first + source.num_rows))
            first += source.num_rows
            for step in plan:
                batch = step.stage.apply(batch, step.inputs).without(step.removed)
            yield batch.to_record_batch(schema)

    def _plan(self, columns: Sequence[Column]) -> list[Step]:
        names = [column.name for column in columns]
        for name in self.needed_columns():
            if names.count(name) > 1:
                raise ColumnError(f"column {name!r} is there {names.count(name)} times; rename one")
        available = {column.name: column for column in columns}
        return [_step(stage, available) for stage in self.stages]


def check_order(stages: Sequence[Stage]) -> None:
    """Raise ColumnError where stages cannot fit one another, whatever the frame.

    Stages whose column names are not all set yet are passed over. ParameterError where stages that
    have to count alike do not.
    """
    agreed_unit(stages)
    complete = [stage for stage in stages if stage.columns_are_set()]
    makers = {name: stage for stage in complete for name in stage.output_names()}
    available: dict[str, Column] = {}
    gone: dict[str, Stage] = {}
    for stage in complete:
        for name in stage.needed_columns():
            if name in available:
                continue
            if name in gone:
                found = f"is taken away before, by {gone[name].label}"
                raise stage.column_error(name, found, "annotations", available)
            if name in makers:
                found = f"is made only later, by {makers[name].label}"
                raise stage.column_error(name, found, "annotations", available)
            # the frame may have it
            available[name] = Column(name, Kinds.UNKNOWN, "a column of the frame")
        gone.update(dict.fromkeys(_step(stage, available).removed, stage))


def _step(stage: Stage, available: dict[str, Column]) -> Step:
    """The stage's step; `available` becomes the columns after it."""
    inputs = stage.resolve_inputs(available)
    fields = stage.output_fields(available)
    removed = {name for name, column in available.items() if stage.removes(column)}
    for column in columns_of(pa.schema(fields)):
        if column.name in available:
            setter = "setOutputCol" if stage.hasParam("outputCol") else "setOutputCols"
            raise ColumnError(
                f"{stage.label}: output column {column.name!r} is there already as "
                f"{available[column.name].type}; choose another name with {setter}, or drop that "
                "column first"
            )
        available[column.name] = column
    for name in removed:
        del available[name]
    return Step(stage, inputs, fields, removed)


def _schema_after(schema: pa.Schema, plan: Sequence[Step]) -> pa.Schema:
    fields = list(schema)
    for step in plan:
        fields = [field for field in fields if field.name not in step.removed] + step.fields
    return pa.schema(fields, schema.metadata)
