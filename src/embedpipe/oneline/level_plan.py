"""Runs stages over a frame's texts and gives a row for each token, sentence, document or chunk."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import pyarrow as pa

from embedpipe.annotation import AnnotationColumn
from embedpipe.errors import ColumnError
from embedpipe.frames.columns import Column, Need
from embedpipe.oneline.features import Feature, Rows
from embedpipe.pipeline.plan import Plan, Planner
from embedpipe.pipeline.stage import Stage

__all__ = ["LevelPlan", "LevelPlanner"]


class LevelPlanner:
    """What adapters of frames see of a one-line pipeline, as they see a `Planner`'s stages.

    stages: those to run; they read columns of the names in `inputs`, which stand there for columns
    of the frame. level: the annotations of which each has a row. keeps: whether the frame's other
    columns stay. progress: whether to tell how far it is.
    """

    def __init__(  # noqa: PLR0913
        self,
        stages: Sequence[Stage],
        level: str,
        features: Sequence[Feature],
        inputs: Mapping[str, str],
        *,
        keeps: bool,
        progress: bool = False,
    ) -> None:
        self._planner = Planner(stages, progress=progress)
        self._level = level
        self._features = tuple(features)
        self._inputs = dict(inputs)
        self._keeps = keeps

    @property
    def needed(self) -> dict[str, Need]:
        """The columns that the frame must have."""
        return {self._inputs[name]: need for name, need in self._planner.needed.items()}

    def quietly(self) -> LevelPlanner:
        """The same without progress."""
        other = copy(self)
        other._planner = self._planner.quietly()
        return other

    def plan(self, columns: Sequence[Column]) -> LevelPlan:
        """The plan for a frame with these columns; ColumnError if they do not fit."""
        made = {feature.name for feature in self._features}
        names = [column.name for column in columns]
        for column in columns if self._keeps else ():
            if column.name in made - set(self._inputs.values()):
                raise ColumnError(
                    f"column {column} is there already, and predict makes one of that name; rename "
                    "yours, leave it out, or set keep_stranger_features=False"
                )
        for name in self._inputs.values():
            if names.count(name) > 1:
                raise ColumnError(f"column {name!r} is there {names.count(name)} times; rename one")
        read = {given: name for name, given in self._inputs.items()}
        known = [
            Column(read[c.name], c.kind, c.type, c.annotator_type, c.offset_unit, c.metadata)
            for c in columns
            if c.name in read
        ]
        removed = names if not self._keeps else [name for name in names if name in made]
        plan = self._planner.plan(known)
        return LevelPlan(plan, self._level, self._features, read, frozenset(removed))


@dataclass(frozen=True)
class LevelPlan:
    """How stages run over frames with certain columns; `inputs`: what stages call the frame's."""

    plan: Plan
    level: str
    features: tuple[Feature, ...]
    inputs: Mapping[str, str]
    removed: Collection[str]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The columns of `schema` that stay, then those that are made."""
        kept = [part for part in schema if part.name not in self.removed]
        made = [pa.field(feature.name, feature.type) for feature in self.features]
        return pa.schema(kept + made, schema.metadata)

    def run(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Transform batches of this schema lazily."""
        output, waiting = self.output_schema(schema), deque[pa.RecordBatch]()
        kept = [i for i, part in enumerate(schema) if part.name not in self.removed]
        names = [name for name in schema.names if name in self.inputs]
        inner = pa.schema([schema.field(n).with_name(self.inputs[n]) for n in names])

        def texts_of(batch: pa.RecordBatch) -> pa.RecordBatch:
            waiting.append(batch)
            return pa.RecordBatch.from_arrays([batch.column(name) for name in names], schema=inner)

        texts: Iterable[pa.RecordBatch] = map(texts_of, batches)
        if isinstance(batches, Sequence):  # so that it is known how many there are
            texts = list(texts)
        begin = 0
        for made in self.plan.run(texts, inner):
            source = waiting[0].slice(begin, made.num_rows)
            begin += made.num_rows
            if begin >= waiting[0].num_rows:
                waiting.popleft()
                begin = 0
            yield self._rows(source.select(kept), made, output)

    def _rows(
        self, kept: pa.RecordBatch, made: pa.RecordBatch, output: pa.Schema
    ) -> pa.RecordBatch:
        sources = {
            name: AnnotationColumn.from_arrow(made.column(name))
            for name in {self.level, *(feature.source for feature in self.features)}
        }
        rows = Rows(sources[self.level])
        given: list[pa.Array] = kept.columns
        if len(rows.documents) != made.num_rows:
            places = pa.array(rows.documents)
            given = [column.take(places) for column in given]
        columns = [feature.array(rows, sources[feature.source]) for feature in self.features]
        return pa.RecordBatch.from_arrays([*given, *columns], schema=output)
