"""The tokenizer of one model: text or words in, piece ids end to end in one array out.

How a tokenizer is read from a model's folder is in `loading`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from embedpipe.encoder.ragged import Ragged
from embedpipe.errors import InputError, ModelFormatError, ParameterError

__all__ = ["PieceBatch", "SubwordTokenizer", "TokenizerParts"]

_SPECIAL_PER_TEXT = 2  # [CLS] and [SEP]
_SURROGATE = re.compile("[\ud800-\udfff]")
_PARALLELISM = "TOKENIZERS_PARALLELISM"


@dataclass(frozen=True)
class TokenizerParts:
    """What a file of a known layout gives.

    `text`: a `tokenizers.Tokenizer` for sentences that pads and truncates nothing. `make_words`:
    makes the one for single words. `unk_piece`: what stands for unknown text. `skipped_in_words`:
    a piece that is left out of words, or None.
    """

    text: Any
    make_words: Callable[[], Any]
    unk_piece: str
    skipped_in_words: str | None = None


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

    Reading is parallel over the texts of a call, outside of the GIL; the `tokenizers` package takes
    its number of threads from `RAYON_NUM_THREADS` and `TOKENIZERS_PARALLELISM`.

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
        self.cls_id: int = parts.text.token_to_id(cls_piece)
        self.sep_id: int = parts.text.token_to_id(sep_piece)
        self.unk_id: int = parts.text.token_to_id(parts.unk_piece)
        self.vocab_size: int = max(parts.text.get_vocab(with_added_tokens=True).values()) + 1
        self._parts = parts
        _silence_fork_warning()

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
        pieces = self._batch(self._parts.text, texts)
        lengths = pieces.lengths
        kept = lengths if max_length is None else np.minimum(lengths, max_length - 2)
        truncated = kept < lengths
        values = pieces.values
        if truncated.any():
            place = np.arange(len(values)) - np.repeat(pieces.offsets[:-1], lengths)
            values = values[place < np.repeat(kept, lengths)]
        ids = self._surround(values, kept)
        return PieceBatch(ids, truncated, lengths + _SPECIAL_PER_TEXT)

    def encode_words(self, words: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each word by itself, without special pieces.

        A word is looked up as it stands: case, accents and punctuation are the caller's. An empty
        word has no pieces. WordPiece gives `[UNK]` for a word of more than 200 characters.
        SentencePiece normalises the word, begins it with its word boundary `▁` and drops that piece
        where it stands alone, as Spark NLP does.

        >>> from embedpipe import Encoder
        >>> [ids.tolist() for ids in Encoder.load().tokenizer.encode_words(["pain", "painkiller"])]
        [[3255], [3255, 15872, 2121]]
        """
        if self._parts.skipped_in_words is None:
            return self._wordpieces(words)
        pieces = self._batch(self._word_tokenizer, words)
        skipped = self._word_tokenizer.token_to_id(self._parts.skipped_in_words)
        keep = pieces.values != skipped
        before = np.concatenate([[0], np.cumsum(keep, dtype=np.int64)])
        return Ragged(pieces.values[keep], before[pieces.offsets])

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The text of each piece; InputError for an id that the tokenizer does not have."""
        texts = []
        for piece_id in ids:
            known = 0 <= piece_id < self.vocab_size  # Rust takes no negative and no huge ones
            text = self._parts.text.id_to_token(int(piece_id)) if known else None
            if text is None:
                raise InputError(
                    f"piece id {piece_id}: {self.source} has pieces 0 to {self.vocab_size - 1}"
                )
            texts.append(text)
        return texts

    @cached_property
    def _word_tokenizer(self) -> Any:
        return self._parts.make_words()

    @cached_property
    def _whole_words(self) -> dict[str, int]:
        """The ids of WordPiece's pieces that are words by themselves, as most words are."""
        vocabulary = self._word_tokenizer.get_vocab(with_added_tokens=False)
        longest = self._word_tokenizer.model.max_input_chars_per_word
        return {piece: i for piece, i in vocabulary.items() if 0 < len(piece) <= longest}

    def _wordpieces(self, words: Sequence[str]) -> Ragged:
        """Piece ids of each word: the longest first piece is the word itself if it is known."""
        known = self._whole_words
        single = np.fromiter((known.get(word, -1) for word in words), np.int32, len(words))
        others = np.flatnonzero(single < 0)
        pieces = self._batch(self._word_tokenizer, [words[i] for i in others.tolist()])
        lengths = np.ones(len(words), dtype=np.int64)
        lengths[others] = pieces.lengths
        offsets = np.zeros(len(words) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        values = np.repeat(single, lengths)
        values[values < 0] = pieces.values
        return Ragged(values, offsets)

    def _batch(self, tokenizer: Any, texts: Sequence[str]) -> Ragged:
        """Piece ids of each text, without special pieces around them."""
        try:
            encodings = tokenizer.encode_batch_fast(_encodable(texts), add_special_tokens=False)
        except BaseException as error:
            # What tokenizers raises for a model that cannot go on (unknown text and no piece for
            # it), and for a panic in Rust (damaged rules of normalisation): a class that cannot be
            # imported and derives from BaseException.
            if type(error) is not Exception and type(error).__name__ != "PanicException":
                raise
            raise ModelFormatError(
                f"{self.source} made the tokenizers package fail on a text: {error}. "
                "Fetch the model again"
            ) from error
        offsets = np.zeros(len(encodings) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, encodings), np.int64, len(encodings)), out=offsets[1:])
        all_ids = chain.from_iterable(map(attrgetter("ids"), encodings))
        return Ragged(np.fromiter(all_ids, np.int32, int(offsets[-1])), offsets)

    def _surround(self, values: npt.NDArray[np.int32], lengths: npt.NDArray[np.int64]) -> Ragged:
        """The pieces of each text between `[CLS]` and `[SEP]`."""
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths + _SPECIAL_PER_TEXT, out=offsets[1:])
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


@cache
def _silence_fork_warning() -> None:
    """Make a forked child read text serially, without the warning that tokenizers would print.

    The child cannot use its parent's threads. Left alone, tokenizers comes to the same conclusion,
    but before 0.23 prints advice about an environment variable that the user never touched.
    """
    if not hasattr(os, "register_at_fork"):
        return
    set_here = []

    def before() -> None:
        if _PARALLELISM not in os.environ:
            os.environ[_PARALLELISM] = "false"
            set_here.append(True)

    def after_in_parent() -> None:
        if set_here:
            set_here.clear()
            del os.environ[_PARALLELISM]

    os.register_at_fork(before=before, after_in_parent=after_in_parent)
