"""WordPiece for running text: words of plain text by memory, any other text by `tokenizers`.

What plain text is cut into needs no tables of Unicode, and its words repeat; so that it takes a
fifth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from embedpipe._dependencies import require
from embedpipe.arrays import offsets_of, ranges
from embedpipe.encoder.ragged import Ragged
from embedpipe.subword.remembered import RememberedWords
from embedpipe.subword.splitter import Splitter, TokenizersSplitter

__all__ = ["text_splitter"]

_NOT_PLAIN = re.compile(r"[^\t\n\r -~]")
_WORD = re.compile(r"[!-/:-@\[-`{-~]|[0-9A-Za-z]+")


def text_splitter(tokenizer: Any, *, source: str) -> Splitter:
    """What gives the ids that a `tokenizers.Tokenizer` gives, in less time where it is BERT's.

    `source` names its file in errors.
    """
    for_any_text = TokenizersSplitter(tokenizer, source=source)
    parts = (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
    names = tuple(type(part).__name__ for part in parts)
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    if names != ("BertNormalizer", "BertPreTokenizer", "WordPiece"):
        return for_any_text
    if not all(map(str.isascii, added)):  # others might become ASCII when accents are stripped
        return for_any_text
    words = require("tokenizers", "splitting words into pieces").Tokenizer(tokenizer.model)
    return _PlainTextSplitter(
        RememberedWords(TokenizersSplitter(words, source=source)),
        for_any_text,
        added=added,
        lowercase=tokenizer.normalizer.lowercase,
    )


class _PlainTextSplitter:
    """Cuts ASCII without controls and added pieces by itself, and leaves other texts to another."""

    def __init__(
        self, words: Splitter, for_any_text: Splitter, *, added: Sequence[str], lowercase: bool
    ) -> None:
        self._words = words
        self._for_any_text = for_any_text
        self._lowercase = lowercase
        self._added = [self._folded(piece) for piece in added]

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, without special pieces around them."""
        found = [self._words_of(text) for text in texts]
        of_plain = [words for words in found if words is not None]
        by_words = self._split_words(of_plain)
        if len(of_plain) == len(found):
            return by_words
        plain = np.fromiter((words is not None for words in found), np.bool_, len(found))
        others = self._for_any_text.split(
            [text for text, words in zip(texts, found, strict=True) if words is None]
        )
        begins, lengths = np.empty((2, len(found)), np.int64)
        begins[plain], lengths[plain] = by_words.offsets[:-1], by_words.lengths
        begins[~plain] = others.offsets[:-1] + len(by_words.values)
        lengths[~plain] = others.lengths
        values = np.concatenate([by_words.values, others.values])
        return Ragged(values[ranges(begins, lengths)], offsets_of(lengths))

    def _split_words(self, texts: Sequence[Sequence[str]]) -> Ragged:
        """The pieces of each text's words."""
        pieces = self._words.split(list(chain.from_iterable(texts)))
        counts = np.fromiter(map(len, texts), np.int64, len(texts))
        return Ragged(pieces.values, pieces.offsets[offsets_of(counts)])

    def _words_of(self, text: str) -> list[str] | None:
        """The words of a plain text, or None where it is not."""
        if _NOT_PLAIN.search(text):
            return None
        folded = self._folded(text)
        if any(piece in folded for piece in self._added):
            return None
        return _WORD.findall(folded)

    def _folded(self, text: str) -> str:
        return text.lower() if self._lowercase else text
