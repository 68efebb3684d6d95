"""Builds tokenizers from a SentencePiece unigram model, for running text and for single words.

The model file is read in `sentencepiece`. What ALBERT does to text before and after SentencePiece
follows Google's ALBERT (tokenization.py: preprocess_text, encode_pieces) and transformers'
AlbertTokenizerFast.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from embedpipe._dependencies import require
from embedpipe.subword.sentencepiece import (
    CONTROL,
    UNKNOWN,
    UNUSED,
    SentencePieceModel,
)

__all__ = ["WORD_BOUNDARY", "unigram_for_text", "unigram_for_words"]

WORD_BOUNDARY = "▁"
"""U+2581, which SentencePiece writes for the space before a word."""

_PURPOSE = "splitting text with a SentencePiece model"

_PENALTY = -100.0
"""Added to a log probability that makes any other split likelier, as in AlbertConverter."""


def unigram_for_text(model: SentencePieceModel, *, lowercase: bool, keep_accents: bool) -> Any:
    """A `tokenizers.Tokenizer` for sentences; it surrounds them with no special pieces.

    Pieces that end in a digit and a comma are not produced: ALBERT splits them.
    """
    normalizers = require("tokenizers", _PURPOSE).normalizers
    steps = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not keep_accents:
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if lowercase:
        steps.append(normalizers.Lowercase())
    vocabulary = _vocabulary(model, never={UNUSED}, penalised=_ends_in_digit_comma)
    splitter = require("tokenizers", _PURPOSE).pre_tokenizers.WhitespaceSplit()
    return _unigram(model, vocabulary, steps, splitter)


def unigram_for_words(model: SentencePieceModel) -> Any:
    """A `tokenizers.Tokenizer` that does to a word what SentencePiece does and no more.

    Case and accents are the caller's, and no text stands for a special piece.
    """
    tokenizers = require("tokenizers", _PURPOSE)
    # Whatever else is white space, SentencePiece takes for a letter, if its rules leave it there.
    splitter = tokenizers.pre_tokenizers.Split(" ", "removed")
    # Its rules compose letters and accents, which tokenizers leaves out before several accents.
    steps = [tokenizers.normalizers.NFC()] if model.charsmap else []
    vocabulary = _vocabulary(model, never={UNUSED, CONTROL, UNKNOWN})
    return _unigram(model, vocabulary, steps, splitter)


def _unigram(
    model: SentencePieceModel, vocabulary: list[tuple[str, float]], steps: list[Any], splitter: Any
) -> Any:
    """The vocabulary behind `steps` of normalisation, the model's own, and `splitter`."""
    tokenizers = require("tokenizers", _PURPOSE)
    unigram = tokenizers.models.Unigram(vocabulary, model.unk_id, byte_fallback=False)
    tokenizer = tokenizers.Tokenizer(unigram)
    if model.charsmap:
        steps = [*steps, tokenizers.normalizers.Precompiled(model.charsmap)]
    if steps:
        tokenizer.normalizer = tokenizers.normalizers.Sequence(steps)
    pre_tokenizers = tokenizers.pre_tokenizers
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            splitter,
            pre_tokenizers.Metaspace(WORD_BOUNDARY, prepend_scheme="always"),
        ]
    )
    return tokenizer


def _vocabulary(
    model: SentencePieceModel,
    *,
    never: Set[int],
    penalised: Callable[[str], bool] = lambda _: False,
) -> list[tuple[str, float]]:
    """Pieces and the log probabilities they are chosen by; no text gives types in `never`."""
    return [
        # the text is cut into words first, which hold no space: " piece" matches nothing
        (f" {piece}" if kind in never else piece, score + _PENALTY * penalised(piece))
        for piece, score, kind in zip(model.pieces, model.scores, model.types, strict=True)
    ]


def _ends_in_digit_comma(piece: str) -> bool:
    return len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
