"""What ALBERT does to a text before and after SentencePiece.

As Google's ALBERT (tokenization.py: preprocess_text, encode_pieces) and the AlbertTokenizer of
transformers up to 4, written in Python, have it. SentencePiece is in `sentencepiece_model`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from embedpipe.arrays import end_to_end
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import ModelFormatError
from embedpipe.subword.aligned import Aligned
from embedpipe.subword.sentencepiece_model import WORD_BOUNDARY, SentencePiece
from embedpipe.subword.settings import AddedPiece, TokenizerSettings
from embedpipe.subword.splitter import Spans, Splitter, as_ragged
from embedpipe.subword.tokenizer import TokenizerParts

__all__ = ["AlbertText", "read_albert"]

_MASK = "[MASK]"


def read_albert(
    files: Mapping[str, bytes], source: str, settings: TokenizerSettings
) -> TokenizerParts:
    """ALBERT's `spiece.model`."""
    model = SentencePiece(files["spiece.model"], f"{source}/spiece.model")
    unk_piece = model.pieces[model.unk_id]
    if settings.unk_token not in (None, unk_piece):
        raise ModelFormatError(
            f"{source}/spiece.model: the piece for unknown text is {unk_piece[:80]!r}; unk_token, "
            f"in a file beside it, is {str(settings.unk_token)[:80]!r}. Use the tokenizer files of "
            "one model, all as published"
        )
    vocabulary = {piece: piece_id for piece_id, piece in enumerate(model.pieces)}
    names = (settings.cls_token, settings.sep_token, settings.mask_token or _MASK, unk_piece)
    known = [AddedPiece(p) for p in (*names, *model.controls) if p in vocabulary]
    stated = {piece.text: piece for piece in (*known, *settings.added)}
    added = list(_with_ids(stated.values(), vocabulary, settings.encoder_size, source))
    vocabulary |= {piece.text: piece.id for piece in added if piece.id is not None}
    return TokenizerParts(
        vocabulary=vocabulary,
        text=AlbertText(model, added, settings),
        make_words=partial(_itself, model),
        unk_piece=unk_piece,
        skipped_in_words=WORD_BOUNDARY,
    )


def _with_ids(
    pieces: Iterable[AddedPiece], vocabulary: Mapping[str, int], encoder_size: int, source: str
) -> Iterator[AddedPiece]:
    """The pieces with their ids: the vocabulary's, or the next ones; as `added.add_pieces`."""
    following = len(vocabulary)
    for piece in pieces:
        found = vocabulary.get(piece.text, following)
        if piece.id not in (None, found):
            raise ModelFormatError(
                f"{source}/spiece.model: the added piece {piece.text[:80]!r} has the id "
                f"{piece.id}, in the vocabulary, or behind it, {found}. Use the tokenizer files of "
                "one model, all as published"
            )
        if found == following:
            if piece.id is None and following >= encoder_size:
                continue
            following += 1
        yield piece._replace(id=found)


def _itself(splitter: Splitter) -> Splitter:
    return splitter


