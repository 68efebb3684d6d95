"""Builds BERT's WordPiece tokenizers from a vocabulary, for running text and for single words.

Settings follow transformers' BertTokenizer. The vocabulary file is read in `loading`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embedpipe._dependencies import require
from embedpipe.encoder.ragged import Ragged
from embedpipe.subword.splitter import TokenizersSplitter

__all__ = ["WordPieceWords", "wordpiece_for_text"]

_PURPOSE = "splitting text into WordPiece pieces"

_LONGEST_WORD_IN_TEXT = 100
"""Characters: BERT's and transformers' limit. A longer word is unknown."""

_LONGEST_WORD = 200
"""Characters: Spark NLP's limit for its tokens. A longer word is unknown."""


def wordpiece_for_text(
    vocabulary: Mapping[str, int],
    *,
    unk_piece: str,
    lowercase: bool,
    strip_accents: bool | None,
    split_chinese: bool,
) -> Any:
    """A `tokenizers.Tokenizer` for sentences; it surrounds them with no special pieces.

    `strip_accents` None: as `lowercase` says.
    """
    tokenizers = require("tokenizers", _PURPOSE)
    model = tokenizers.models.WordPiece(
        vocabulary, unk_token=unk_piece, max_input_chars_per_word=_LONGEST_WORD_IN_TEXT
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer


class WordPieceWords:
    """Looks words up as they are, neither split nor folded: known ones here, others in pieces.

    Most words are pieces by themselves, and WordPiece takes the longest first piece that fits.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        *,
        unk_piece: str,
        source: str,
        continuation: str = "##",
    ) -> None:
        """Take the pieces and their ids; `source` names the file in errors."""
        tokenizers = require("tokenizers", _PURPOSE)
        model = tokenizers.models.WordPiece(
            vocabulary,
            unk_token=unk_piece,
            max_input_chars_per_word=_LONGEST_WORD,
            continuing_subword_prefix=continuation,
        )
        self._in_pieces = TokenizersSplitter(tokenizers.Tokenizer(model), source=source)
        self._whole = {p: i for p, i in vocabulary.items() if 0 < len(p) <= _LONGEST_WORD}

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each word."""
        single = np.fromiter((self._whole.get(word, -1) for word in texts), np.int32, len(texts))
        others = np.flatnonzero(single < 0)
        pieces = self._in_pieces.split([texts[i] for i in others.tolist()])
        lengths = np.ones(len(texts), dtype=np.int64)
        lengths[others] = pieces.lengths
        offsets = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        values = np.repeat(single, lengths)
        values[values < 0] = pieces.values
        return Ragged(values, offsets)
