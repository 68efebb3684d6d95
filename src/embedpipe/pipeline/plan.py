"""The plan of a pipeline over certain columns: made once, then run over record batches."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from embedpipe._callers import level_of_caller
from embedpipe.annotation import OffsetUnit
from embedpipe.errors import ColumnError, TruncationWarning, tell_place
from embedpipe.frames.batch_limits import bounded
from embedpipe.frames.columns import Column, ColumnKind, Need, columns_of
from embedpipe.frames.texts import check_utf8
from embedpipe.params import accessor_name
from embedpipe.pipeline.batch import Batch
from embedpipe.pipeline.columns import HasColumns
from embedpipe.progress import Progress

__all__ = ["Plan", "Planner", "check_order"]


class Step(NamedTuple):
    """A stage, the columns that it reads, the fields that it makes and the columns it removes."""

    stage: HasColumns
    inputs: list[str]
    fields: list[pa.Field]
    removed: frozenset[str]

    def apply(self, batch: Batch) -> Batch:
        """The batch after the step; errors tell which stage and columns they are of."""
        try:
            return self.stage.apply(batch, self.inputs).without(self.removed)
        except Exception as error:
            tell_place(error, self.stage.label, self.inputs)
            raise

    def after(self, available: Mapping[str, Column]) -> dict[str, Column]:
        """The columns after the step."""
        kept = {name: column for name, column in available.items() if name not in self.removed}
        # a stage's field tells the unit where it is another one
        made = [
            replace(column, offset_unit=column.offset_unit or OffsetUnit.UTF16)
            for column in columns_of(pa.schema(self.fields))
        ]
        return kept | {column.name: column for column in made}


@dataclass(frozen=True)
class Plan:
    """How stages run over frames with certain columns.

    `needed`: the columns of the frame that it reads, by name. `progress`: whether rows are counted
    on standard error while it runs.
    """

    steps: tuple[Step, ...]
    needed: Mapping[str, Need]
    progress: bool = False

    @property
    def removed(self) -> Collection[str]:
        """The names of the columns that stages remove."""
        return frozenset[str]().union(*(step.removed for step in self.steps))

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The columns of `schema` and those that stages make, without those that are removed."""
        fields = list(schema)
        for step in self.steps:
            fields = [part for part in fields if part.name not in step.removed] + step.fields
        return pa.schema(fields, schema.metadata)

    def run(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Transform batches of this schema lazily. Long batches are split.

        Raises InputError for texts that are not UTF-8. After the last batch, a TruncationWarning
        tells how many texts each stage has cut.
        """
        output = self.output_schema(schema)
        texts = [name for name, need in self.needed.items() if ColumnKind.TEXT in need.kinds]
        total = sum(b.num_rows for b in batches) if isinstance(batches, Sequence) else None
        cut: Counter[tuple[str, int]] = Counter()
        first = 0
        with Progress(total, unit="rows", shown=self.progress) as bar:
            for source in bounded(batches, texts, bar.at_once):
                check_utf8(source, self.needed, first)
                batch = Batch(source, np.arange(first, first + source.num_rows))
                first += source.num_rows
                for step in self.steps:
                    batch = step.apply(batch)
                cut.update({key: count for key, count in batch.cut.items() if count})
                bar.advance(source.num_rows)
                yield batch.to_record_batch(output)
        _warn_of(cut)


class Planner:
    """Makes plans to run stages over frames with any columns; `progress`: and to tell how far."""

    def __init__(self, stages: Sequence[HasColumns], *, progress: bool = False) -> None:
        self._stages = tuple(stages)
        self._progress = progress
        self.needed = _needed(self._stages)

    def quietly(self) -> Planner:
        """The same without progress, for frames that run in parts, later or elsewhere."""
        return Planner(self._stages)

    def plan(self, columns: Sequence[Column]) -> Plan:
        """The plan for a frame with these columns; ColumnError where stages cannot run on them.

        ParameterError where stages that have to count alike do not.
        """
        names = [column.name for column in columns]
        for name in self.needed:
            if names.count(name) > 1:
                raise ColumnError(f"column {name!r} is there {names.count(name)} times; rename one")
        available = {column.name: column for column in columns}
        steps = []
        for stage in self._stages:
            steps.append(_step(stage, available))
            available = steps[-1].after(available)
        return Plan(tuple(steps), self.needed, self._progress)

    @property
    def stages(self) -> tuple[HasColumns, ...]:
        """The stages, in the order in which they run."""
        return self._stages

    def run(
        self, batches: Iterable[pa.RecordBatch], schema: pa.Schema | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Plan now, by `schema` or the first batch, and transform batches lazily."""
        iterator = iter(batches)
        if schema is None:
            first = next(iterator, None)
            if first is None:
                return iter(())
            schema, iterator = first.schema, chain([first], iterator)
        return self.plan(columns_of(schema)).run(iterator, schema)


def check_order(stages: Sequence[HasColumns]) -> None:
    """Raise ColumnError if stages cannot follow one another, over any frame.

    Stages whose column names are not all set yet are skipped. ParameterError where stages that
    have to count alike do not.
    """
    complete = [stage for stage in stages if stage.columns_are_set()]
    makers = {name: stage for stage in complete for name in stage.output_names()}
    available: dict[str, Column] = {}
    gone: dict[str, HasColumns] = {}
    for stage in complete:
        for name, need in stage.needed_columns().items():
            found = None
            if name in gone:
                found = f"is taken away before, by {gone[name].label}"
            elif name in makers:
                found = f"is made only later, by {makers[name].label}"
            if name not in available:
                if found:
                    raise stage.column_error(name, found, str(need), available)
                # the frame may have it
                unknown = ColumnKind.UNKNOWN
                available[name] = Column(name, unknown, unknown.value)
        step = _step(stage, available)
        gone.update(dict.fromkeys(step.removed, stage))
        available = step.after(available)


def _warn_of(cut: Mapping[tuple[str, int], int]) -> None:
    for (label, limit), count in cut.items():
        warnings.warn(
            f"{label}: {count:,} {'text was' if count == 1 else 'texts were'} cut after {limit} "
            "pieces (maxSentenceLength); set lengthPolicy to 'window' to read them to their ends, "
            "or to 'error' to refuse them",
            TruncationWarning,
            stacklevel=level_of_caller(),
        )


def _needed(stages: Iterable[HasColumns]) -> dict[str, Need]:
    """The columns that the frame must have."""
    needed: dict[str, Need] = {}
    made: set[str] = set()
    for stage in stages:
        for name, need in stage.needed_columns().items():
            if name not in made:
                needed.setdefault(name, need)
        made.update(stage.output_names())
    return needed


def _step(stage: HasColumns, available: Mapping[str, Column]) -> Step:
    inputs = stage.resolve_inputs(available)
    planned = stage.planned(inputs)
    fields = planned.output_fields(inputs)
    there = {name: column.type for name, column in available.items()}
    for part in fields:
        if part.name in there:
            raise ColumnError(
                f"{stage.label}: output column {part.name!r} is there already as "
                f"{there[part.name]}; choose another name with "
                f"{accessor_name('set', stage.makes)}, or drop that column first"
            )
        there[part.name] = f"{part.type}, made by the same stage"
    removed = frozenset(name for name, column in available.items() if stage.removes(column))
    return Step(planned, [column.name for column in inputs], fields, removed)