class AlbertText:
    """Cuts running text: special pieces, then case and accents, SentencePiece, numbers."""

    def __init__(
        self, model: SentencePiece, added: Sequence[AddedPiece], settings: TokenizerSettings
    ) -> None:
        """Take the model, and the pieces that stand for themselves in a text, with their ids.

        Those that are `normalized` are found in folded text, others in the text as it is.
        """
        self._model = model
        self._lower_first = settings.lower_first
        self._lowercase = settings.do_lower_case is not False
        self._keep_accents = settings.keep_accents is True
        self._raw = _Finder({p.text: p for p in added if not p.normalized})
        self._in_folded = _Finder({self._folded(p.text): p for p in added if p.normalized})
        self._numbers = _numbers(model)

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, without special pieces around them."""
        rows = [self._parts(text) for text in texts]
        plain = iter(self._plain_ids([part for row in rows for part in row[::2]]))
        return as_ragged(self._joined(row[1::2], plain) for row in rows)

    def spans(self, texts: Sequence[str]) -> Spans:
        """The same pieces, with the characters that they stand for; slower than `split`."""
        rows = [list(self._spans(text)) for text in texts]
        places, _ = end_to_end([place for _, place in row] for row in rows)
        begins, ends = np.array(places, np.int64).reshape(-1, 2).T
        return Spans(as_ragged([piece_id for piece_id, _ in row] for row in rows), begins, ends)

    def _spans(self, text: str) -> Iterator[tuple[int, tuple[int, int]]]:
        """Each piece's id and place."""
        for begin, end, piece_id in self._raw.places(text):
            if piece_id is not None:
                yield piece_id, (begin, end)
                continue
            folded = self._folded_in_place(Aligned.of(text[begin:end], begin))
            for first, last, added in self._in_folded.places(folded.text):
                if added is not None:
                    yield added, folded.place(first, last)
                else:
                    yield from self._plain_spans(folded.part(first, last))

    def _plain_spans(self, folded: Aligned) -> Iterator[tuple[int, tuple[int, int]]]:
        ((ids, offsets),) = self._model.spans([folded.text])
        for piece_id, (begin, end) in zip(ids, offsets, strict=True):
            number = self._numbers.get(piece_id)
            if number is None:
                yield piece_id, folded.place(begin, end)
                continue
            at = end - len(folded.text[begin:end].lstrip())
            for part in number[:-1]:  # and the comma behind it
                size = len(self._model.pieces[part].replace(WORD_BOUNDARY, ""))
                yield part, folded.place(at, at + size)
                at += size
            yield number[-1], folded.place(end - 1, end)

    def _folded_in_place(self, text: Aligned) -> Aligned:
        """The same as `_folded`."""
        if self._lower_first:
            text = text.lower()
        text = text.single_spaces().replaced("``", '"').replaced("''", '"')
        if not self._keep_accents and not text.text.isascii():
            text = text.without_accents()
        return text.lower() if self._lowercase else text

    def _parts(self, text: str) -> list[Any]:
        """Folded text, an added piece's id, folded text, ..., folded text."""
        row: list[Any] = []
        for part in self._raw.split(text):
            row += [part] if isinstance(part, int) else self._in_folded.split(self._folded(part))
        return row

    def _joined(self, added: Sequence[int], plain: Iterator[list[int]]) -> list[int]:
        """The ids of a text: of its plain parts, which come next there, and added pieces."""
        ids = next(plain)
        for piece_id in added:
            ids = [*ids, piece_id, *next(plain)]
        return ids

    def _plain_ids(self, folded: Sequence[str]) -> list[list[int]]:
        return [self._cut_numbers(ids) for ids in self._model.ids(folded)]

    def _cut_numbers(self, ids: list[int]) -> list[int]:
        if self._numbers.keys().isdisjoint(ids):
            return ids
        return [part for piece_id in ids for part in self._numbers.get(piece_id, (piece_id,))]

    def _folded(self, text: str) -> str:
        """The text as the model was trained on it."""
        if self._lower_first:
            text = text.lower()
        text = " ".join(text.split()).replace("``", '"').replace("''", '"')
        if not self._keep_accents and not text.isascii():
            text = unicodedata.normalize("NFKD", text)
            text = "".join(c for c in text if not unicodedata.combining(c))
        return text.lower() if self._lowercase else text


class _Finder:
    """Finds added pieces in a text, the longest first."""

    def __init__(self, pieces: Mapping[str, AddedPiece]) -> None:
        """Take the pieces by what they look like in the text."""
        patterns = [
            rf"(?<!\w){re.escape(text)}(?!\w)" if pieces[text].single_word else re.escape(text)
            for text in sorted(pieces, key=len, reverse=True)
        ]
        self._pattern = re.compile(f"({'|'.join(patterns) or '(?!)'})")
        self._ids = {text: piece.id for text, piece in pieces.items()}

    def split(self, text: str) -> list[Any]:
        """Text, a piece's id, text, ..., text."""
        parts: list[Any] = self._pattern.split(text)
        parts[1::2] = map(self._ids.__getitem__, parts[1::2])
        return parts

    def places(self, text: str) -> Iterator[tuple[int, int, int | None]]:
        """Begin and end of each part, with the piece's id where it is one, else None."""
        at = 0
        for found in self._pattern.finditer(text):
            yield at, found.start(), None
            yield found.start(), found.end(), self._ids[found.group()]
            at = found.end()
        yield at, len(text), None


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
