"""Rows on their way through the stages: what came in, and the annotations made so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.annotation import AnnotationColumn
from embedpipe.errors import InputError

__all__ = ["Batch"]


@dataclass(frozen=True)
class Batch:
    """The record batch that came in, and the annotation columns that stages have added, by name.

    Annotations stay columnar from stage to stage and become Arrow once, at the end. `row_numbers`
    int64 (rows,) says which row of all that came in each one was.
    """

    source: pa.RecordBatch
    row_numbers: npt.NDArray[np.int64]
    added: dict[str, AnnotationColumn] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Number of rows; a stage that explodes sentences changes it."""
        return int(self.source.num_rows)

    def array(self, name: str) -> pa.Array:
        """A column that came in, as it is."""
        return self.source.column(self.source.schema.get_field_index(name))

    def annotations(self, name: str, annotator_type: str) -> AnnotationColumn:
        """A column of annotations; InputError where a column from outside holds something else."""
        if name in self.added:
            return self.added[name]
        try:
            return AnnotationColumn.from_arrow(self.array(name), annotator_type)
        except InputError as error:
            raise InputError(f"column {name!r}: {error}") from error

    def adding(self, name: str, column: AnnotationColumn) -> Batch:
        """This batch with one more column."""
        return Batch(self.source, self.row_numbers, {**self.added, name: column})

    def take(self, rows: npt.NDArray[np.int64]) -> Batch:
        """The rows with these numbers, in this order; numbers may be missing or repeated."""
        indices = pa.array(rows)
        added = {
            name: AnnotationColumn.from_arrow(
                column.to_arrow().take(indices), column.annotator_type
            )
            for name, column in self.added.items()
        }
        return Batch(self.source.take(indices), self.row_numbers[rows], added)

    def to_record_batch(self, schema: pa.Schema) -> pa.RecordBatch:
        """All columns under `schema`: those that came in, then those added, in its order."""
        arrays = [*self.source.columns, *(column.to_arrow() for column in self.added.values())]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
