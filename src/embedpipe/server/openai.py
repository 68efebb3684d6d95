"""OpenAI's embeddings API: `POST /v1/embeddings` and `GET /v1/models`.

https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import gt
from typing import Annotated, Any, Literal

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from embedpipe.encoder import Encoder
from embedpipe.server.bodies import decoded
from embedpipe.server.hosted import Hosted
from embedpipe.server.piece_ids import PieceId, piece_ids
from embedpipe.server.vectors import (
    JSON,
    Service,
    as_base64,
    as_json,
    check_texts,
)

__all__ = ["ROUTES", "EmbeddingsRequest"]


class EmbeddingsRequest(msgspec.Struct):
    """What is to be embedded.

    input: a text, texts, piece ids of one text, or of several. dimensions: how many numbers of
    each vector, for models whose vectors may be cut; all by default. user: passed over.
    """

    input: str | list[str | PieceId | list[PieceId]]
    model: str | None = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, msgspec.Meta(ge=1)] | None = None
    user: str | None = None


_DECODER = msgspec.json.Decoder(EmbeddingsRequest)


async def embeddings(request: Request) -> Response:
    """One vector for each text or sequence of piece ids."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _DECODER)
    encoder = service.hosted.model(asked.model)
    inputs = _inputs(asked.input, encoder)
    check_texts(inputs, service.settings, "input")
    prompt = encoder.prompts.chosen() if isinstance(inputs[0], str) else ""
    found = await service.embed(
        request, encoder, inputs, prompt=prompt, dimensions=asked.dimensions
    )
    is_text = asked.encoding_format == "base64"
    vectors = as_base64(found.vectors) if is_text else found.vectors
    data = await as_json(
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(vectors)
    )
    pieces, full_lengths = found.pieces.tolist(), found.full_lengths.tolist()
    count = sum(pieces)  # of a few, faster than by NumPy
    rest = {"model": encoder.name, "usage": {"prompt_tokens": count, "total_tokens": count}}
    body = b'{"object":"list","data":' + data + b"," + orjson.dumps(rest)[1:]
    cut = sum(map(gt, full_lengths, pieces))
    return Response(body, media_type=JSON, headers={"x-truncated-texts": str(cut)})


async def models(request: Request) -> Response:
    """All models here."""
    data = [_described(name) for name in Service.of(request).hosted.models]
    return Response(orjson.dumps({"object": "list", "data": data}), media_type=JSON)


async def model(request: Request) -> Response:
    """One model."""
    hosted: Hosted = Service.of(request).hosted
    encoder = hosted.model(request.path_params["name"])
    return Response(orjson.dumps(_described(encoder.name)), media_type=JSON)


def _described(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "embedpipe"}


def _inputs(
    given: str | list[str | int | list[int]], encoder: Encoder
) -> Sequence[str] | Sequence[list[int]]:
    """The input as texts, or as sequences of piece ids, which are checked."""
    if isinstance(given, str):
        return [given]
    texts = [item for item in given if isinstance(item, str)]
    if len(texts) == len(given):
        return texts
    return piece_ids(given, encoder, "input")


ROUTES = [
    Route("/v1/embeddings", embeddings, methods=["POST"]),
    Route("/v1/models", models, methods=["GET"]),
    Route("/v1/models/{name:path}", model, methods=["GET"]),
]
