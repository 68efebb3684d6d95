"""Protocols between pipelines and the adapters of frames."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from embedpipe.frames.columns import Column, Need

__all__ = ["Adapter", "Plan", "Planner"]


class Plan(Protocol):
    """How a pipeline runs over frames with certain columns."""

    @property
    def removed(self) -> Collection[str]:
        """The names of the columns that are removed from the frame."""

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema of the result for input of this schema."""

    def run(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Run over batches of one schema."""


class Planner(Protocol):
    """A pipeline, as adapters see it: the columns it needs, and its plan for a frame."""

    @property
    def needed(self) -> Mapping[str, Need]:
        """The columns that a frame must have."""

    def plan(self, columns: Sequence[Column]) -> Plan:
        """The plan for a frame with these columns; ColumnError if they do not fit."""

    def quietly(self) -> Planner:
        """The same without progress, for frames that run in parts, later or elsewhere."""


class Adapter(Protocol):
    """What each adapter module implements."""

    def columns_of_frame(self, frame: Any, needed: Mapping[str, Need]) -> list[Column]:
        """The columns of a frame. Only those in `needed` are inspected where that takes time."""

    def transform(self, frame: Any, planner: Planner) -> Any:
        """Run the planner's plan over the frame; the result has the same type."""
