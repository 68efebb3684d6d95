"""Writes record batches with vectors to a file; one class per output format.

The file itself, which appears whole or not at all, is in `embedpipe.output`; inputs in `inputs`.
"""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from embedpipe.errors import ParameterError
from embedpipe.frames.files.delimited_rows import DelimitedRows
from embedpipe.frames.files.json_rows import JsonLinesRows
from embedpipe.frames.files.sources import is_remote
from embedpipe.frames.files.targets import Target, writing
from embedpipe.frames.files.vectors import stored_rows
from embedpipe.output import AtomicDirectory, StagedFile

__all__ = [
    "SINKS",
    "ArrowSink",
    "CsvSink",
    "JsonLinesSink",
    "NumpySink",
    "ParquetSink",
    "Sink",
    "TsvSink",
    "check_sink",
    "is_folder",
    "opened_sink",
    "sink_of",
]


_LINES_AT_ONCE = 128  # a vector takes several times as much as text as it does as numbers


class Sink(AbstractContextManager["Sink"]):
    """A writer of one format. Leaving its context without an error completes the file."""

    @abstractmethod
    def __init__(self, file: Any, schema: pa.Schema, vectors: str) -> None:
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

    def __init__(self, file: Target, schema: pa.Schema, vectors: str) -> None:
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


class ArrowSink(Sink):
    """Arrow's IPC file format, uncompressed, so that it can be mapped; a batch stays a batch.

    Dictionaries become their values: such a file holds one dictionary, which grows with the inputs.
    """

    def __init__(self, file: Target, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`."""
        del vectors
        plain = [
            field.with_type(field.type.value_type) if _is_dictionary(field) else field
            for field in schema
        ]
        self._schema = pa.schema(plain, metadata=schema.metadata)
        self._writer = pa.ipc.new_file(file, self._schema)

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        arrays = [
            array.dictionary_decode() if _is_dictionary(field) else array
            for field, array in zip(records.schema, records.columns, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def finish(self) -> None:
        """Write the index of batches."""
        self._writer.close()


class NumpySink(Sink):
    """The vectors alone, one float32 array (n, dimension) as `numpy.save` writes it; NaN for null.

    How many records there will be is not known at the beginning: the header is written once more.
    """

    def __init__(self, file: Target, schema: pa.Schema, vectors: str) -> None:
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


class _LinesSink(Sink):
    """Records as lines of text, which `_rows` formats."""

    _file: Target
    _rows: JsonLinesRows | DelimitedRows

    def write(self, records: pa.RecordBatch) -> None:
        """See `Sink.write`."""
        for begin in range(0, records.num_rows, _LINES_AT_ONCE):
            lines = self._rows.lines(records.slice(begin, _LINES_AT_ONCE))
            self._file.write(lines.encode())


class JsonLinesSink(_LinesSink):
    """One object per line, formatted by `JsonLinesRows`."""

    def __init__(self, file: Target, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`."""
        self._file = file
        self._rows = JsonLinesRows(schema, vectors)


class CsvSink(_LinesSink):
    """Rows between commas below the columns' names, formatted by `DelimitedRows`."""

    delimiter = ","

    def __init__(self, file: Target, schema: pa.Schema, vectors: str) -> None:
        """See `Sink`."""
        self._file = file
        self._rows = DelimitedRows(schema, vectors, self.delimiter)
        file.write(self._rows.header().encode())


class TsvSink(CsvSink):
    """The same between tabs."""

    delimiter = "\t"


_DATABASES = "embedpipe.frames.files.database_sinks"

SINKS: dict[str, type[Sink] | str] = {
    ".parquet": ParquetSink,
    ".npy": NumpySink,
    ".jsonl": JsonLinesSink,
    ".csv": CsvSink,
    ".tsv": TsvSink,
    ".arrow": ArrowSink,
    ".lance": "LanceSink",
    ".duckdb": "DuckDbSink",
    ".sqlite": "SqliteSink",
}
"""The output format of each suffix; by name where its module is imported when it is needed."""

_STAGED = {".duckdb": StagedFile, ".sqlite": StagedFile}


def sink_of(path: str | Path) -> type[Sink]:
    """The class for the suffix of `path`; ParameterError if it is unknown.

    "-" is standard output, which gets JSON Lines.
    """
    sink = JsonLinesSink if str(path) == "-" else SINKS.get(_suffix(path))
    if sink is None:
        raise ParameterError(
            f"output {path}: the suffix {Path(path).suffix!r} is unknown; expected one of "
            f"{', '.join(SINKS)}, or a slash at the end for a folder of Parquet"
        )
    if isinstance(sink, str):
        found: type[Sink] = getattr(import_module(_DATABASES), sink)
        return found
    return sink


@contextmanager
def opened_sink(path: str, schema: pa.Schema, vectors: str, *, replace: bool) -> Iterator[Sink]:
    """The sink of an output, which appears under its name when the context is left."""
    kind, suffix = sink_of(path), _suffix(path)
    if suffix == ".lance":
        with (
            AtomicDirectory(path, replace=replace) as folder,
            kind(folder.temporary, schema, vectors) as sink,
        ):
            yield sink
    elif suffix in _STAGED:
        with StagedFile(path, replace=replace) as staged, kind(staged, schema, vectors) as sink:
            yield sink
    else:
        with writing(path, replace=replace) as file, kind(file, schema, vectors) as sink:
            yield sink


def is_folder(output: str) -> bool:
    """Whether an output is a folder of parts: by a slash at its end, or because it is one."""
    if output.endswith("/"):
        return True
    return not is_remote(output) and _suffix(output) not in SINKS and Path(output).is_dir()


def check_sink(path: str) -> None:
    """ParameterError where the suffix is unknown, or such an output cannot go to an address."""
    sink_of(path)
    if is_remote(path) and _suffix(path) in (".lance", *_STAGED):
        raise ParameterError(
            f"output {path}: {_suffix(path)} is written to this machine alone; write it here and "
            "copy it, or write Parquet"
        )


def _suffix(path: str | Path) -> str:
    return Path(path).suffix.lower()


def _is_dictionary(field: pa.Field) -> bool:
    return bool(pa.types.is_dictionary(field.type))


def _leaves(schema: pa.Schema) -> list[str]:
    """The paths of Parquet's columns, which are the leaves of nested ones."""
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_metadata(schema, file)
    columns = parquet.read_metadata(file).schema
    return [columns.column(i).path for i in range(len(columns))]
