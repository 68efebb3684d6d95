"""A part of an index: unit vectors and their records, written once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.embedding.exact import unit
from embedpipe.embedding.where import Condition, fits
from embedpipe.output import AtomicFile

__all__ = ["Segment"]

_VECTORS, _RECORDS = "vectors.f32", "records.arrow"


class Segment:
    """vectors: float32 (rows, dimension), mapped."""

    def __init__(self, path: Path, dimension: int) -> None:
        """Open one; OSError, ValueError or ArrowException if it is damaged."""
        self.path = path
        self._file = pa.ipc.open_file(pa.memory_map(str(path / _RECORDS)))
        self.schema: pa.Schema = self._file.schema
        counts = [self._file.get_batch(i).num_rows for i in range(self._file.num_record_batches)]
        self._starts = np.cumsum([0, *counts])
        self.rows = int(self._starts[-1])
        size = (path / _VECTORS).stat().st_size
        if size != self.rows * dimension * 4:
            raise ValueError(f"{path / _VECTORS} has {size} bytes for {self.rows} records")
        shape = (self.rows, dimension)
        self.vectors: npt.NDArray[np.float32] = (
            np.memmap(path / _VECTORS, np.float32, "r", shape=shape)
            if self.rows
            else np.zeros(shape, np.float32)
        )

    @classmethod
    def written(
        cls,
        path: Path,
        dimension: int,
        batches: Iterable[tuple[pa.RecordBatch, npt.NDArray[np.float32]]],
    ) -> Segment:
        """Write records and their vectors (n, dimension); a folder that was left over goes."""
        cls.remove_at(path)
        path.mkdir()
        writer = None
        with AtomicFile(path / _VECTORS) as vectors, AtomicFile(path / _RECORDS) as records:
            for batch, values in batches:
                if writer is None:
                    writer = pa.ipc.new_file(records, batch.schema)
                writer.write_batch(batch)
                vectors.write(np.ascontiguousarray(unit(values), dtype="<f4").data)
            if writer is None:
                writer = pa.ipc.new_file(records, pa.schema([]))
            writer.close()
        return cls(path, dimension)

    def record(self, row: int) -> pa.RecordBatch:
        """One record."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._file.get_batch(number).slice(row - int(self._starts[number]), 1)

    def meeting(self, conditions: Sequence[Condition]) -> npt.NDArray[np.bool_]:
        """Which records meet all conditions; none if a column is not in this part."""
        names = self.schema.names
        if any(condition.column not in names for condition in conditions):
            return np.zeros(self.rows, np.bool_)
        parts = [
            fits(self._file.get_batch(i), conditions, str(self.path))
            for i in range(self._file.num_record_batches)
        ]
        return np.concatenate([*parts, np.zeros(0, np.bool_)])

    def remove(self) -> None:
        """Remove its files."""
        self.remove_at(self.path)

    @staticmethod
    def remove_at(path: Path) -> None:
        """Remove a folder, if it is there."""
        shutil.rmtree(path, ignore_errors=True)
