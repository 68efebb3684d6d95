"""What passes between pipelines and the adapters of frames, in types alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from embedpipe.frames.columns import Column, Need

__all__ = ["Adapter", "Plan", "Planner"]


class Plan(Protocol):
    """What a pipeline does to frames with certain columns."""

    @property
    def removed(self) -> Collection[str]:
        """The names of those columns of the frame that do not come out."""

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema of what comes out where these of the columns go in."""

    def run(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Run over batches of one schema."""


class Planner(Protocol):
    """What a pipeline is to an adapter: the columns that it reads, and a plan for all there are."""

    @property
    def needed(self) -> Mapping[str, Need]:
        """The columns that a frame must have."""

    def plan(self, columns: Sequence[Column]) -> Plan:
        """The plan for a frame with these columns; ColumnError where they do not suffice."""


class Adapter(Protocol):
    """What a module of this package does for one package's frames."""

    def columns_of_frame(self, frame: Any, needed: Mapping[str, Need]) -> list[Column]:
        """The columns of a frame; only those `needed` are looked into where a look costs."""

    def transform(self, frame: Any, planner: Planner) -> Any:
        """The frame with the columns that a plan makes, as a frame of the same type."""
