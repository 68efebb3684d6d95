"""Reads the tokenizer of a model's folder, whichever of the known files it lies in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from embedpipe._dependencies import require
from embedpipe.engine.config import EncoderConfig
from embedpipe.errors import ModelFormatError
from embedpipe.files.vocabulary import vocabulary_lines
from embedpipe.files.whole import read_bytes
from embedpipe.subword.albert import AlbertText
from embedpipe.subword.plain_text import text_splitter
from embedpipe.subword.sentencepiece_model import WORD_BOUNDARY, SentencePiece
from embedpipe.subword.settings import TokenizerSettings, read_settings
from embedpipe.subword.splitter import Splitter, TokenizersSplitter
from embedpipe.subword.tokenizer import SubwordTokenizer, TokenizerParts
from embedpipe.subword.tokenizer_json import read_tokenizer_json
from embedpipe.subword.wordpiece import wordpiece_for_text, wordpiece_for_words

__all__ = ["load_tokenizer", "make_tokenizer"]

_SETTINGS = "tokenizer_config.json"

_LARGEST_FILE = 256 * 2**20
"""Bytes. The largest published multilingual vocabularies take 20 MiB."""

_CLS, _SEP, _MASK = "[CLS]", "[SEP]", "[MASK]"
"""BERT's and ALBERT's names, unless the settings say otherwise."""


def load_tokenizer(directory: Path, config: EncoderConfig) -> SubwordTokenizer:
    """The tokenizer that lies beside a model: `spiece.model`, `tokenizer.json` or `vocab.txt`.

    The first of these that is there is read; `tokenizer_config.json` may add settings. Raises
    ModelFormatError if there is none, if it is damaged, if it lacks `[CLS]`, `[SEP]` or the unknown
    piece, or if it gives ids that `config` has no place for.
    """
    layout = [name for name in _LAYOUTS if (directory / name).exists()][:1]
    settings = [_SETTINGS] if (directory / _SETTINGS).exists() else []
    files = {
        name: read_bytes(directory / name, largest=_LARGEST_FILE) for name in (*settings, *layout)
    }
    return make_tokenizer(files, config, source=str(directory))


def make_tokenizer(
    files: Mapping[str, bytes], config: EncoderConfig, *, source: str
) -> SubwordTokenizer:
    """The same of files in memory, by name; `source` names their folder in errors."""
    settings = TokenizerSettings()
    if _SETTINGS in files:
        settings = read_settings(files[_SETTINGS], f"{source}/{_SETTINGS}")
    for name, read in _LAYOUTS.items():
        if name in files:
            path = f"{source}/{name}"
            return _checked(read(files[name], path, settings), settings, path, config)
    raise ModelFormatError(
        f"{source} has no tokenizer: found none of {', '.join(_LAYOUTS)}. "
        "Copy the file that was published with the model into the folder"
    )


def _from_vocabulary(data: bytes, source: str, settings: TokenizerSettings) -> TokenizerParts:
    """BERT's `vocab.txt`: a piece a line; of equal lines the last counts, as in transformers."""
    pieces = vocabulary_lines(data, source)
    vocabulary = {piece: piece_id for piece_id, piece in enumerate(pieces)}
    unk_piece = settings.unk_token or "[UNK]"
    tokenizer = wordpiece_for_text(
        vocabulary,
        unk_piece=unk_piece,
        lowercase=settings.do_lower_case is not False,
        strip_accents=settings.strip_accents,
        split_chinese=settings.tokenize_chinese_chars is not False,
    )
    special = _special_ids(vocabulary, settings, (unk_piece, settings.pad_token or "[PAD]"))
    added_token = require("tokenizers", "reading a vocabulary").AddedToken
    tokenizer.add_special_tokens(
        [added_token(piece, normalized=False, special=True) for piece in special]
    )
    return TokenizerParts(
        vocabulary=vocabulary,
        text=text_splitter(tokenizer, source=source),
        make_words=partial(_words_of_vocabulary, vocabulary, unk_piece, source),
        unk_piece=unk_piece,
    )


def _words_of_vocabulary(vocabulary: Mapping[str, int], unk_piece: str, source: str) -> Splitter:
    return TokenizersSplitter(wordpiece_for_words(vocabulary, unk_piece=unk_piece), source=source)


def _from_sentencepiece(data: bytes, source: str, settings: TokenizerSettings) -> TokenizerParts:
    """ALBERT's `spiece.model`."""
    model = SentencePiece(data, source)
    unk_piece = model.pieces[model.unk_id]
    vocabulary = {piece: piece_id for piece_id, piece in enumerate(model.pieces)}
    text = AlbertText(
        model,
        special=_special_ids(vocabulary, settings, (unk_piece, *model.controls)),
        lowercase=settings.do_lower_case is not False,
        keep_accents=settings.keep_accents is True,
    )
    return TokenizerParts(
        vocabulary=vocabulary,
        text=text,
        make_words=partial(_itself, model),
        unk_piece=unk_piece,
        skipped_in_words=WORD_BOUNDARY,
    )


def _itself(splitter: Splitter) -> Splitter:
    return splitter


def _special_ids(
    vocabulary: Mapping[str, int], settings: TokenizerSettings, further_pieces: tuple[str, ...]
) -> dict[str, int]:
    """Special pieces that give their ids where they stand in a text, as in transformers."""
    pieces = (
        settings.cls_token or _CLS,
        settings.sep_token or _SEP,
        settings.mask_token or _MASK,
        *further_pieces,
    )
    return {piece: vocabulary[piece] for piece in pieces if piece in vocabulary}


_LAYOUTS: dict[str, Callable[[bytes, str, TokenizerSettings], TokenizerParts]] = {
    # tokenizer.json of an ALBERT is made from spiece.model, and only nearly splits as that does
    "spiece.model": _from_sentencepiece,
    "tokenizer.json": read_tokenizer_json,
    "vocab.txt": _from_vocabulary,
}


def _checked(
    parts: TokenizerParts, settings: TokenizerSettings, path: str, config: EncoderConfig
) -> SubwordTokenizer:
    cls_piece = settings.cls_token or _CLS
    sep_piece = settings.sep_token or _SEP
    missing = [
        piece for piece in (cls_piece, sep_piece, parts.unk_piece) if piece not in parts.vocabulary
    ]
    if missing:
        raise ModelFormatError(
            f"{path} lacks the special pieces {', '.join(missing)}. Use the vocabulary that was "
            "published with the model; other names for them belong into tokenizer_config.json"
        )
    tokenizer = SubwordTokenizer(parts, source=path, cls_piece=cls_piece, sep_piece=sep_piece)
    if tokenizer.vocab_size > config.vocab_size:
        raise ModelFormatError(
            f"{path} has piece ids up to {tokenizer.vocab_size - 1}; the encoder's vocab_size is "
            f"{config.vocab_size}. The tokenizer belongs to another model"
        )
    _check_template(parts, tokenizer, path)
    return tokenizer


def _check_template(parts: TokenizerParts, tokenizer: SubwordTokenizer, path: str) -> None:
    """Refuse a file whose own template surrounds texts by something else than `[CLS]` `[SEP]`."""
    if parts.empty is None:
        return
    expected = (tokenizer.cls_id, tokenizer.sep_id)
    if parts.empty != expected:
        raise ModelFormatError(
            f"{path} makes an empty text {tokenizer.pieces(parts.empty)}; expected "
            f"{tokenizer.pieces(expected)}. Encoders other than BERT and ALBERT are not supported"
        )
