"""Has a `tokenizers.Tokenizer` find special and added pieces in a text, as transformers does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from embedpipe._dependencies import require
from embedpipe.errors import ModelFormatError
from embedpipe.subword.settings import AddedPiece

__all__ = ["add_pieces"]


def add_pieces(
    tokenizer: Any, pieces: Iterable[AddedPiece], *, encoder_size: int, source: str
) -> dict[str, int]:
    """Add pieces, and give their ids: those of the vocabulary keep theirs, others get the next.

    A piece without an id of its own is left out where the encoder's table, of `encoder_size` rows,
    has no place for it: transformers would make an id that no encoder can look up.

    Raises ModelFormatError for an id that is not the next one, or not the vocabulary's.
    """
    added_token = require("tokenizers", "adding pieces to a vocabulary").AddedToken
    size = tokenizer.get_vocab_size(with_added_tokens=True)  # its pieces would take 10 ms to list
    tokens = []
    chosen = []
    for piece in pieces:
        if tokenizer.token_to_id(piece.text) is None:
            if piece.id is None and size >= encoder_size:
                continue
            size += 1
        chosen.append(piece)
        flags = {key: getattr(piece, key) for key in ("lstrip", "rstrip", "normalized", "special")}
        tokens.append(added_token(piece.text, single_word=piece.single_word, **flags))
    tokenizer.add_tokens(tokens)
    ids = {piece.text: tokenizer.token_to_id(piece.text) for piece in chosen}
    for piece in chosen:
        found = ids[piece.text]
        if piece.id is not None and piece.id != found:
            raise ModelFormatError(
                f"{source}: the added piece {piece.text[:80]!r} has the id {piece.id}; behind the "
                f"pieces of the vocabulary it is {found}, also in transformers. Use the tokenizer "
                "files of one model, all as they were published"
            )
    return ids
