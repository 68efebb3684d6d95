"""The server as an ASGI application: routes, errors in each API's form, and the guard around."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from embedpipe.errors import ColumnError, InputError, ParameterError
from embedpipe.server import hub, openai, openapi, pipelines, tei
from embedpipe.server.demo import routes as demo
from embedpipe.server.guard import Guard, answer
from embedpipe.server.hosted import Hosted
from embedpipe.server.metrics import Metrics
from embedpipe.server.refusals import Refusal
from embedpipe.server.settings import ServerSettings
from embedpipe.server.turns import Turns
from embedpipe.server.vectors import Service

__all__ = ["create_app"]

_SETTLED_SECONDS = 0.2
_BAD_INPUT = (ColumnError, InputError, ParameterError)


def create_app(hosted: Hosted, settings: ServerSettings = ServerSettings()) -> ASGIApp:  # noqa: B008
    """The application, for any ASGI server; it begins to compute when that starts it.

    Soon after, a first text is analyzed, so that the page is quick from the start.

    >>> from starlette.testclient import TestClient
    >>> with TestClient(create_app(Hosted.open([]))) as client:
    ...     answer = client.post("/v1/embeddings", json={"input": "The train is late."}).json()
    >>> answer["model"], answer["usage"], len(answer["data"][0]["embedding"])
    ('embedpipe-small-v1', {'prompt_tokens': 7, 'total_tokens': 7}, 384)
    """
    turns = Turns(settings.limits.waiting_pieces)
    metrics = Metrics(turns)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        turns.start()
        warm = asyncio.ensure_future(_warm_up(hosted, turns))
        try:
            yield
            warm.cancel()
            with suppress(asyncio.CancelledError):
                await warm
        finally:
            await asyncio.to_thread(turns.close)

    async def measured(_: Request) -> Response:
        body = generate_latest(metrics.registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    app = Starlette(
        routes=[
            *openai.ROUTES,
            *tei.ROUTES,
            *pipelines.ROUTES,
            *openapi.ROUTES,
            *demo.ROUTES,
            *hub.ROUTES,
            Route("/metrics", measured, methods=["GET"]),
        ],
        exception_handlers=dict.fromkeys(
            (Refusal, HTTPException, ClientDisconnect, *_BAD_INPUT, Exception), _answered
        ),
        lifespan=lifespan,
    )
    app.state.service = Service(hosted, settings, turns)
    guarded = Guard(app, api_key=settings.api_key, metrics=metrics)
    if not settings.origins:
        return guarded
    return CORSMiddleware(
        guarded,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
    )


async def _warm_up(hosted: Hosted, turns: Turns) -> None:
    """Import and compile what the page needs, once requests that waited for the start are done."""
    await asyncio.sleep(_SETTLED_SECONDS)
    model = hosted.model(None)
    first = await asyncio.to_thread(hosted.analysis, model, model.pooling)
    with suppress(Refusal):  # too much waits: the page's own first text will be the first
        await turns.submit(first, ["A first text."], [1])


async def _answered(request: Request, error: Exception) -> Response:
    """Any error in the form of the API that was spoken; what is a fault of ours is raised too."""
    found = answer(_refusal_of(request, error), request.url.path)
    if isinstance(error, HTTPException):
        found.headers.update(error.headers or {})
    return found


def _refusal_of(request: Request, error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, _BAD_INPUT):
        return Refusal("invalid", str(error))
    if isinstance(error, ClientDisconnect):
        return Refusal("gone", "the client hung up")
    what = f"{request.method} {request.url.path[:200]}"
    if isinstance(error, HTTPException) and error.status_code == 404:
        return Refusal("unknown_path", f"nothing is at {what}; see /openapi.json")
    if isinstance(error, HTTPException) and error.status_code == 405:
        return Refusal("method", f"{what}: this path takes another method; see /openapi.json")
    return Refusal("internal", "the server failed; its log says why")
