"""One class per output format: texts and vectors, batch by batch, into a file.

The file itself, which appears whole or not at all, is in `embedpipe.output`; inputs in `records`.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from embedpipe.errors import ParameterError
from embedpipe.output import AtomicFile

__all__ = [
    "EMBEDDING",
    "METADATA_KEY",
    "SINKS",
    "SOURCE",
    "JsonLinesSink",
    "Layout",
    "NumpySink",
    "ParquetSink",
    "Sink",
    "check_output_name",
]

EMBEDDING = "embedding"
"""The column that holds the vectors."""
SOURCE = "source"
"""The column that names the input of each record, where there are several."""
METADATA_KEY = b"embedpipe"
"""Under this key of the Parquet schema stands, as JSON, what the vectors were made with."""


@dataclass(frozen=True)
class Layout:
    """What the columns are.

    text: the name of the text column. dimension: the length of a vector. with_source: whether there
    is a SOURCE column. origin: what the vectors were made with, kept where the format has room.
    """

    text: str
    dimension: int
    with_source: bool
    origin: dict[str, Any]


class Sink(ABC):
    """What every output format does. Leaving its context finishes the file or, by an error, not."""

    @abstractmethod
    def __init__(self, file: AtomicFile, layout: Layout) -> None:
        """Write what comes first."""

    @abstractmethod
    def write(
        self,
        texts: Sequence[str | None],
        source: str,
        vectors: npt.NDArray[np.float32],
        present: npt.NDArray[np.bool_],
    ) -> None:
        """Append n records: vectors float32 (n, dimension), meaningless where not present (n,)."""

    def finish(self) -> None:  # noqa: B027 - not abstract, as most formats end as they are
        """Write what comes last."""

    def abandon(self) -> None:  # noqa: B027
        """Let go of the file, which will be removed."""

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.abandon()


class ParquetSink(Sink):
    """Text, embedding (a fixed-size list of float) and perhaps source; null for a null text.

    Each batch becomes one row group, so that no more than a batch is ever held in memory.
    """

    def __init__(self, file: AtomicFile, layout: Layout) -> None:
        fields = [
            pa.field(layout.text, pa.string()),
            pa.field(EMBEDDING, pa.list_(pa.float32(), layout.dimension)),
        ]
        if layout.with_source:
            fields.append(pa.field(SOURCE, pa.string()))
        origin = json.dumps(layout.origin).encode()
        self._schema = pa.schema(fields, metadata={METADATA_KEY: origin})
        # Numbers that look random gain nothing from compression, dictionaries or statistics.
        self._writer = parquet.ParquetWriter(
            file,
            self._schema,
            compression=dict.fromkeys((layout.text, SOURCE), "zstd"),
            use_dictionary=[SOURCE],
            write_statistics=False,
        )

    def write(
        self,
        texts: Sequence[str | None],
        source: str,
        vectors: npt.NDArray[np.float32],
        present: npt.NDArray[np.bool_],
    ) -> None:
        """See `Sink.write`."""
        columns = {
            self._schema.names[0]: pa.array(texts, pa.string()),
            EMBEDDING: _vector_array(vectors, present, self._schema.field(EMBEDDING).type),
            SOURCE: pa.repeat(source, len(texts)),
        }
        arrays = [columns[name] for name in self._schema.names]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))

    def finish(self) -> None:
        """Write the index of row groups."""
        self._writer.close()

    def abandon(self) -> None:
        """Keep pyarrow from writing the index when the writer is deleted."""
        self._writer.is_open = False


class NumpySink(Sink):
    """One float32 array (n, dimension) as `numpy.save` writes it; NaN for a null text.

    How many records there will be is not known at the beginning: the header is written once more.
    """

    def __init__(self, file: AtomicFile, layout: Layout) -> None:
        self._file = file
        self._dimension = layout.dimension
        self._rows = 0
        file.write(self._header())

    def _header(self) -> bytes:
        """Version 1.0 of the format, 128 bytes long for any number of rows."""
        shape = f"({self._rows}, {self._dimension})"
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + f"{text:<117}\n".encode()

    def write(
        self,
        texts: Sequence[str | None],
        source: str,  # noqa: ARG002 - this format has room for vectors alone
        vectors: npt.NDArray[np.float32],
        present: npt.NDArray[np.bool_],
    ) -> None:
        """See `Sink.write`."""
        values = np.where(present[:, None], vectors, np.float32(np.nan))
        self._file.write(np.ascontiguousarray(values, dtype="<f4").data)
        self._rows += len(texts)

    def finish(self) -> None:
        """Put the number of rows into the header."""
        self._file.overwrite(0, self._header())


class JsonLinesSink(Sink):
    """One object a record: text, embedding (numbers, nine digits each) and perhaps source.

    Nine digits give back the same float32. A null text has a null embedding.
    """

    def __init__(self, file: AtomicFile, layout: Layout) -> None:
        self._file = file
        self._layout = layout
        self._numbers = "[" + ", ".join(["%.9g"] * layout.dimension) + "]"

    def write(
        self,
        texts: Sequence[str | None],
        source: str,
        vectors: npt.NDArray[np.float32],
        present: npt.NDArray[np.bool_],
    ) -> None:
        """See `Sink.write`."""
        name = json.dumps(self._layout.text, ensure_ascii=False)
        end = "}\n"
        if self._layout.with_source:
            end = f', "{SOURCE}": {json.dumps(source, ensure_ascii=False)}}}\n'
        lines = []
        for text, vector, is_present in zip(texts, vectors, present.tolist(), strict=True):
            numbers = self._array(vector) if is_present else "null"
            value = json.dumps(text, ensure_ascii=False)
            lines.append(f'{{{name}: {value}, "{EMBEDDING}": {numbers}{end}')
        self._file.write("".join(lines).encode())

    def _array(self, vector: npt.NDArray[np.float32]) -> str:
        numbers = self._numbers % tuple(vector.tolist())
        return numbers.replace("-0,", "-0.0,").replace("-0]", "-0.0]")  # -0 would be an integer


SINKS: dict[str, type[Sink]] = {
    ".parquet": ParquetSink,
    ".npy": NumpySink,
    ".jsonl": JsonLinesSink,
}
"""The output format of each suffix."""


def check_output_name(path: str | Path, column: str) -> type[Sink]:
    """The class that writes `path`; ParameterError for another suffix or a column name taken."""
    sink = SINKS.get(Path(path).suffix.lower())
    if sink is None:
        raise ParameterError(
            f"output {path}: the suffix {Path(path).suffix!r} is unknown; expected one of "
            f"{', '.join(SINKS)}"
        )
    if column in (EMBEDDING, SOURCE):
        raise ParameterError(
            f"column {column!r}: embedpipe gives that name to a column of its own in the output; "
            "rename the input's column"
        )
    return sink


def _vector_array(
    vectors: npt.NDArray[np.float32], present: npt.NDArray[np.bool_], kind: Any
) -> Any:
    """The rows as an array of fixed-size lists that shares the vectors' memory."""
    rows = np.ascontiguousarray(vectors)
    validity = None
    if not present.all():
        validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(kind, len(rows), [validity], children=[pa.array(rows.reshape(-1))])
