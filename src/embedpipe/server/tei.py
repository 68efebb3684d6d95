"""The routes of Hugging Face's text-embeddings-inference that an encoder can answer.

https://huggingface.github.io/text-embeddings-inference/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from embedpipe._version import __version__
from embedpipe.encoder import Encoder
from embedpipe.server.bodies import decoded
from embedpipe.server.piece_ids import PieceId, piece_ids
from embedpipe.server.refusals import Refusal
from embedpipe.server.vectors import JSON, Service, as_json, check_texts
from embedpipe.server.works import HiddenStates, sizes_of

__all__ = ["ROUTES", "EmbedAllRequest", "EmbedRequest", "SimilarityRequest", "TokenizeRequest"]


class EmbedRequest(msgspec.Struct):
    """Texts to embed. truncate: whether what is too long is cut or refused; else as the server."""

    inputs: str | list[str]
    truncate: bool | None = None
    normalize: bool = True
    prompt_name: str | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1)] | None = None


class EmbedAllRequest(msgspec.Struct):
    """Texts whose pieces' vectors are wanted, one list of vectors per text."""

    inputs: str | list[str]
    truncate: bool | None = None
    prompt_name: str | None = None


class TokenizeRequest(msgspec.Struct):
    """Texts to cut into pieces."""

    inputs: str | list[str]
    add_special_tokens: bool = True
    prompt_name: str | None = None


class DecodeRequest(msgspec.Struct):
    """Piece ids of one text, or of several."""

    ids: list[PieceId | list[PieceId]]
    skip_special_tokens: bool = True


class SimilarityInputs(msgspec.Struct):
    """One text, and those that it is compared with."""

    source_sentence: str
    sentences: list[str]


class SimilarityParameters(msgspec.Struct):
    """As of EmbedRequest."""

    truncate: bool | None = None
    prompt_name: str | None = None


class SimilarityRequest(msgspec.Struct):
    """What is compared."""

    inputs: SimilarityInputs
    parameters: SimilarityParameters | None = None


_EMBED = msgspec.json.Decoder(EmbedRequest)
_EMBED_ALL = msgspec.json.Decoder(EmbedAllRequest)
_TOKENIZE = msgspec.json.Decoder(TokenizeRequest)
_DECODE = msgspec.json.Decoder(DecodeRequest)
_SIMILARITY = msgspec.json.Decoder(SimilarityRequest)


async def embed(request: Request) -> Response:
    """One vector per text."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _EMBED)
    encoder = service.hosted.model(None)
    texts = _texts(asked.inputs, service)
    prompt = _prompt(encoder, asked.prompt_name)
    found = await service.embed(
        request,
        encoder,
        texts,
        normalize=asked.normalize,
        prompt=prompt,
        dimensions=asked.dimensions,
    )
    _check_lengths(found.full_lengths, encoder, asked.truncate, service)
    return Response(await as_json(found.vectors), media_type=JSON)


async def embed_all(request: Request) -> Response:
    """The vectors of each text's pieces, special ones included."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _EMBED_ALL)
    encoder = service.hosted.model(None)
    texts = _texts(asked.inputs, service)
    work = HiddenStates(encoder, _prompt(encoder, asked.prompt_name))
    sizes = sizes_of(texts, encoder.max_length)
    parts = await service.computed(request, work, texts, sizes)
    found = [text for part in parts for text in part]
    lengths = np.array([full for full, _ in found])
    _check_lengths(lengths, encoder, asked.truncate, service)
    return Response(await as_json(states for _, states in found), media_type=JSON)


async def similarity(request: Request) -> Response:
    """The cosine of one text's vector with each other one's."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _SIMILARITY)
    encoder = service.hosted.model(None)
    chosen = asked.parameters or SimilarityParameters()
    check_texts(asked.inputs.sentences, service.settings, "inputs.sentences")
    texts = [asked.inputs.source_sentence, *asked.inputs.sentences]
    prompt = _prompt(encoder, chosen.prompt_name)
    found = await service.embed(request, encoder, texts, normalize=True, prompt=prompt)
    _check_lengths(found.full_lengths, encoder, chosen.truncate, service)
    return Response(await as_json(found.vectors[1:] @ found.vectors[0]), media_type=JSON)


async def tokenize(request: Request) -> Response:
    """The pieces of each text."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _TOKENIZE)
    encoder = service.hosted.model(None)
    texts = _texts(asked.inputs, service)
    prompt = _prompt(encoder, asked.prompt_name)
    batch = encoder.tokenizer.encode([prompt + text for text in texts])
    values = [_pieces(encoder, ids, special=asked.add_special_tokens) for ids in batch.ids]
    return Response(await as_json(values), media_type=JSON)


