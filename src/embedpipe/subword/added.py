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
) -> None:
    """Add pieces: those of the vocabulary keep their ids, others get the next ones in order.

    A piece without an id of its own is left out where the encoder's table, of `encoder_size` rows,
    has no place for it: transformers would make an id that no encoder can look up.

    Raises ModelFormatError for an id that is not the next one, or not the vocabulary's.
    """
    added_token = require("tokenizers", "adding pieces to a vocabulary").AddedToken
    known = tokenizer.get_vocab(with_added_tokens=True)
    size = len(known)
    tokens = []
    chosen = []
    for piece in pieces:
        if piece.text not in known:
            if piece.id is None and size >= encoder_size:
                continue
            size += 1
        chosen.append(piece)
        flags = {key: getattr(piece, key) for key in ("lstrip", "rstrip", "normalized", "special")}
        tokens.append(added_token(piece.text, single_word=piece.single_word, **flags))
    tokenizer.add_tokens(tokens)
    for piece in chosen:
        found = tokenizer.token_to_id(piece.text)
        if piece.id is not None and piece.id != found:
            raise ModelFormatError(
                f"{source}: the added piece {piece.text[:80]!r} has the id {piece.id}; behind the "
                f"pieces of the vocabulary it is {found}, also in transformers. Use the tokenizer "
                "files of one model, all as they were published"
            )
