"""Saved pipelines: rows in, rows with annotation columns out, as JSON or as an Arrow stream.

`POST /pipelines/NAME` gives what `PipelineModel.transform` gives for the same rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from embedpipe.errors import ColumnError, InputError
from embedpipe.pipeline.pipeline import PipelineModel
from embedpipe.server.bodies import decoded, media_type, read_body
from embedpipe.server.refusals import Refusal
from embedpipe.server.settings import Limits
from embedpipe.server.vectors import JSON, Service, as_json

__all__ = ["ARROW_STREAM", "ROUTES", "RowsRequest"]

ARROW_STREAM = "application/vnd.apache.arrow.stream"
_ROWS_AT_ONCE = 64
_BYTES_PER_PIECE = 5


class RowsRequest(msgspec.Struct):
    """Rows by column name, each with the columns that the pipeline reads."""

    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class RunPipeline:
    """The batches that a pipeline makes of each batch of rows."""

    model: PipelineModel

    def run(self, items: list[pa.RecordBatch]) -> list[list[pa.RecordBatch]]:
        return [list(self.model.transform_batches([rows])) for rows in items]


_DECODER = msgspec.json.Decoder(RowsRequest)


async def run(request: Request) -> Response:
    """Rows in, rows with the pipeline's columns out."""
    service = Service.of(request)
    model = service.hosted.pipeline(request.path_params["name"])
    is_arrow = media_type(request) == ARROW_STREAM
    limits = service.settings.limits
    table = await (_table_of_stream if is_arrow else _table_of_rows)(request, limits)
    if table.num_rows > limits.texts:
        message = f"found {table.num_rows:,} rows; expected at most {limits.texts:,}"
        raise Refusal("too_many", message)
    try:
        schema = model.output_schema(table.schema)
    except (ColumnError, InputError) as error:
        raise Refusal("invalid", str(error)) from None
    items = list(_sliced(table))
    sizes = [max(rows.nbytes // _BYTES_PER_PIECE, rows.num_rows) for rows in items]
    parts = await service.computed(request, RunPipeline(model), items, sizes)
    batches = [batch for part in parts for item in part for batch in item]
    if is_arrow or ARROW_STREAM in request.headers.get("accept", ""):
        return Response(_stream(schema, batches), media_type=ARROW_STREAM)
    rows = []
    for batch in batches:
        rows += batch.to_pylist(maps_as_pydicts="strict")
        await asyncio.sleep(0)
    return Response(b'{"rows":' + await as_json(rows) + b"}", media_type=JSON)


async def listed(request: Request) -> Response:
    """The names of all pipelines here, and their stages."""
    hosted = Service.of(request).hosted
    found = [
        {"name": name, "stages": [str(stage) for stage in model.stages]}
        for name, model in hosted.pipelines.items()
    ]
    return Response(orjson.dumps({"pipelines": found}), media_type=JSON)


async def _table_of_rows(request: Request, limits: Limits) -> pa.Table:
    asked = await decoded(request, limits, _DECODER)
    if not asked.rows:
        raise Refusal("empty", "rows: found an empty list; expected rows", field="rows")
    names = list(asked.rows[0])
    for position, row in enumerate(asked.rows):
        if list(row) != names:
            place = f"rows[{position}]"
            message = f"{place}: found the columns {list(row)}; expected {names} as in the first"
            raise Refusal("invalid", message[:1000], field=place)
    columns = []
    for name in names:
        try:
            columns.append(pa.array([row[name] for row in asked.rows]))
        except (pa.ArrowException, OverflowError) as error:
            message = f"rows: the column {name!r:.80} is not of one kind: {error!s:.300}"
            raise Refusal("invalid", message, field="rows") from None
    return pa.table(columns, names=names)


async def _table_of_stream(request: Request, limits: Limits) -> pa.Table:
    body = await read_body(request, limits)
    try:
        with pa.ipc.open_stream(body) as reader:
            table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        message = f"the body is no Arrow IPC stream: {error!s:.300}"
        raise Refusal("invalid", message) from None
    return table


def _sliced(table: pa.Table) -> Iterator[pa.RecordBatch]:
    for batch in table.to_batches():
        for begin in range(0, batch.num_rows, _ROWS_AT_ONCE):
            yield batch.slice(begin, _ROWS_AT_ONCE)


def _stream(schema: pa.Schema, batches: list[pa.RecordBatch]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


ROUTES = [
    Route("/pipelines", listed, methods=["GET"]),
    Route("/pipelines/{name}", run, methods=["POST"]),
]
