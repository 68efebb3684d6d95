"""Runs stages one after the other over record batches, once their columns are known to fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from embedpipe.errors import ColumnError
from embedpipe.frames import Column, Kinds, bounded, columns_of
from embedpipe.frames.columns import described
from embedpipe.stages.batch import Batch
from embedpipe.stages.shared_params import agreed_unit
from embedpipe.stages.stage import Stage

__all__ = ["Runner", "check_order"]

Plan = list[tuple[Stage, list[str]]]


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
            made.add(stage.getOutputCol())
        return needed

    def check(self, columns: Sequence[Column]) -> None:
        """Raise ColumnError where the stages cannot run on a frame with these columns."""
        self._plan(columns)

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The columns of `schema`, then one per stage."""
        fields = [*schema, *(stage.output_field() for stage in self.stages)]
        return pa.schema(fields, schema.metadata)

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
        return self._run(plan, iterator, self.output_schema(schema))

    def _run(
        self, plan: Plan, batches: Iterable[pa.RecordBatch], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        texts = [name for name, kind in self.needed_columns().items() if kind == Kinds.TEXT]
        first = 0
        for source in bounded(batches, texts):
            batch = Batch(source, np.arange(first, first + source.num_rows))
            first += source.num_rows
            for stage, inputs in plan:
                batch = stage.apply(batch, inputs)
            yield batch.to_record_batch(schema)

    def _plan(self, columns: Sequence[Column]) -> Plan:
        names = [column.name for column in columns]
        for name in self.needed_columns():
            if names.count(name) > 1:
                raise ColumnError(f"column {name!r} is there {names.count(name)} times; rename one")
        available = {column.name: column for column in columns}
        plan: Plan = []
        for stage in self.stages:
            plan.append((stage, stage.resolve_inputs(available)))
            _add_output(stage, available)
        return plan


def check_order(stages: Sequence[Stage]) -> None:
    """Raise ColumnError where stages cannot fit one another, whatever the frame.

    Stages whose column names are not all set yet are passed over. ParameterError where stages that
    have to count alike do not.
    """
    agreed_unit(stages)
    complete = [stage for stage in stages if stage.columns_are_set()]
    makers = {stage.getOutputCol(): stage for stage in complete}
    available: dict[str, Column] = {}
    for stage in complete:
        known = dict(available)
        for name in stage.needed_columns():
            if name not in known and name not in makers:  # the frame may have it
                known[name] = Column(name, Kinds.UNKNOWN, "a column of the frame")
            elif name not in known:
                raise stage.column_error(
                    name, f"is made only later, by {makers[name].label}", "annotations", available
                )
        stage.resolve_inputs(known)
        _add_output(stage, available)


def _add_output(stage: Stage, available: dict[str, Column]) -> None:
    name, kind = stage.getOutputCol(), stage.output_annotator_type
    if name in available:
        raise ColumnError(
            f"{stage.label}: output column {name!r} is there already as {available[name].type}; "
            "choose another name with setOutputCol, or drop that column first"
        )
    available[name] = Column(name, kind, described(kind))
