"""What ALBERT does to a text before and after SentencePiece.

As Google's ALBERT (tokenization.py: preprocess_text, encode_pieces) and the AlbertTokenizer of
transformers up to 4, written in Python, have it. SentencePiece itself is in `unigram`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from embedpipe.engine.ragged import Ragged
from embedpipe.subword.normalizer import WORD_BOUNDARY
from embedpipe.subword.splitter import as_ragged
from embedpipe.subword.unigram import Unigram

__all__ = ["AlbertText"]


class AlbertText:
    """Cuts running text: special pieces, then case and accents, SentencePiece, numbers."""

    def __init__(
        self,
        unigram: Unigram,
        pieces: Sequence[str],
        *,
        special: Mapping[str, int],
        lowercase: bool,
        keep_accents: bool,
    ) -> None:
        """Take the model, its pieces by id, and those that stand for themselves in a text."""
        self._unigram = unigram
        self._special = special
        self._lowercase = lowercase
        self._keep_accents = keep_accents
        longest_first = sorted(special, key=len, reverse=True)
        self._special_piece = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._numbers = _numbers(unigram, pieces)

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, without special pieces around them."""
        return as_ragged(map(self._ids, texts))

    def _ids(self, text: str) -> list[int]:
        plain, *others = self._special_piece.split(text)
        ids = self._plain_ids(plain)
        for special, following in zip(others[::2], others[1::2], strict=True):
            ids += [self._special[special], *self._plain_ids(following)]
        return ids

    def _plain_ids(self, text: str) -> list[int]:
        ids = self._unigram.ids(self._folded(text))
        if self._numbers.keys().isdisjoint(ids):
            return ids
        return [part for piece_id in ids for part in self._numbers.get(piece_id, (piece_id,))]

    def _folded(self, text: str) -> str:
        """The text as the model was trained on it."""
        text = " ".join(text.split()).replace("``", '"').replace("''", '"')
        if not self._keep_accents and not text.isascii():
            text = unicodedata.normalize("NFKD", text)
            text = "".join(c for c in text if not unicodedata.combining(c))
        return text.lower() if self._lowercase else text


def _numbers(unigram: Unigram, pieces: Sequence[str]) -> dict[int, list[int]]:
    """By id of each piece that ends in a digit and a comma: the ids of the number and the comma."""
    ids = {piece: piece_id for piece_id, piece in enumerate(pieces)}
    numbers = {}
    for piece, piece_id in ids.items():
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            number = [pieces[part] for part in unigram.ids(piece[:-1].replace(WORD_BOUNDARY, ""))]
            if number and not piece.startswith(WORD_BOUNDARY):
                number[0] = number[0].removeprefix(WORD_BOUNDARY)
            numbers[piece_id] = [ids.get(part, unigram.unk_id) for part in [*number, ","] if part]
    return numbers
