"""What `/openapi.json` says, made from the types that requests are read by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from embedpipe._version import __version__
from embedpipe.server.openai import EmbeddingsRequest
from embedpipe.server.pipelines import ARROW_STREAM, RowsRequest
from embedpipe.server.refusals import API, api_of
from embedpipe.server.tei import (
    DecodeRequest,
    EmbedAllRequest,
    EmbedRequest,
    SimilarityRequest,
    TokenizeRequest,
)

__all__ = ["ROUTES", "description"]

_JSON = "application/json"
_NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}  # null for what is no number
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


class _Operation(NamedTuple):
    """One method of one path. body: the type that it is read by. answer: the answer's schema."""

    summary: str
    answer: Mapping[str, Any] | None
    body: type[msgspec.Struct] | None = None


_MODEL = _object(id=_TEXT, object=_TEXT, created=_COUNT, owned_by=_TEXT)
_PIECE = _object(id=_COUNT, text=_TEXT, special={"type": "boolean"})
_OPERATIONS: Mapping[tuple[str, str], _Operation] = {
    ("/v1/embeddings", "post"): _Operation(
        "Vectors of texts or piece ids, as OpenAI's API gives them",
        _object(
            object=_TEXT,
            data=_list(_object(object=_TEXT, index=_COUNT, embedding={"oneOf": [_NUMBERS, _TEXT]})),
            model=_TEXT,
            usage=_object(prompt_tokens=_COUNT, total_tokens=_COUNT),
        ),
        EmbeddingsRequest,
    ),
    ("/v1/models", "get"): _Operation("All models", _object(object=_TEXT, data=_list(_MODEL))),
    ("/v1/models/{name}", "get"): _Operation("One model", _MODEL),
    ("/embed", "post"): _Operation("Vectors of texts", _list(_NUMBERS), EmbedRequest),
    ("/embed_all", "post"): _Operation(
        "Vectors of every piece", _list(_list(_NUMBERS)), EmbedAllRequest
    ),
    ("/similarity", "post"): _Operation(
        "Cosines of one text with others", _NUMBERS, SimilarityRequest
    ),
    ("/tokenize", "post"): _Operation("Pieces of texts", _list(_list(_PIECE)), TokenizeRequest),
    ("/decode", "post"): _Operation("Texts of piece ids", _list(_TEXT), DecodeRequest),
    ("/info", "get"): _Operation("The first model, and all limits", {"type": "object"}),
    ("/health", "get"): _Operation("Whether it answers", None),
    ("/pipelines", "get"): _Operation(
        "All pipelines", _object(pipelines=_list(_object(name=_TEXT, stages=_list(_TEXT))))
    ),
    ("/pipelines/{name}", "post"): _Operation(
        f"Rows with the columns that a saved pipeline makes; {ARROW_STREAM} as well as JSON",
        _object(rows=_list({"type": "object"})),
        RowsRequest,
    ),
}
_ERRORS: Mapping[API, Any] = {
    "openai": _object(
        error=_object(
            message=_TEXT,
            type=_TEXT,
            param={"type": ["string", "null"]},
            code={"type": ["string", "null"]},
        )
    ),
    "tei": _object(error=_TEXT, error_type=_TEXT),
    "own": _object(error=_TEXT, error_type=_TEXT, field={"type": ["string", "null"]}),
}


def description() -> dict[str, Any]:
    """OpenAPI 3.1 of all routes.

    >>> sorted(description()["paths"])[:3]
    ['/decode', '/embed', '/embed_all']
    """
    bodies = [found.body for found in _OPERATIONS.values() if found.body is not None]
    _, schemas = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), operation in _OPERATIONS.items():
        paths.setdefault(path, {})[method] = _described(path, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "embedpipe", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas | {f"{api}Error": error for api, error in _ERRORS.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _described(path: str, operation: _Operation) -> dict[str, Any]:
    error = {"schema": {"$ref": f"#/components/schemas/{api_of(path)}Error"}}
    answer: dict[str, Any] = {"description": "done"}
    if operation.answer is not None:
        answer["content"] = {_JSON: {"schema": operation.answer}}
    found: dict[str, Any] = {
        "summary": operation.summary,
        "responses": {
            "200": answer,
            "4XX": {"description": "refused", "content": {_JSON: error}},
        },
    }
    if operation.body is not None:
        schema = {"$ref": f"#/components/schemas/{operation.body.__name__}"}
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    if "{name}" in path:
        place = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
        found["parameters"] = [place]
    return found


async def _answer(_: Request) -> Response:
    return Response(orjson.dumps(description()), media_type=_JSON)


ROUTES = [Route("/openapi.json", _answer, methods=["GET"])]
