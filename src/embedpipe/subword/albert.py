"""What ALBERT does to a text before and after SentencePiece.

As Google's ALBERT (tokenization.py: preprocess_text, encode_pieces) and the AlbertTokenizer of
transformers up to 4, written in Python, have it. SentencePiece is in `sentencepiece_model`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from embedpipe.engine.ragged import Ragged
from embedpipe.subword.sentencepiece_model import WORD_BOUNDARY, SentencePiece
from embedpipe.subword.splitter import as_ragged

__all__ = ["AlbertText"]


class AlbertText:
    """Cuts running text: special pieces, then case and accents, SentencePiece, numbers."""

    def __init__(
        self,
        model: SentencePiece,
        *,
        special: Mapping[str, int],
        lowercase: bool,
        keep_accents: bool,
    ) -> None:
        """Take the model, and the pieces that stand for themselves in a text."""
        self._model = model
        self._special = special
        self._lowercase = lowercase
        self._keep_accents = keep_accents
        longest_first = sorted(special, key=len, reverse=True)
        self._special_piece = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._numbers = _numbers(model)

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, without special pieces around them."""
        rows = [self._special_piece.split(text) for text in texts]
        plain = iter(self._plain_ids([part for row in rows for part in row[::2]]))
        return as_ragged(self._joined(row[1::2], plain) for row in rows)

    def _joined(self, special: Sequence[str], plain: Iterator[list[int]]) -> list[int]:
        """The ids of a text: of its plain parts, which come next there, and special pieces."""
        ids = next(plain)
        for piece in special:
            ids = [*ids, self._special[piece], *next(plain)]
        return ids

    def _plain_ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [self._cut_numbers(ids) for ids in self._model.ids(map(self._folded, texts))]

    def _cut_numbers(self, ids: list[int]) -> list[int]:
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


def _numbers(model: SentencePiece) -> dict[int, list[int]]:
    """By id of each piece that ends in a digit and a comma: the ids of the number and the comma."""
    ids = {piece: piece_id for piece_id, piece in enumerate(model.pieces)}
    ending = [p for p in ids if len(p) > 1 and p[-1] == "," and p[-2].isdigit()]
    numbers = {}
    split = model.ids(piece[:-1].replace(WORD_BOUNDARY, "") for piece in ending)
    for piece, found in zip(ending, split, strict=True):
        number = [model.pieces[part] for part in found]
        if number and not piece.startswith(WORD_BOUNDARY):
            number[0] = number[0].removeprefix(WORD_BOUNDARY)
        numbers[ids[piece]] = [ids.get(part, model.unk_id) for part in [*number, ","] if part]
    return numbers
