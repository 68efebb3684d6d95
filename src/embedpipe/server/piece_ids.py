"""Piece ids in requests: of one text, or of several, each checked against the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from embedpipe.encoder import Encoder
from embedpipe.server.refusals import Refusal

__all__ = ["PieceId", "piece_ids"]

PieceId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


def piece_ids(
    given: Sequence[str | int | list[int]], encoder: Encoder, field: str
) -> list[list[int]]:
    """The ids of each text; what stands in `field` is the ids of one text, or lists of them.

    Raises Refusal for kinds that are mixed, and for ids that the model cannot read.
    """
    one = [item for item in given if isinstance(item, int)]
    several = [item for item in given if isinstance(item, list)]
    if one and len(one) == len(given):
        return [_checked(one, field, encoder)]
    if len(several) == len(given):
        return [_checked(ids, f"{field}[{place}]", encoder) for place, ids in enumerate(several)]
    place = next(n for n, item in enumerate(given) if type(item) is not type(given[0]))
    message = (
        f"{field}[{place}]: found {_kind(given[place])} after {_kind(given[0])}; expected one kind"
    )
    raise Refusal("invalid", message, field=f"{field}[{place}]")


def _kind(item: object) -> str:
    return {str: "a text", int: "a piece id"}.get(type(item), "a list of piece ids")


def _checked(ids: list[int], place: str, encoder: Encoder) -> list[int]:
    most, size = encoder.config.max_position_embeddings, encoder.config.vocab_size
    if not ids:
        raise Refusal("empty", f"{place}: found no piece ids; expected some", field=place)
    if len(ids) > most:
        message = f"{place}: found {len(ids):,} piece ids; this model reads at most {most:,}"
        raise Refusal("too_long", message, field=place, code="context_length_exceeded")
    if max(ids) >= size:
        message = f"{place}: found the id {max(ids):,}; this model has {size:,} pieces"
        raise Refusal("invalid", message, field=place)
    return ids
