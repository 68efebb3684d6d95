"""From a request's texts to vectors: what the routes of all APIs share."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import orjson
from starlette.requests import Request

from embedpipe.encoder import Encoder
from embedpipe.engine.pooling import Pooling
from embedpipe.server.dimensions import kept_dimensions
from embedpipe.server.hosted import Hosted
from embedpipe.server.refusals import Refusal
from embedpipe.server.settings import ServerSettings
from embedpipe.server.turns import Turns, Work
from embedpipe.server.works import Embedded, EmbedPieces, EmbedTexts, joined, sizes_of

__all__ = ["JSON", "Service", "as_base64", "as_json", "check_texts"]

JSON = "application/json"
_WATCHED_AFTER_SECONDS = 0.1
_VECTORS_AT_ONCE = 512  # written as JSON before others may go on


@dataclass(frozen=True)
class Service:
    """What a running server has: what it offers, how it was told to behave, and what computes."""

    hosted: Hosted
    settings: ServerSettings
    turns: Turns

    @classmethod
    def of(cls, request: Request) -> Service:
        """The one that this request came to."""
        return cast("Service", request.app.state.service)

    async def embed(  # noqa: PLR0913
        self,
        request: Request,
        encoder: Encoder,
        inputs: Sequence[str] | Sequence[list[int]],
        *,
        pooling: Pooling | None = None,
        normalize: bool | None = None,
        prompt: str = "",
        dimensions: int | None = None,
    ) -> Embedded:
        """One vector per input. `None` takes what the model was published with.

        dimensions: how many numbers of each vector are wanted. What is cut gets length 1 again
        where whole vectors have it.
        """
        kept = kept_dimensions(dimensions, encoder, any_size=self.settings.any_dimensions)
        chosen = encoder.pooling if pooling is None else pooling
        found = await self._whole(request, encoder, inputs, chosen, normalize, prompt)
        if kept is None:
            return found
        is_unit = encoder.normalize if normalize is None else normalize
        return found.cut(kept, normalize=is_unit)

    async def _whole(  # noqa: PLR0913, PLR0917
        self,
        request: Request,
        encoder: Encoder,
        inputs: Sequence[str] | Sequence[list[int]],
        pooling: Pooling,
        normalize: bool | None,
        prompt: str,
    ) -> Embedded:
        texts = [item for item in inputs if isinstance(item, str)]
        if texts:
            work: Work = EmbedTexts(encoder, pooling, normalize, prompt)
            sizes = sizes_of(texts, encoder.max_length)
            return joined(await self.computed(request, work, texts, sizes))
        work = EmbedPieces(encoder, pooling, normalize)
        ids = [np.array(sequence, dtype=np.int32) for sequence in inputs]
        return joined(await self.computed(request, work, ids, [len(found) for found in ids]))

    async def computed(
        self, request: Request, work: Work, items: Sequence[Any], sizes: Sequence[int]
    ) -> list[Any]:
        """The results of all items, in parts; given up where the client has gone."""
        results = self.turns.submit(work, items, sizes)
        watch: asyncio.Task[None] | None = None

        def begin_to_watch() -> None:
            nonlocal watch
            watch = asyncio.ensure_future(_gone(request))
            watch.add_done_callback(lambda _: results.cancel())

        # Most are done by then: a task for each would cost as much as many a text.
        timer = asyncio.get_running_loop().call_later(_WATCHED_AFTER_SECONDS, begin_to_watch)
        try:
            return await results
        except asyncio.CancelledError:
            if watch is not None and watch.done():
                raise Refusal("gone", "the client hung up") from None
            raise
        finally:
            timer.cancel()
            results.cancel()
            if watch is not None:
                watch.cancel()


async def _gone(request: Request) -> None:
    """Return once the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def check_texts(inputs: Sequence[Any], settings: ServerSettings, field: str) -> None:
    """Refuse a request without texts, or with more than one may bring."""
    most = settings.limits.texts
    if not inputs:
        raise Refusal("empty", f"{field}: found an empty list; expected texts", field=field)
    if len(inputs) > most:
        raise Refusal(
            "too_many",
            f"{field}: found {len(inputs):,} texts; expected at most {most:,}. Send them in "
            "several requests",
            field=field,
        )


def as_base64(vectors: npt.NDArray[np.float32]) -> Iterator[str]:
    """Each vector's little-endian float32 numbers, as OpenAI's clients read them."""
    for vector in vectors.astype("<f4", copy=False):
        yield base64.b64encode(vector.tobytes()).decode()


async def as_json(values: Iterable[Any]) -> bytes:
    """A JSON array of the values, written in parts, between which other requests go on."""
    listed = list(values)
    parts = []
    for begin in range(0, len(listed), _VECTORS_AT_ONCE):
        if begin:
            await asyncio.sleep(0)
        part = listed[begin : begin + _VECTORS_AT_ONCE]
        parts.append(orjson.dumps(part, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1])
    return b"[" + b",".join(parts) + b"]"