async def decode(request: Request) -> Response:
    """The text that each text's pieces spell: words as the tokenizer knows them."""
    service = Service.of(request)
    asked = await decoded(request, service.settings.limits, _DECODE)
    encoder = service.hosted.model(None)
    check_texts(asked.ids, service.settings, "ids")
    several = piece_ids(asked.ids, encoder, "ids")
    texts = [_spelled(encoder, ids, special=not asked.skip_special_tokens) for ids in several]
    return Response(await as_json(texts), media_type=JSON)


async def info(request: Request) -> Response:
    """The model that the routes without a model's name use, and the server's limits."""
    service = Service.of(request)
    encoder, limits = service.hosted.model(None), service.settings.limits
    found = {
        "model_id": encoder.name,
        "model_sha": None,
        "model_dtype": encoder.precision,
        "model_type": {"embedding": {"pooling": encoder.pooling}},
        "max_concurrent_requests": limits.waiting_pieces,
        "max_input_length": encoder.max_length,
        "max_batch_tokens": limits.waiting_pieces,
        "max_batch_requests": None,
        "max_client_batch_size": limits.texts,
        "auto_truncate": service.settings.truncate,
        "tokenization_workers": 1,
        "version": __version__,
        "max_body_bytes": limits.body_bytes,
        "models": list(service.hosted.models),
        "pipelines": list(service.hosted.pipelines),
    }
    return Response(orjson.dumps(found), media_type=JSON)


async def health(request: Request) -> Response:
    """Whether it answers."""
    return Response(status_code=200 if Service.of(request).turns.is_open else 503)


def _texts(inputs: str | list[str], service: Service) -> list[str]:
    texts = [inputs] if isinstance(inputs, str) else inputs
    check_texts(texts, service.settings, "inputs")
    return texts


def _prompt(encoder: Encoder, name: str | None) -> str:
    if name is not None and name not in encoder.prompts.texts:
        known = ", ".join(map(repr, encoder.prompts.texts))
        message = f"prompt_name: found {name!r:.200}; this model knows {known}"
        raise Refusal("invalid", message, field="prompt_name")
    return encoder.prompts.chosen(None, name)


def _check_lengths(lengths: Any, encoder: Encoder, truncate: bool | None, service: Service) -> None:
    if service.settings.truncate if truncate is None else truncate:
        return
    long = np.flatnonzero(lengths > encoder.max_length)
    if len(long):
        place = f"inputs[{long[0]}]"
        raise Refusal(
            "too_long",
            f"{place}: found {lengths[long[0]]:,} pieces; this model reads at most "
            f'{encoder.max_length:,}. Shorten it, or send "truncate": true',
            field=place,
        )


def _pieces(encoder: Encoder, ids: Any, *, special: bool) -> Sequence[dict[str, Any]]:
    tokenizer = encoder.tokenizer
    marks = {tokenizer.cls_id, tokenizer.sep_id}
    return [
        {"id": int(number), "text": piece, "special": int(number) in marks}
        for number, piece in zip(ids, tokenizer.pieces(ids), strict=True)
        if special or int(number) not in marks
    ]


def _spelled(encoder: Encoder, ids: Sequence[int], *, special: bool) -> str:
    pieces = [found["text"] for found in _pieces(encoder, ids, special=special)]
    if encoder.tokenizer.is_wordpiece:
        return " ".join(pieces).replace(" ##", "")
    return "".join(pieces).replace("\u2581", " ").strip()  # SentencePiece's mark for a space


ROUTES = [
    Route("/embed", embed, methods=["POST"]),
    Route("/embed_all", embed_all, methods=["POST"]),
    Route("/similarity", similarity, methods=["POST"]),
    Route("/tokenize", tokenize, methods=["POST"]),
    Route("/decode", decode, methods=["POST"]),
    Route("/info", info, methods=["GET"]),
    Route("/health", health, methods=["GET"]),
]
