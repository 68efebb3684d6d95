"""Saved pipelines: rows in, rows with annotation columns out, as JSON or as an Arrow stream.

`POST /pipelines/NAME` gives what `PipelineModel.transform` gives for the same rows.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from embedpipe.errors import ColumnError, InputError
from embedpipe.server.bodies import decoded, media_type, read_body
from embedpipe.server.refusals import Refusal
from embedpipe.server.vectors import JSON, Service, as_json

__all__ = ["ARROW_STREAM", "ROUTES", "RowsRequest"]

ARROW_STREAM = "application/vnd.apache.arrow.stream"
_BYTES_PER_PIECE = 5


class RowsRequest(msgspec.Struct):
    """Rows by column name, each with the columns that the pipeline reads."""

    rows: list[dict[str, Any]]


_DECODER = msgspec.json.Decoder(RowsRequest)


async def run(request: Request) -> Response:
    """Rows in, rows with the pipeline's columns out."""
    service = Service.of(request)
    model = service.hosted.pipeline(request.path_params["name"])
    from embedpipe.server import rows  # with Arrow: not before a pipeline is served

    is_arrow = media_type(request) == ARROW_STREAM
    limits = service.settings.limits
    if is_arrow:
        table = rows.table_of_stream(await read_body(request, limits))
    else:
        asked = await decoded(request, limits, _DECODER)
        if not asked.rows:
            raise Refusal("empty", "rows: found an empty list; expected rows", field="rows")
        table = rows.table_of_rows(asked.rows)
    if table.num_rows > limits.texts:
        message = f"found {table.num_rows:,} rows; expected at most {limits.texts:,}"
        raise Refusal("too_many", message)
    try:
        found = rows.Rows.of(model, table)
    except (ColumnError, InputError) as error:
        raise Refusal("invalid", str(error)) from None
    sizes = [max(part.nbytes // _BYTES_PER_PIECE, part.num_rows) for part in found.items]
    parts = await service.computed(request, found.work, found.items, sizes) if sizes else []
    batches = found.answer(made for part in parts for made in part)
    if is_arrow or ARROW_STREAM in request.headers.get("accept", ""):
        return Response(rows.stream_of(found.schema, batches), media_type=ARROW_STREAM)
    return Response(b'{"rows":' + await _listed_rows(batches) + b"}", media_type=JSON)


async def _listed_rows(batches: list[Any]) -> bytes:
    listed = []
    for batch in batches:
        listed += batch.to_pylist(maps_as_pydicts="strict")
        await asyncio.sleep(0)
    return await as_json(listed)


async def listed(request: Request) -> Response:
    """The names of all pipelines here, and their stages."""
    hosted = Service.of(request).hosted
    found = [
        {"name": name, "stages": [str(stage) for stage in model.stages]}
        for name, model in hosted.pipelines.items()
    ]
    return Response(orjson.dumps({"pipelines": found}), media_type=JSON)


ROUTES = [
    Route("/pipelines", listed, methods=["GET"]),
    Route("/pipelines/{name}", run, methods=["POST"]),
]
