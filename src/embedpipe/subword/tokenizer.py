"""The tokenizer of one model: text or words in, piece ids end to end in one array out.

How a tokenizer is read from a model's folder is in `loading`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from embedpipe.arrays import offsets_of
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import InputError, ParameterError
from embedpipe.subword.piece_cache import PieceCache
from embedpipe.subword.splitter import Spans, Splitter, TextSplitter, WordwiseSplitter

__all__ = ["PieceBatch", "SubwordTokenizer", "TokenizerParts", "WordSplitter"]

_SPECIAL_PER_TEXT = 2  # [CLS] and [SEP]
_SURROGATE = re.compile("[\ud800-\udfff]")


class TokenizerParts(NamedTuple):
    """What a file of a known layout gives.

    `vocabulary`: ids by piece. `text`: for sentences. `make_words`: makes the one for single words.
    `unk_piece`: what stands for unknown text. `skipped_in_words`: a piece that is left out of
    words, or None. `empty`: ids that the file's own template surrounds an empty text with, or None.
    """

    vocabulary: Mapping[str, int]
    text: TextSplitter
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


class WordSplitter:
    """Looks up words as they stand; made by `SubwordTokenizer.word_splitter`.

    It remembers the pieces of up to 65,536 words of at most 32 characters, some 15 MB, and forgets
    them all when there are more. Threads may share it; what is pickled or copied has met no word.
    """

    def __init__(self, splitter: Splitter, *, skipped: int | None) -> None:
        self._splitter = splitter
        self._skipped = skipped

    def split(self, words: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each word, without special pieces; an empty word has none."""
        pieces = self._splitter.split(encodable(words))
        if self._skipped is None:
            return pieces
        keep = pieces.values != self._skipped
        return Ragged(pieces.values[keep], offsets_of(keep)[pieces.offsets])


class SubwordTokenizer:
    """Cuts text into the pieces that one model knows; made by `load_tokenizer`.

    It can be pickled, and shared by threads. The pieces of words that it has met are remembered:
    what stands between spaces and single words of plain text (30 MB at most), and as much again as
    a `WordSplitter` says for each of those.

    Attributes: `cls_id`, `sep_id`, `unk_id`; `vocab_size`, the largest id plus one.

    >>> from embedpipe import Encoder
    >>> tokenizer = Encoder.load("all-MiniLM-L6-v2").tokenizer
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

    def __repr__(self) -> str:
        return f"SubwordTokenizer({self.source!r}, vocab_size={self.vocab_size})"

    @property
    def is_wordpiece(self) -> bool:
        """Whether it cuts basic words into WordPiece's pieces, as most BERT models' does."""
        return self._parts.skipped_in_words is None

    def encode(self, texts: Sequence[str], *, max_length: int | None = None) -> PieceBatch:
        """Piece ids of each text, between `[CLS]` and `[SEP]`.

        A text of more than `max_length` pieces keeps its first `max_length - 2` and both special
        pieces, as transformers truncates; None truncates nothing. An empty text, or one of white
        space, gives `[CLS] [SEP]`. Half of a surrogate pair, which is no character and has no
        UTF-8 form, counts as U+FFFD.

        >>> from embedpipe import Encoder
        >>> tokenizer = Encoder.load("all-MiniLM-L6-v2").tokenizer
        >>> batch = tokenizer.encode(["one two three", ""], max_length=4)
        >>> [ids.tolist() for ids in batch.ids], batch.truncated.tolist()
        ([[101, 2028, 2048, 102], [101, 102]], [True, False])
        """
        if max_length is not None and max_length < _SPECIAL_PER_TEXT:
            raise ParameterError(
                f"max_length: found {max_length}; expected at least {_SPECIAL_PER_TEXT}, "
                "the pieces [CLS] and [SEP]"
            )
        pieces = self.text_pieces(texts)
        lengths = pieces.lengths
        kept = lengths if max_length is None else np.minimum(lengths, max_length - 2)
        truncated = kept < lengths
        values = pieces.values
        if truncated.any():
            place = np.arange(len(values)) - np.repeat(pieces.offsets[:-1], lengths)
            values = values[place < np.repeat(kept, lengths)]
        ids = self._surround(values, kept)
        return PieceBatch(ids, truncated, lengths + _SPECIAL_PER_TEXT)

    def text_pieces(self, texts: Sequence[str]) -> Ragged:
        """The pieces (int32 ids) that `encode` puts between `[CLS]` and `[SEP]`, all of them.

        >>> from embedpipe import Encoder
        >>> tokenizer = Encoder.load("all-MiniLM-L6-v2").tokenizer
        >>> [ids.tolist() for ids in tokenizer.text_pieces(["one two", ""])]
        [[2028, 2048], []]
        """
        return self._parts.text.split(encodable(texts))

    def text_spans(self, texts: Sequence[str]) -> Spans:
        """The same pieces, with the characters of the text that each stands for.

        >>> from embedpipe import Encoder
        >>> spans = Encoder.load("all-MiniLM-L6-v2").tokenizer.text_spans(["One  café"])
        >>> spans.begins.tolist(), spans.ends.tolist()
        ([0, 5], [3, 9])
        """
        return self._parts.text.spans(encodable(texts))

    def word_splitter(self, cut: Callable[[str], Sequence[str]] | None = None) -> WordSplitter:
        """What looks up single words: keep it, for it remembers the pieces of words it has met.

        A word is looked up as it stands: case, accents and punctuation are the caller's. WordPiece
        gives `[UNK]` for a word of more than 200 characters. SentencePiece normalizes the word,
        begins it with its word boundary `▁` and drops that piece where it stands alone, as Spark
        NLP does.

        cut: a function that finds words in each of the words to split, always the same ones; those
        are looked up instead.

        >>> from embedpipe import Encoder
        >>> splitter = Encoder.load("all-MiniLM-L6-v2").tokenizer.word_splitter(str.split)
        >>> [ids.tolist() for ids in splitter.split(["pain", "pain pain"])]
        [[3255], [3255, 3255]]
        """
        words = self._words if cut is None else PieceCache(WordwiseSplitter(cut, self._words))
        return WordSplitter(words, skipped=self._skipped_in_words)

    def encode_words(self, words: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each word by itself, as a `word_splitter` without `cut` gives them.

        >>> from embedpipe import Encoder
        >>> tokenizer = Encoder.load("all-MiniLM-L6-v2").tokenizer
        >>> [ids.tolist() for ids in tokenizer.encode_words(["pain", "painkiller"])]
        [[3255], [3255, 15872, 2121]]
        """
        return self.word_splitter().split(words)

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
    def _words(self) -> PieceCache:
        return PieceCache(self._parts.make_words())

    @property
    def _skipped_in_words(self) -> int | None:
        piece = self._parts.skipped_in_words
        return None if piece is None else self._parts.vocabulary.get(piece)

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


def encodable(texts: Sequence[str]) -> list[str]:
    """The texts with U+FFFD for surrogates, which cannot be handed to Rust."""
    try:
        # One pass in C over all; it costs a fraction of looking for surrogates text by text.
        "".join(texts).encode()
    except UnicodeEncodeError:
        return [_SURROGATE.sub("\ufffd", text) for text in texts]
    return list(texts)
