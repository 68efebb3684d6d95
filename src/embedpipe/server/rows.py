"""Rows of requests as Arrow tables, and how a saved pipeline runs over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.server.refusals import Refusal

__all__ = ["Rows", "stream_of", "table_of_rows", "table_of_stream"]

_ROWS_AT_ONCE = 64
_ROW = "\0row"
_SMALL_SCHEMA = 4096  # bytes; what larger ones come to is not remembered


class Made(NamedTuple):
    """Rows with the columns that a pipeline makes, and which of a request's rows each was."""

    columns: pa.Table
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class RunPipeline:
    """The columns that a pipeline makes of those that it reads, which have one schema.

    Rows of many requests go through it as one batch: what stages do for each batch takes longer
    than what they do for a few rows. Under `compatibility`, Spark NLP's answers may depend on a
    text's neighbors, so there nothing is put together.
    """

    model: PipelineModel
    schema: bytes  # a digest, which tells schemas apart

    def run(self, items: list[pa.RecordBatch]) -> list[Made]:
        """What `PipelineModel.transform` makes of each batch."""
        together = [[item] for item in items] if _is_recorded(self.model) else [items]
        return [made for some in together for made in self._made(some)]

    def _made(self, items: list[pa.RecordBatch]) -> Iterator[Made]:
        table = pa.Table.from_batches(items).combine_chunks()
        table = table.append_column(_ROW, pa.array(np.arange(table.num_rows)))
        batches = list(self.model.transform_batches(table.to_batches()))
        made = pa.Table.from_batches(batches).combine_chunks()
        rows = made.column(_ROW).to_numpy()
        first = 0
        for item in items:
            begin, end = np.searchsorted(rows, [first, first + item.num_rows]).tolist()
            yield Made(made.slice(begin, end - begin), rows[begin:end] - first)
            first += item.num_rows


@dataclass(frozen=True)
class Rows:
    """A request's rows, and what becomes of them: `work` on each of `items`, then `answer`."""

    work: RunPipeline
    items: list[pa.RecordBatch]
    schema: pa.Schema
    _own: list[pa.RecordBatch]

    @classmethod
    def of(cls, model: PipelineModel, table: pa.Table) -> Rows:
        """Raises ColumnError or InputError where the pipeline cannot run on such columns."""
        schema = _output_schema(model, table.schema)
        own = list(_sliced(table, table.num_rows if _is_recorded(model) else _ROWS_AT_ONCE))
        read = [name for name in table.schema.names if name in model.needed]
        items = [batch.select(read).replace_schema_metadata() for batch in own]
        columns = pa.schema([table.schema.field(name) for name in read])
        serialized = columns.serialize().to_pybytes()
        work = RunPipeline(model, blake2b(serialized, digest_size=16).digest())
        return cls(work, items, schema, own)

    def answer(self, made: Iterable[Made]) -> list[pa.RecordBatch]:
        """The rows with their own columns and those made, in copies that hold no other's."""
        names = {name for stage in self.work.model.stages for name in stage.output_names()}
        kept = set(self.schema.names) - names
        return [self._joined(own, kept, one) for own, one in zip(self._own, made, strict=True)]

    def _joined(self, own: pa.RecordBatch, kept: set[str], made: Made) -> pa.RecordBatch:
        if not np.array_equal(made.rows, np.arange(own.num_rows)):  # a stage explodes rows
            own = own.take(pa.array(made.rows))
        columns = [own.column(n) for n, name in enumerate(own.schema.names) if name in kept]
        for name in self.schema.names[len(columns) :]:
            # A slice would be sent with the rest of its last 64 bytes, which are of other requests.
            columns.append(pa.concat_arrays(made.columns.column(name).chunks))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _is_recorded(model: PipelineModel) -> bool:
    return any(stage.as_recorded for stage in model.stages)


def _output_schema(model: PipelineModel, schema: pa.Schema) -> pa.Schema:
    """`PipelineModel.output_schema`, remembered for small ones: to plan takes as long as texts."""
    serialized = schema.serialize().to_pybytes()
    known = len(serialized) <= _SMALL_SCHEMA
    return _planned(model, serialized) if known else model.output_schema(schema)


@lru_cache(maxsize=64)
def _planned(model: PipelineModel, serialized: bytes) -> pa.Schema:
    return model.output_schema(pa.ipc.read_schema(pa.py_buffer(serialized)))


def table_of_rows(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """The rows as columns. Raises Refusal for rows with different columns, and for mixed ones."""
    names = list(rows[0])
    for position, row in enumerate(rows):
        if list(row) != names:
            place = f"rows[{position}]"
            message = f"{place}: found the columns {list(row)}; expected {names} as in the first"
            raise Refusal("invalid", message[:1000], field=place)
    columns = []
    for name in names:
        try:
            columns.append(pa.array([row[name] for row in rows]))
        except (pa.ArrowException, OverflowError) as error:
            message = f"rows: the column {name!r:.80} is not of one kind: {error!s:.300}"
            raise Refusal("invalid", message, field="rows") from None
    return pa.table(columns, names=names)


def table_of_stream(body: bytes) -> pa.Table:
    """An Arrow IPC stream as a table, checked. Raises Refusal for what is none."""
    try:
        with pa.ipc.open_stream(body) as reader:
            table = reader.read_all()
        table.validate(full=True)
        _check_names(table.schema)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        message = f"the body is no Arrow IPC stream: {error!s:.300}"
        raise Refusal("invalid", message) from None
    return table


def _check_names(fields: Iterable[pa.Field]) -> None:
    """Raise UnicodeDecodeError for a name that is no text, which Arrow does not look at."""
    for field in fields:
        _ = field.name
        _check_names(field.type.field(place) for place in range(field.type.num_fields))


def _sliced(table: pa.Table, size: int) -> Iterator[pa.RecordBatch]:
    """The table in parts that are computed one after the other."""
    for batch in table.combine_chunks().to_batches():
        for begin in range(0, batch.num_rows, size):
            yield batch.slice(begin, size)


def stream_of(schema: pa.Schema, batches: list[pa.RecordBatch]) -> bytes:
    """An Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())
