"""The demo's routes: the page's files, and the two questions that it asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from embedpipe.encoder import Encoder
from embedpipe.engine.pooling import POOLINGS, Pooling
from embedpipe.engine.precision import PRECISIONS, AskedPrecision
from embedpipe.server.bodies import decoded
from embedpipe.server.refusals import Refusal
from embedpipe.server.vectors import JSON, Service

__all__ = ["ROUTES"]

_STATIC = Path(__file__).parent / "static"
_MOST_CHARACTERS = 20_000
_MOST_LINES = 2000
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Question(msgspec.Struct, kw_only=True):
    """Which model, and how it is used; null as it was published, or as the server was started."""

    model: str | None = None
    precision: str | None = None
    pooling: str | None = None


class TextQuestion(Question):
    """One text."""

    text: Annotated[str, msgspec.Meta(max_length=_MOST_CHARACTERS)]


class LinesQuestion(Question):
    """Lines to be shown as points."""

    lines: Annotated[list[str], msgspec.Meta(min_length=2, max_length=_MOST_LINES)]


_TEXT = msgspec.json.Decoder(TextQuestion)
_LINES = msgspec.json.Decoder(LinesQuestion)


async def page(_: Request) -> Response:
    """The page."""
    headers = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer"}
    return FileResponse(_STATIC / "index.html", headers=headers)


async def models(request: Request) -> Response:
    """What can be chosen on the page."""
    hosted = Service.of(request).hosted
    found = [
        {
            "name": name,
            "architecture": encoder.config.architecture,
            "dimension": encoder.dimension,
            "max_length": encoder.max_length,
            "pooling": encoder.pooling,
            "poolings": [p for p in POOLINGS if p != "pooler" or encoder.has_pooler],
            "precision": encoder.precision,
            "precisions": list(PRECISIONS),
        }
        for name, encoder in hosted.models.items()
    ]
    return Response(orjson.dumps({"models": found}), media_type=JSON)


async def analyze(request: Request) -> Response:
    """Sentences, tokens, pieces and cosines of one text."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _TEXT)
    encoder, pooling = _chosen(service, asked)
    size = len(asked.text) // 2 + 1  # sentences and tokens are both embedded
    work = await asyncio.to_thread(service.hosted.analysis, encoder, pooling)  # may import
    (part,) = await service.computed(request, work, [asked.text], [size])
    body = orjson.dumps(part[0], option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type=JSON)


async def picture(request: Request) -> Response:
    """Where each line lies in the plane of the first two principal components."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _LINES)
    encoder, pooling = _chosen(service, asked)
    found = await service.embed(request, encoder, asked.lines, pooling=pooling)
    from embedpipe.server.analysis import projected

    places = await asyncio.to_thread(projected, found.vectors)
    body = orjson.dumps({"points": places}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type=JSON)


def _chosen(service: Service, asked: Question) -> tuple[Encoder, Pooling]:
    encoder = service.hosted.model(asked.model)
    precision = encoder.precision if asked.precision is None else asked.precision
    pooling: Any = encoder.pooling if asked.pooling is None else asked.pooling
    for field, value, known in (
        ("precision", precision, PRECISIONS),
        ("pooling", pooling, POOLINGS),
    ):
        if value not in known:
            message = f"{field}: found {value!r:.80}; expected one of {', '.join(known)}"
            raise Refusal("invalid", message, field=field)
    return service.hosted.in_precision(encoder, cast("AskedPrecision", precision)), pooling


ROUTES: list[BaseRoute] = [
    Route("/", page, methods=["GET"]),
    Route("/demo/models", models, methods=["GET"]),
    Route("/demo/analyze", analyze, methods=["POST"]),
    Route("/demo/map", picture, methods=["POST"]),
    Mount("/demo/static", StaticFiles(directory=_STATIC)),
]
