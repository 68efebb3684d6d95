"""What every request passes: the key, and an account of it in the log and in the metrics.

Texts never get into either.
"""

from __future__ import annotations

import hmac
import json
import logging
import time
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedpipe.server.metrics import Metrics
from embedpipe.server.refusals import Refusal, api_of

__all__ = ["Guard", "answer"]

_LOG = logging.getLogger("embedpipe.server.access")
_OPEN = {"/", "/health", "/openapi.json", "/favicon.ico"}
_OPEN_FOLDERS = ("/demo/static/", "/hub/")
_LONGEST_PATH = 200  # in the log


class Guard:
    """The outermost layer: refuses who has no key, and accounts for every request."""

    def __init__(self, app: ASGIApp, *, api_key: str | None, metrics: Metrics) -> None:
        self._app = app
        self._key = None if api_key is None else api_key.encode()
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it pass; as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self._app(scope, receive, noted)
            else:
                await answer(refusal, scope["path"])(scope, receive, noted)
        finally:
            self._account(scope, status, time.perf_counter() - begin)

    def _refusal(self, scope: Scope) -> Refusal | None:
        path = scope["path"]
        if self._key is None or path in _OPEN or path.startswith(_OPEN_FOLDERS):
            return None
        kind, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("latin-1"), self._key
        ):
            return None
        return Refusal(
            "unauthorized",
            "the key is missing or wrong; send the header `Authorization: Bearer KEY`",
            field="authorization",
            code="invalid_api_key",
        )

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        found = scope.get("route")
        route = getattr(found, "path", "other")
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if _LOG.isEnabledFor(logging.INFO):
            _LOG.info(orjson.dumps(_line(scope, status, seconds)).decode())


def _line(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    client = scope.get("client")
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "client": client[0] if client else None,
        "method": scope["method"],
        "path": scope["path"][:_LONGEST_PATH],
        "status": status,
        "ms": round(seconds * 1000, 2),
    }


def answer(refusal: Refusal, path: str) -> Response:
    """The refusal as the API says it that this path belongs to."""
    api = api_of(path)
    return Response(
        json.dumps(refusal.body(api)),
        status_code=refusal.status(api),
        headers=refusal.headers(),
        media_type="application/json",
    )
