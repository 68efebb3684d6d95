"""Reads `tokenizer.json`, the one-file layout of the Hugging Face `tokenizers` package."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from embedpipe._dependencies import require
from embedpipe.errors import ModelFormatError
from embedpipe.files.reading import decoded
from embedpipe.subword.added import add_pieces
from embedpipe.subword.by_class import DEFAULT_UNKNOWN, as_class_says
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
from embedpipe.subword.splitter import Splitter, failures_named
from embedpipe.subword.tokenizer import TokenizerParts
from embedpipe.subword.wordpiece import words_of

__all__ = ["read_tokenizer_json"]


def read_tokenizer_json(
    files: Mapping[str, bytes], source: str, settings: TokenizerSettings
) -> TokenizerParts:
    """The tokenizer of `tokenizer.json`, without the padding and truncation that it may ask for.

    As in transformers, what `tokenizer_config.json` says of a class of BERT's overrules the file on
    case, accents, Chinese characters and the unknown piece, and pieces that it adds are added.
    """
    path = f"{source}/tokenizer.json"
    tokenizer = _open(files["tokenizer.json"], path)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    kind = type(tokenizer.model).__name__
    if kind not in _MODELS:
        raise ModelFormatError(
            f"{path}: found a {kind} tokenizer; expected WordPiece (BERT) or Unigram (ALBERT). "
            "The encoder belongs to another family than this tokenizer"
        )
    tokenizer = as_class_says(tokenizer, path, settings)
    model = _MODELS[kind](tokenizer, path, settings)
    add_pieces(tokenizer, settings.added, encoder_size=settings.encoder_size, source=path)
    return TokenizerParts(
        vocabulary=tokenizer.get_vocab(with_added_tokens=True),
        text=text_splitter(tokenizer, lower_first=settings.lower_first, source=path),
        make_words=model.make_words,
        unk_piece=model.unk_piece,
        skipped_in_words=model.skipped_in_words,
        empty=_empty(tokenizer, path),
    )


class _Model(NamedTuple):
    """What TokenizerParts needs of one kind of model."""

    make_words: Callable[[], Splitter]
    unk_piece: str
    skipped_in_words: str | None = None


def _wordpiece(tokenizer: Any, source: str, _: TokenizerSettings) -> _Model:
    return _Model(partial(_wordpiece_words, tokenizer, source), tokenizer.model.unk_token)


def _unigram(tokenizer: Any, source: str, settings: TokenizerSettings) -> _Model:
    make_words = partial(_unigram_words, tokenizer, source)
    return _Model(make_words, settings.unk_token or DEFAULT_UNKNOWN, WORD_BOUNDARY)


_MODELS: dict[str, Callable[[Any, str, TokenizerSettings], _Model]] = {
    "WordPiece": _wordpiece,
    "Unigram": _unigram,
}
"""By the kind of model in the file: what reads it."""


def _steps(normalizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The steps of normalization, those of sequences one by one."""
    if normalizer is None:
        return []
    inner = normalizer.get("normalizers")
    return [normalizer] if inner is None else [step for part in inner for step in _steps(part)]


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


def _wordpiece_words(tokenizer: Any, source: str) -> Splitter:
    model = tokenizer.model
    return words_of(
        tokenizer.get_vocab(with_added_tokens=False),
        model.unk_token,
        continuation=model.continuing_subword_prefix,
        source=source,
    )


def _unigram_words(tokenizer: Any, source: str) -> Splitter:
    """The SentencePiece model that the tokenizer was made from, as far as it still tells."""
    state = json.loads(tokenizer.to_str())
    unigram = state["model"]
    if unigram["unk_id"] is None:
        raise ModelFormatError(
            f"{source}: the model has no unk_id; expected the id of the piece for unknown text. "
            "Get an undamaged copy"
        )
    pieces = [(piece, score, NORMAL) for piece, score in unigram["vocab"]]
    for added in state["added_tokens"]:
        if added["special"] and added["id"] < len(pieces):
            pieces[added["id"]] = (*pieces[added["id"]][:2], CONTROL)
    pieces[unigram["unk_id"]] = (*pieces[unigram["unk_id"]][:2], UNKNOWN)
    return SentencePiece(model_bytes(pieces, _charsmap(state["normalizer"])), source)


def _charsmap(normalizer: dict[str, Any] | None) -> bytes:
    """The precompiled rules among the steps of normalization, or empty."""
    rules = [s["precompiled_charsmap"] for s in _steps(normalizer) if s["type"] == "Precompiled"]
    return b"".join(base64.b64decode(rule or "") for rule in rules)
