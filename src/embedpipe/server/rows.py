"""Rows of requests as Arrow tables, and how a saved pipeline runs over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.server.refusals import Refusal

__all__ = ["RunPipeline", "sliced", "stream_of", "table_of_rows", "table_of_stream"]

_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class RunPipeline:
    """The batches that a pipeline makes of each batch of rows."""

    model: PipelineModel

    def run(self, items: list[pa.RecordBatch]) -> list[list[pa.RecordBatch]]:
        """As `PipelineModel.transform` does."""
        return [list(self.model.transform_batches([rows])) for rows in items]


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


def sliced(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """The table in parts that are computed one after the other."""
    for batch in table.to_batches():
        for begin in range(0, batch.num_rows, _ROWS_AT_ONCE):
            yield batch.slice(begin, _ROWS_AT_ONCE)


def stream_of(schema: pa.Schema, batches: list[pa.RecordBatch]) -> bytes:
    """An Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())
