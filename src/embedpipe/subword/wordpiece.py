"""BERT's WordPiece from a `vocab.txt`, for running text and for single words.

Settings follow transformers' BertTokenizer. What it is made faster with is in `plain_text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from embedpipe._dependencies import require
from embedpipe.files.vocabulary import vocabulary_lines
from embedpipe.subword.added import add_pieces
from embedpipe.subword.plain_text import text_splitter
from embedpipe.subword.settings import AddedPiece, TokenizerSettings
from embedpipe.subword.splitter import Splitter, TokenizersSplitter
from embedpipe.subword.tokenizer import TokenizerParts

__all__ = [
    "LONGEST_WORD_IN_TEXT",
    "MASK",
    "PAD",
    "UNKNOWN",
    "read_vocabulary",
    "wordpiece_for_text",
    "words_of",
]

_PURPOSE = "splitting text into WordPiece pieces"
UNKNOWN, PAD, MASK = "[UNK]", "[PAD]", "[MASK]"

LONGEST_WORD_IN_TEXT = 100
"""Characters: BERT's and transformers' limit. A longer word is unknown."""

_LONGEST_WORD = 200
"""Characters: Spark NLP's limit for its tokens. A longer word is unknown."""


def read_vocabulary(
    files: Mapping[str, bytes], source: str, settings: TokenizerSettings
) -> TokenizerParts:
    """BERT's `vocab.txt`: a piece a line; of equal lines the last counts, as in transformers."""
    path = f"{source}/vocab.txt"
    pieces = vocabulary_lines(files["vocab.txt"], path)
    vocabulary = dict(zip(pieces, range(len(pieces)), strict=True))
    unk_piece = settings.unk_token or UNKNOWN
    tokenizer = wordpiece_for_text(vocabulary, unk_piece, settings)
    names = (settings.cls_token, settings.sep_token, settings.mask_token or MASK, unk_piece)
    known = [AddedPiece(p) for p in (*names, settings.pad_token or PAD) if p in vocabulary]
    stated = {piece.text: piece for piece in (*known, *settings.added)}
    added = add_pieces(tokenizer, stated.values(), encoder_size=settings.encoder_size, source=path)
    return TokenizerParts(
        vocabulary=vocabulary if added.keys() <= vocabulary.keys() else vocabulary | added,
        text=text_splitter(tokenizer, lower_first=settings.lower_first, source=path),
        make_words=partial(words_of, vocabulary, unk_piece, source=path),
        unk_piece=unk_piece,
    )


def words_of(
    vocabulary: Mapping[str, int], unk_piece: str, *, continuation: str = "##", source: str
) -> Splitter:
    """What looks words up as they are, neither split nor folded, and without added pieces."""
    tokenizers = require("tokenizers", _PURPOSE)
    model = tokenizers.models.WordPiece(
        vocabulary,
        unk_token=unk_piece,
        max_input_chars_per_word=_LONGEST_WORD,
        continuing_subword_prefix=continuation,
    )
    return TokenizersSplitter(tokenizers.Tokenizer(model), source=source)


def wordpiece_for_text(
    vocabulary: Mapping[str, int], unk_piece: str, settings: TokenizerSettings
) -> Any:
    """A `tokenizers.Tokenizer` for sentences; it surrounds them with no special pieces."""
    tokenizers = require("tokenizers", _PURPOSE)
    model = tokenizers.models.WordPiece(
        vocabulary, unk_token=unk_piece, max_input_chars_per_word=LONGEST_WORD_IN_TEXT
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.tokenize_chinese_chars is not False,
        strip_accents=settings.strip_accents,  # None: as lowercase says
        lowercase=settings.do_lower_case is not False,
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer
