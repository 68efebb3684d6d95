"""Writes record batches with vectors to a file; one class per output format.

The file itself, which appears whole or not at all, is in `embedpipe.output`; inputs in `inputs`.
"""

from __future__ import annotations

import io
from abc import abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa

from embedpipe.errors import ParameterError
from embedpipe.frames.files.json_rows import JsonLinesRows
from embedpipe.frames.files.vectors import stored_rows
from embedpipe.output import AtomicFile

__all__ = ["SINKS", "JsonLinesSink", "NumpySink", "ParquetSink", "Sink", "sink_of"]


_LINES_AT_ONCE = 128  # a vector takes several times as much as text as it does as numbers


class Sink(AbstractContextManager["Sink"]):
    """A writer of one format. Leaving its context without an error completes the file."""

    @abstractmethod
    def __init__(self, file: AtomicFile, schema: pa.Schema, vectors: str) -> None:
        """Write the header; `vectors` is the name of the column of vectors.

        Raises ColumnError for columns that the format cannot hold.
        """

    @abstractmethod
    def write(self, records: pa.RecordBatch) -> None:
        """Append records of that schema, the vectors as `Vectors.to_arrow` gives them."""

    def finish(self) -> None:
        """Complete the file."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.finish()


class ParquetSink(Sink):
    """All columns in their types, with the metadata of schema and fields.

    Each batch becomes one row group, so that no more than a batch is ever held in memory.
    """

    def __init__(self, file: AtomicFile, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`."""
        from pyarrow import parquet

        # Numbers that look random gain nothing from compression, dictionaries or statistics.
        leaves = _leaves(schema)
        others = [path for path in leaves if path.partition(".")[0] != vectors]
        self._writer = parquet.ParquetWriter(
            file,
            schema,
            compression=dict.fromkeys(others, "zstd"),
            use_dictionary=others,
            write_statistics=others,
        )

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        self._writer.write_batch(records)

    def finish(self) -> None:
        """Write the index of row groups."""
        self._writer.close()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            super().__exit__(kind)
        finally:  # else pyarrow would write the index when the writer is deleted
            self._writer.is_open = False


class NumpySink(Sink):
    """The vectors alone, one float32 array (n, dimension) as `numpy.save` writes it; NaN for null.

    How many records there will be is not known at the beginning: the header is written once more.
    """

    def __init__(self, file: AtomicFile, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`."""
        self._file = file
        self._vectors = vectors
        self._dimension = schema.field(vectors).type.list_size
        self._rows = 0
        file.write(self._header())

    def _header(self) -> bytes:
        """Version 1.0 of the format, 128 bytes long for any number of rows."""
        shape = f"({self._rows}, {self._dimension})"
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + f"{text:<117}\n".encode()

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        lists = records.column(records.schema.names.index(self._vectors))
        rows = stored_rows(lists)
        if lists.null_count:
            present = lists.is_valid().to_numpy(zero_copy_only=False)
            rows = np.where(present[:, None], rows, np.float32(np.nan))
        self._file.write(np.ascontiguousarray(rows, dtype="<f4").data)
        self._rows += len(lists)

    def finish(self) -> None:
        """Put the number of rows into the header."""
        self._file.overwrite(0, self._header())


class JsonLinesSink(Sink):
    """One object per line, formatted by `JsonLinesRows`."""

    def __init__(self, file: AtomicFile, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`."""
        self._file = file
        self._rows = JsonLinesRows(schema, vectors)

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        for begin in range(0, records.num_rows, _LINES_AT_ONCE):
            lines = self._rows.lines(records.slice(begin, _LINES_AT_ONCE))
            self._file.write(lines.encode())


SINKS: dict[str, type[Sink]] = {
    ".parquet": ParquetSink,
    ".npy": NumpySink,
    ".jsonl": JsonLinesSink,
}
"""The output format of each suffix."""


def sink_of(path: str | Path) -> type[Sink]:
    """The class for the suffix of `path`; ParameterError if it is unknown."""
    sink = SINKS.get(Path(path).suffix.lower())
    if sink is None:
        raise ParameterError(
            f"output {path}: the suffix {Path(path).suffix!r} is unknown; expected one of "
            f"{', '.join(SINKS)}"
        )
    return sink


def _leaves(schema: pa.Schema) -> list[str]:
    """The paths of Parquet's columns, which are the leaves of nested ones."""
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_metadata(schema, file)
    columns = parquet.read_metadata(file).schema
    return [columns.column(i).path for i in range(len(columns))]
