"""The tokenizer of one model: text or words in, piece ids end to end in one array out.

How a tokenizer is read from a model's folder is in `loading`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from embedpipe.arrays import offsets_of
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import InputError, ParameterError
from embedpipe.subword.piece_cache import RememberedWords
from embedpipe.subword.splitter import Splitter, WordwiseSplitter

__all__ = ["PieceBatch", "SubwordTokenizer", "TokenizerParts"]

_SPECIAL_PER_TEXT = 2  # [CLS] and [SEP]
_MOST_CUTS = 4  # functions whose answers are remembered
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class TokenizerParts:
    """What a file of a known layout gives.

    `vocabulary`: ids by piece. `text`: for sentences. `make_words`: makes the one for single words.
    `unk_piece`: what stands for unknown text. `skipped_in_words`: a piece that is left out of
    words, or None. `empty`: ids that the file's own template surrounds an empty text with, or None.
    """

    vocabulary: Mapping[str, int]
    text: Splitter
    make_words: Callable[[], Splitter]
    unk_piece: str
    skipped_in_words: str | None = None
    empty: tuple[int, ...] | None = None


@dataclass(frozen=True)
class PieceBatch:
    """What n texts became.

    `ids`: int32 piece ids of each text, `[CLS]` first and `[SEP]` last. `truncated`: bool (n,),
    whether pieces were left out. `full_lengths`: int64 (n,), pieces with nothing left out,
    `[CLS]` and `[SEP]` included.
    """

    ids: Ragged
    truncated: npt.NDArray[np.bool_]
    full_lengths: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


class SubwordTokenizer:
    """Cuts text into the pieces that one model knows; made by `load_tokenizer`.

    Attributes: `cls_id`, `sep_id`, `unk_id`; `vocab_size`, the largest id plus one.

    >>> from embedpipe import Encoder
    >>> tokenizer = Encoder.load().tokenizer
    >>> batch = tokenizer.encode(["Antibiotics aren't painkillers."])
    >>> tokenizer.pieces(batch.ids[0])
    ['[CLS]', 'antibiotics', 'aren', "'", 't', 'pain', '##kill', '##ers', '.', '[SEP]']
    """

    def __init__(
        self, parts: TokenizerParts, *, source: str, cls_piece: str, sep_piece: str
    ) -> None:
        """Keep the parts; `source` names them in errors. The special pieces must be known."""
        self.source = source
        self.cls_id: int = parts.vocabulary[cls_piece]
        self.sep_id: int = parts.vocabulary[sep_piece]
        self.unk_id: int = parts.vocabulary[parts.unk_piece]
        self.vocab_size: int = max(parts.vocabulary.values()) + 1
        self._parts = parts
        self._words_by_cut: dict[Callable[[str], Sequence[str]], Splitter] = {}

    def __repr__(self) -> str:
        return f"SubwordTokenizer({self.source!r}, vocab_size={self.vocab_size})"

    def encode(self, texts: Sequence[str], *, max_length: int | None = None) -> PieceBatch:
        """Piece ids of each text, between `[CLS]` and `[SEP]`.

        A text of more than `max_length` pieces keeps its first `max_length - 2` and both special
        pieces, as transformers truncates; None truncates nothing. An empty text, or one of white
        space, gives `[CLS] [SEP]`. Half of a surrogate pair, which is no character and has no
        UTF-8 form, counts as U+FFFD.

        >>> from embedpipe import Encoder
        >>> batch = Encoder.load().tokenizer.encode(["one two three", ""], max_length=4)
        >>> [ids.tolist() for ids in batch.ids], batch.truncated.tolist()
        ([[101, 2028, 2048, 102], [101, 102]], [True, False])
        """
        if max_length is not None and max_length < _SPECIAL_PER_TEXT:
            raise ParameterError(
                f"max_length: found {max_length}; expected at least {_SPECIAL_PER_TEXT}, "
                "the pieces [CLS] and [SEP]"
            )
        pieces = self._parts.text.split(_encodable(texts))
        lengths = pieces.lengths
        kept = lengths if max_length is None else np.minimum(lengths, max_length - 2)
        truncated = kept < lengths
        values = pieces.values
        if truncated.any():
            place = np.arange(len(values)) - np.repeat(pieces.offsets[:-1], lengths)
            values = values[place < np.repeat(kept, lengths)]
        ids = self._surround(values, kept)
        return PieceBatch(ids, truncated, lengths + _SPECIAL_PER_TEXT)

    def encode_words(
        self, words: Sequence[str], *, cut: Callable[[str], Sequence[str]] | None = None
    ) -> Ragged:
        """Piece ids (int32) of each word by itself, without special pieces.

        A word is looked up as it stands: case, accents and punctuation are the caller's. An empty
        word has no pieces. WordPiece gives `[UNK]` for a word of more than 200 characters.
        SentencePiece normalises the word, begins it with its word boundary `▁` and drops that piece
        where it stands alone, as Spark NLP does.

        With `cut`, what that function finds in each of `words` is looked up instead. Pieces are
        remembered by function, so give the same one again, one that always finds the same.

        >>> from embedpipe import Encoder
        >>> [ids.tolist() for ids in Encoder.load().tokenizer.encode_words(["pain", "painkiller"])]
        [[3255], [3255, 15872, 2121]]
        """
        pieces = self._words_by(cut).split(_encodable(words))
        if self._parts.skipped_in_words is None:
            return pieces
        skipped = self._parts.vocabulary.get(self._parts.skipped_in_words)
        keep = pieces.values != skipped
        return Ragged(pieces.values[keep], offsets_of(keep)[pieces.offsets])

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The text of each piece; InputError for an id that the tokenizer does not have."""
        texts = []
        for piece_id in ids:
            text = self._texts.get(int(piece_id))
            if text is None:
                raise InputError(
                    f"piece id {piece_id}: {self.source} has pieces 0 to {self.vocab_size - 1}"
                )
            texts.append(text)
        return texts

    @cached_property
    def _words(self) -> Splitter:
        return RememberedWords(self._parts.make_words())

    def _words_by(self, cut: Callable[[str], Sequence[str]] | None) -> Splitter:
        if cut is None:
            return self._words
        splitter = self._words_by_cut.get(cut)
        if splitter is None:
            if len(self._words_by_cut) >= _MOST_CUTS:
                self._words_by_cut.clear()
            splitter = RememberedWords(WordwiseSplitter(cut, self._words))
            self._words_by_cut[cut] = splitter
        return splitter

    @cached_property
    def _texts(self) -> dict[int, str]:
        return {piece_id: text for text, piece_id in self._parts.vocabulary.items()}

    def _surround(self, values: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]) -> Ragged:
        """The pieces of each text between `[CLS]` and `[SEP]`."""
        offsets = offsets_of(lengths + _SPECIAL_PER_TEXT)
        ids = np.empty(offsets[-1], dtype=np.int32)
        inner = np.ones(offsets[-1], dtype=np.bool_)
        for position, special in ((offsets[:-1], self.cls_id), (offsets[1:] - 1, self.sep_id)):
            ids[position] = special
            inner[position] = False
        ids[inner] = values
        return Ragged(ids, offsets)


def _encodable(texts: Sequence[str]) -> list[str]:
    """The texts with U+FFFD for surrogates, which cannot be handed to Rust."""
    try:
        # One pass in C over all; it costs a fraction of looking for surrogates text by text.
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [_SURROGATE.sub("\ufffd", text) for text in texts]
    return list(texts)
