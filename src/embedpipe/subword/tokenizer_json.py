"""Reads `tokenizer.json`, the one-file layout of the Hugging Face `tokenizers` package."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from embedpipe._dependencies import require
from embedpipe.errors import ModelFormatError
from embedpipe.files.whole import decoded
from embedpipe.subword.plain_text import text_splitter
from embedpipe.subword.sentencepiece_model import (
    CONTROL,
    NORMAL,
    UNKNOWN,
    WORD_BOUNDARY,
    SentencePiece,
    model_bytes,
)
from embedpipe.subword.settings import TokenizerSettings
from embedpipe.subword.splitter import Splitter, TokenizersSplitter, failures_named
from embedpipe.subword.tokenizer import TokenizerParts
from embedpipe.subword.wordpiece import wordpiece_for_words

__all__ = ["read_tokenizer_json"]

_DEFAULT_UNKNOWN = "<unk>"  # AlbertTokenizer's


def read_tokenizer_json(data: bytes, source: str, settings: TokenizerSettings) -> TokenizerParts:
    """The tokenizer of the file's contents, without the padding and truncation that it may ask for.

    As in transformers, `settings` overrule the file on case, accents and Chinese characters.
    """
    tokenizer = _open(data, source)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    model = tokenizer.model
    kind = type(model).__name__
    make_words: Callable[[], Splitter]
    if kind == "WordPiece":
        _apply(settings, tokenizer.normalizer)
        unk_piece, skipped_in_words = model.unk_token, None
        make_words = partial(_wordpiece_words, tokenizer, source)
    elif kind == "Unigram":
        unk_piece, skipped_in_words = settings.unk_token or _DEFAULT_UNKNOWN, WORD_BOUNDARY
        make_words = partial(_unigram_words, tokenizer, source)
    else:
        raise ModelFormatError(
            f"{source}: found a {kind} tokenizer; expected WordPiece (BERT) or Unigram (ALBERT). "
            "The encoder belongs to another family than this tokenizer"
        )
    return TokenizerParts(
        vocabulary=tokenizer.get_vocab(with_added_tokens=True),
        text=text_splitter(tokenizer, source=source),
        make_words=make_words,
        unk_piece=unk_piece,
        skipped_in_words=skipped_in_words,
        empty=_empty(tokenizer, source),
    )


def _open(data: bytes, source: str) -> Any:
    tokenizers = require("tokenizers", "reading tokenizer.json")
    text = decoded(data, source)
    with failures_named(
        f"{source} is not a tokenizer that the tokenizers package can read. Remove the file if the "
        "folder holds vocab.txt or spiece.model too. It says"
    ):
        return tokenizers.Tokenizer.from_str(text)


def _empty(tokenizer: Any, source: str) -> tuple[int, ...] | None:
    """The ids of an empty text, None if nothing is put around texts."""
    if not tokenizer.post_processor:
        return None
    with failures_named(f"{source} made the tokenizers package fail on an empty text"):
        return tuple(tokenizer.encode("").ids)


def _apply(settings: TokenizerSettings, normalizer: Any) -> None:
    if type(normalizer).__name__ != "BertNormalizer":
        return
    if settings.do_lower_case is not None:
        normalizer.lowercase = settings.do_lower_case
        normalizer.strip_accents = settings.strip_accents
    if settings.tokenize_chinese_chars is not None:
        normalizer.handle_chinese_chars = settings.tokenize_chinese_chars


def _wordpiece_words(tokenizer: Any, source: str) -> Splitter:
    model = tokenizer.model
    words = wordpiece_for_words(
        tokenizer.get_vocab(with_added_tokens=False),
        unk_piece=model.unk_token,
        continuation=model.continuing_subword_prefix,
    )
    return TokenizersSplitter(words, source=source)


def _unigram_words(tokenizer: Any, source: str) -> Splitter:
    """The SentencePiece model that the tokenizer was made from, as far as it still tells."""
    state = json.loads(tokenizer.to_str())
    unigram = state["model"]
    if unigram["unk_id"] is None:
        raise ModelFormatError(
            f"{source}: the model has no unk_id; expected the id of the piece for unknown text. "
            "Fetch the model again"
        )
    pieces = [(piece, score, NORMAL) for piece, score in unigram["vocab"]]
    for added in state["added_tokens"]:
        if added["special"] and added["id"] < len(pieces):
            pieces[added["id"]] = (*pieces[added["id"]][:2], CONTROL)
    pieces[unigram["unk_id"]] = (*pieces[unigram["unk_id"]][:2], UNKNOWN)
    return SentencePiece(model_bytes(pieces, _charsmap(state["normalizer"])), source)


def _charsmap(normalizer: dict[str, Any] | None) -> bytes:
    """The precompiled rules among the steps of normalization, or empty."""
    if normalizer is None:
        return b""
    if normalizer["type"] == "Precompiled":
        return base64.b64decode(normalizer["precompiled_charsmap"] or "")
    return b"".join(map(_charsmap, normalizer.get("normalizers", [])))
