"""Rows during a run: the input, and the columns that stages have made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.annotation import AnnotationColumn
from embedpipe.errors import InputError

__all__ = ["Batch"]


@dataclass(frozen=True)
class Batch:
    """The record batch that came in, and the columns that stages have added, by name.

    Annotations stay columnar from stage to stage and become Arrow once, at the end. What is no
    annotation, such as a Finisher's columns, is Arrow from the start. `row_numbers` int64 (rows,)
    says which row of all that came in each one was. `cut` counts the texts that stages cut, by
    their labels and limits.
    """

    source: pa.RecordBatch
    row_numbers: npt.NDArray[np.int64]
    added: dict[str, AnnotationColumn | pa.Array] = field(default_factory=dict)
    cut: Mapping[tuple[str, int], int] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Number of rows; a stage that explodes sentences changes it."""
        return int(self.source.num_rows)

    def array(self, name: str) -> pa.Array:
        """A column as an Arrow array, whether it came in or was added."""
        if name in self.added:
            return _to_arrow(self.added[name])
        return self.source.column(self.source.schema.get_field_index(name))

    def annotations(self, name: str, annotator_type: str | None = None) -> AnnotationColumn:
        """A column of annotations; InputError where a column from outside holds something else."""
        found = self.added.get(name)
        if isinstance(found, AnnotationColumn):
            return found
        try:
            return AnnotationColumn.from_arrow(self.array(name), annotator_type)
        except InputError as error:
            raise InputError(f"column {name!r}: {error}") from error

    def adding(self, name: str, column: AnnotationColumn | pa.Array) -> Batch:
        """This batch with one more column."""
        return replace(self, added={**self.added, name: column})

    def counting_cut(self, label: str, limit: int, count: int) -> Batch:
        """This batch with the number of texts that a stage has cut at its limit."""
        return replace(self, cut={**self.cut, (label, limit): count})

    def without(self, names: Collection[str]) -> Batch:
        """This batch without the columns of these names."""
        if not names:
            return self
        kept = [i for i, name in enumerate(self.source.schema.names) if name not in names]
        added = {name: column for name, column in self.added.items() if name not in names}
        return replace(self, source=self.source.select(kept), added=added)

    def take(self, rows: npt.NDArray[np.int64]) -> Batch:
        """The rows of these numbers, in this order; rows may be left out or repeated."""
        indices = pa.array(rows)
        added = {name: _taken(column, indices) for name, column in self.added.items()}
        source, numbers = self.source.take(indices), self.row_numbers[rows]
        return replace(self, source=source, row_numbers=numbers, added=added)

    def to_record_batch(self, schema: pa.Schema) -> pa.RecordBatch:
        """All columns as a record batch of this schema: those of the input, then those added."""
        arrays = [*self.source.columns, *map(_to_arrow, self.added.values())]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _to_arrow(column: AnnotationColumn | pa.Array) -> pa.Array:
    return column.to_arrow() if isinstance(column, AnnotationColumn) else column


def _taken(column: AnnotationColumn | pa.Array, rows: pa.Array) -> AnnotationColumn | pa.Array:
    taken = _to_arrow(column).take(rows)
    if isinstance(column, AnnotationColumn):
        return AnnotationColumn.from_arrow(taken, column.annotator_type)
    return taken
