"""Builds BERT's WordPiece tokenizers from a vocabulary, for running text and for single words.

Settings follow transformers' BertTokenizer. The vocabulary file is read in `loading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedpipe._dependencies import require

__all__ = ["wordpiece_for_text", "wordpiece_for_words"]

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


def wordpiece_for_words(
    vocabulary: Mapping[str, int], *, unk_piece: str, continuation: str = "##"
) -> Any:
    """A `tokenizers.Tokenizer` that looks words up as they are, neither split nor folded."""
    tokenizers = require("tokenizers", _PURPOSE)
    return tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            vocabulary,
            unk_token=unk_piece,
            max_input_chars_per_word=_LONGEST_WORD,
            continuing_subword_prefix=continuation,
        )
    )
