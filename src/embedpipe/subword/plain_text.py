"""WordPiece for running text: words of plain text by memory, any other text by `tokenizers`.

What plain text is cut into needs no tables of Unicode, and its words repeat; so that it takes a
tenth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from embedpipe._dependencies import require
from embedpipe.arrays import offsets_of, ranges
from embedpipe.engine.ragged import Ragged
from embedpipe.subword.piece_cache import PieceCache
from embedpipe.subword.splitter import (
    Spans,
    Splitter,
    TextSplitter,
    TokenizersSplitter,
    WordwiseSplitter,
)

__all__ = ["text_splitter"]

_NOT_PLAIN = re.compile(r"[^\t\n\r -~]")
_NOT_PLAIN_WITH_SPACES = re.compile(r"[^ -~]")
"""Where added pieces have spaces in them, which any white space of a text becomes."""
_WORD = re.compile(r"[!-/:-@\[-`{-~]|[0-9A-Za-z]+")


def text_splitter(tokenizer: Any, *, lower_first: bool = False, source: str) -> TextSplitter:
    """What gives the ids that a `tokenizers.Tokenizer` gives, in less time where it is BERT's.

    lower_first: whether the tokenizer is to fold text to lower case before anything else. `source`
    names its file in errors.
    """
    parts = (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
    names = tuple(type(part).__name__ for part in parts)
    is_bert = names == ("BertNormalizer", "BertPreTokenizer", "WordPiece")
    lowercase = is_bert and (lower_first or tokenizer.normalizer.lowercase)
    if lower_first:
        _lower_first(tokenizer)
    for_any_text = TokenizersSplitter(tokenizer, source=source)
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    # those that are not ASCII might become it when accents are stripped
    if not is_bert or not all(map(str.isascii, added)):
        return for_any_text
    words = require("tokenizers", "splitting words into pieces").Tokenizer(tokenizer.model)
    return _PlainTextSplitter(
        _by_words(TokenizersSplitter(words, source=source)),
        for_any_text,
        added=added,
        lowercase=lowercase,
    )


def _lower_first(tokenizer: Any) -> None:
    """Put lower case before other normalization, as sentence-transformers' Transformer does."""
    normalizers = require("tokenizers", "folding text to lower case").normalizers
    before = tokenizer.normalizer
    steps = list(before) if type(before).__name__ == "Sequence" else [before] if before else []
    if not any(type(step).__name__ == "Lowercase" for step in [before, *steps]):
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])


def _by_words(words: Splitter) -> Splitter:
    """What splits plain text, given what splits its words.

    What stands between spaces is remembered: it is found far faster than words are. So are words,
    which it often differs in by no more than a comma.
    """
    between_spaces = WordwiseSplitter(_WORD.findall, PieceCache(words))
    return WordwiseSplitter(str.split, PieceCache(between_spaces))


class _PlainTextSplitter:
    """Cuts ASCII without controls and added pieces by itself, and leaves other texts to another."""

    def __init__(
        self, plain: Splitter, for_any_text: TextSplitter, *, added: Sequence[str], lowercase: bool
    ) -> None:
        self._plain = plain
        self._for_any_text = for_any_text
        self._lowercase = lowercase
        self._added = [self._folded(piece) for piece in added]
        self._not_plain = _NOT_PLAIN_WITH_SPACES if " " in "".join(added) else _NOT_PLAIN

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text, without special pieces around them."""
        found = [self._plain_text(text) for text in texts]
        of_plain = [text for text in found if text is not None]
        by_words = self._plain.split(of_plain)
        if len(of_plain) == len(found):
            return by_words
        plain = np.fromiter((text is not None for text in found), np.bool_, len(found))
        others = self._for_any_text.split(
            [text for text, folded in zip(texts, found, strict=True) if folded is None]
        )
        begins, lengths = np.empty((2, len(found)), np.int64)
        begins[plain], lengths[plain] = by_words.offsets[:-1], by_words.lengths
        begins[~plain] = others.offsets[:-1] + len(by_words.values)
        lengths[~plain] = others.lengths
        values = np.concatenate([by_words.values, others.values])
        return Ragged(values[ranges(begins, lengths)], offsets_of(lengths))

    def spans(self, texts: Sequence[str]) -> Spans:
        """The same pieces with their places, which only the other splitter knows."""
        return self._for_any_text.spans(texts)

    def _plain_text(self, text: str) -> str | None:
        """A plain text, folded, or None where it is not."""
        if self._not_plain.search(text):
            return None
        folded = self._folded(text)
        for piece in self._added:  # `any` would take twice the time
            if piece in folded:
                return None
        return folded

    def _folded(self, text: str) -> str:
        return text.lower() if self._lowercase else text
