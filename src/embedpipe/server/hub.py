"""The hub at `/hub/`, made when it is first asked for; models that are served link to the page."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from embedpipe.server.refusals import Refusal
from embedpipe.server.vectors import Service

__all__ = ["ROUTES"]

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'"


async def file(request: Request) -> Response:
    """A file of the site."""
    served = tuple(Service.of(request).hosted.models)
    name = request.path_params["path"] or "index.html"
    content = (await asyncio.to_thread(_files, served)).get(name)
    if content is None:
        raise Refusal("unknown_path", f"the hub has no page {name!r:.200}; see /hub/")
    media_type = _TYPES[PurePosixPath(name).suffix]
    headers = {"content-security-policy": _POLICY}
    return Response(content, media_type=media_type, headers=headers)


async def moved(_: Request) -> Response:
    """To the folder, below which its pages look for each other."""
    return RedirectResponse("/hub/")


@lru_cache(maxsize=1)
def _files(served: tuple[str, ...]) -> dict[str, bytes]:
    from embedpipe.site.building import hub_files, hub_pages

    return dict(hub_files(list(hub_pages()), dict.fromkeys(served, "/")))


ROUTES = [
    Route("/hub", moved, methods=["GET"]),
    Route("/hub/{path:path}", file, methods=["GET"]),
]
