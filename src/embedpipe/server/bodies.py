"""Reads a request's body within its limits, and checks it against what the API describes."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar, cast

import msgspec
from starlette.requests import Request

from embedpipe.server.refusals import Refusal
from embedpipe.server.settings import Limits

__all__ = ["decoded", "media_type", "read_body"]

Body = TypeVar("Body")

_JSON = ("application/json", "")  # curl's own default is refused: it means another format


async def read_body(request: Request, limits: Limits) -> bytes:
    """The whole body, refused as soon as it is known to be too large or too slow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(limits)
    is_late = False

    def give_up(task: asyncio.Task[Any]) -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    # asyncio.wait_for would make a task of its own, for a body that is nearly always there already.
    task = cast("asyncio.Task[Any]", asyncio.current_task())
    timer = asyncio.get_running_loop().call_later(limits.body_seconds, give_up, task)
    try:
        return await _received(request, limits)
    except asyncio.CancelledError:
        if not is_late:
            raise
        raise Refusal(
            "slow", f"the body did not come within {limits.body_seconds:g} s; send it faster"
        ) from None
    finally:
        timer.cancel()


async def _received(request: Request, limits: Limits) -> bytes:
    parts, total = [], 0
    async for part in request.stream():
        total += len(part)
        if total > limits.body_bytes:
            raise _too_large(limits)
        parts.append(part)
    return b"".join(parts)


def media_type(request: Request) -> str:
    """The type of the body without its parameters, in lower case; "" where none is named."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def decoded(request: Request, limits: Limits, decoder: msgspec.json.Decoder[Body]) -> Body:
    """The JSON body as the decoder's type.

    Raises Refusal for another media type, and for what is not as the type says: the place is named.
    """
    found = media_type(request)
    if found not in _JSON and not found.endswith("+json"):
        raise Refusal(
            "media_type",
            f"content-type: found {found!r:.80}; expected application/json",
            field="content-type",
        )
    body = await read_body(request, limits)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        field = place.rstrip("`").lstrip(".") or None
        where = "the body" if field is None else field
        known = "; /openapi.json lists those that are known" if "enum" in message else ""
        raise Refusal("invalid", f"{where}: {_lowered(message)}{known}", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("invalid", f"the body is no JSON: {_lowered(str(error))}") from None
    except RecursionError:
        raise Refusal("invalid", "the body is nested too deeply; expected a flat object") from None


def _lowered(message: str) -> str:
    return message if message[:2].isupper() else message[:1].lower() + message[1:]


def _too_large(limits: Limits) -> Refusal:
    return Refusal(
        "too_large",
        f"the body has more than {limits.body_bytes:,} bytes; send its texts in several requests",
    )
