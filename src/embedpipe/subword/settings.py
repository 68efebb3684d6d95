"""What the files beside a vocabulary say: case, accents, special and added pieces, the class.

`SETTINGS` is the table of all that `tokenizer_config.json` is known to state, and of what becomes
of it. Where files disagree, the same one wins as in transformers 5; see `read_settings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from embedpipe.errors import ModelFormatError
from embedpipe.files.fields import FLAG, TEXT, Field
from embedpipe.files.known_settings import check_stated, honored, ignored, only
from embedpipe.files.strict_json import parse_json

__all__ = ["SETTINGS", "AddedPiece", "TokenizerSettings", "read_settings"]

_CONFIG, _MODEL_CONFIG = "tokenizer_config.json", "config.json"
_SPECIAL_MAP, _ADDED = "special_tokens_map.json", "added_tokens.json"

_NAMED = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
_SWITCHES = ("do_lower_case", "strip_accents", "tokenize_chinese_chars", "keep_accents")
_USED_NAMES = tuple(f"{name}_token" for name in ("cls", "sep", "unk", "pad", "mask"))
_LISTED = (
    *("extra_special_tokens", "additional_special_tokens"),
    "model_specific_special_tokens",
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_DIGITS = 10
_FLAGS = ("lstrip", "rstrip", "normalized", "single_word", "special")

_PIECE = Field("a piece's text", lambda value: _is_piece(_content(value)))
_TYPED_PIECE = Field(
    'a text, or an object with "__type": "AddedToken"',
    lambda value: _PIECE.holds(value) and (isinstance(value, str) or "__type" in value),
)
_PIECES = Field(
    "pieces' texts",
    lambda value: isinstance(value, (list, dict)) and all(map(_PIECE.holds, _values(value))),
)
_NAMED_PIECES = Field(
    "an object of pieces by name",
    lambda value: isinstance(value, dict) and _PIECES.holds(value),
)
_BY_ID = Field(
    "an object of pieces by id",
    lambda value: (
        isinstance(value, dict) and all(_is_id(k) and _PIECE.holds(v) for k, v in value.items())
    ),
)
_LENGTH = Field("a number", lambda value: isinstance(value, (int, float)))

_NEVER_PADS = ignored("texts are never padded")
_PER_CALL = ignored("transformers cuts texts to the length that a call gives, or model_max_length")
_FILES = ignored("the vocabulary is looked for under its usual names")
_LOADING = ignored("how transformers loads a tokenizer")
_AROUND = ignored("about text that is made of pieces, or about chats")
_TEMPLATE = ignored("tokenizer.json says what stands around a text; BERT and ALBERT have it fixed")
_BASIC = ignored("transformers' BertTokenizer finds basic words always")
_JAPANESE = only(None, {}, why="words by MeCab, Sudachi or Juman++ are not computed")

SETTINGS = {
    # honored
    **dict.fromkeys(_SWITCHES, honored(FLAG)),
    **dict.fromkeys(_NAMED, honored(_PIECE)),
    "additional_special_tokens": honored(_PIECES),
    "extra_special_tokens": honored(_PIECES),
    "model_specific_special_tokens": honored(_NAMED_PIECES),
    "added_tokens_decoder": honored(_BY_ID),
    "tokenizer_class": honored(TEXT),
    "model_max_length": honored(_LENGTH),  # read with sentence-transformers' own length
    "max_len": honored(_LENGTH),  # its former name
    # followed for one value only
    "truncation_side": only("right", why="the beginning of a longer text is kept, not its end"),
    "split_special_tokens": only(False, why="special pieces in a text stand for themselves"),
    "sp_model_kwargs": only({}, why="SentencePiece is used without sampling"),
    "init_inputs": only([], why="arguments without names are not known"),
    "word_tokenizer_type": only("basic", why="only BERT's basic words are computed"),
    "subword_tokenizer_type": only("wordpiece", why="only WordPiece is computed for words"),
    "do_word_tokenize": only(True, why="words are found before pieces"),
    "do_subword_tokenize": only(True, why="words are cut into pieces"),
    **dict.fromkeys(("mecab_kwargs", "sudachi_kwargs", "jumanpp_kwargs"), _JAPANESE),
    # without effect
    "unk_id": ignored("the vocabulary itself says which piece is the unknown one"),
    **dict.fromkeys(("padding_side", "pad_to_multiple_of", "pad_token_type_id"), _NEVER_PADS),
    **dict.fromkeys(("padding", "pad_token_id", "do_pad"), _NEVER_PADS),
    **dict.fromkeys(("max_length", "stride", "truncation", "truncation_strategy"), _PER_CALL),
    **dict.fromkeys(("do_basic_tokenize", "never_split"), _BASIC),
    **dict.fromkeys(("add_bos_token", "add_eos_token", "add_special_tokens"), _TEMPLATE),
    **dict.fromkeys(("add_prefix_space", "trim_offsets", "model_input_names"), _TEMPLATE),
    **dict.fromkeys(("vocab_file", "spm_file", "tokenizer_file", "full_tokenizer_file"), _FILES),
    **dict.fromkeys(("special_tokens_map_file", "added_tokens_file", "name_or_path"), _FILES),
    **dict.fromkeys(("tokenizer_type", "auto_map", "from_slow", "use_fast", "legacy"), _LOADING),
    **dict.fromkeys(("backend", "is_local", "files_loaded", "processor_class"), _LOADING),
    **dict.fromkeys(
        ("cache_dir", "revision", "local_files_only", "trust_remote_code", "verbose"), _LOADING
    ),
    **dict.fromkeys(("clean_up_tokenization_spaces", "chat_template", "errors"), _AROUND),
    **dict.fromkeys(("response_template", "response_schema", "chat_control_tokens"), _AROUND),
}
"""By name, every setting of `tokenizer_config.json` that is known. A further name that ends in
`_token` is a special piece. Anything else is named in an UnknownSettingWarning."""


class AddedPiece(NamedTuple):
    """A piece that is looked for in a text before words are, as in transformers' AddedToken.

    id: what the files say, None where they leave it to the vocabulary.
    """

    text: str
    id: int | None = None
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False
    single_word: bool = False
    special: bool = True


class TokenizerSettings(NamedTuple):
    """Settings by transformers' names; None where the files say nothing.

    stated: whether there is a `tokenizer_config.json`. tokenizer_class: without "Fast" at its end.
    added: pieces by id, then named special pieces and further ones. lower_first: whether text is
    folded to lower case before anything else, as sentence-transformers does where its own
    `do_lower_case` says so. encoder_size: rows of the encoder's table of pieces. lists_added:
    whether `added` holds all that is added, whatever tokenizer.json says. architecture: the
    encoder's.
    """

    stated: bool = False
    tokenizer_class: str | None = None
    do_lower_case: bool | None = None
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool | None = None
    keep_accents: bool | None = None
    cls_token: str | None = None
    sep_token: str | None = None
    unk_token: str | None = None
    pad_token: str | None = None
    mask_token: str | None = None
    added: tuple[AddedPiece, ...] = ()
    lower_first: bool = False
    encoder_size: int = 2**31 - 1
    lists_added: bool = False
    architecture: str = ""


def read_settings(files: Mapping[str, bytes], source: str) -> TokenizerSettings:
    """The settings in `tokenizer_config.json`, and in files that older versions wrote beside it.

    As in transformers 5: where `tokenizer_config.json` has `added_tokens_decoder`, it alone counts;
    otherwise special pieces of `special_tokens_map.json` come before its own, and those of
    `added_tokens.json` are added. `config.json` may name the class.

    Raises ModelFormatError that lists every setting of a wrong type, or that cannot be followed.
    """
    config = _read(files, _CONFIG, source)
    lists_added = config.get("added_tokens_decoder") is not None
    if not lists_added:
        config = _with_older_files(config, files, source)
    added = {piece.text: piece for piece in _pieces_by_id(config)}
    for piece in _special_pieces(config):
        added.setdefault(piece.text, piece)
    stated: dict[str, Any] = {key: config.get(key) for key in _SWITCHES}
    for key in {*_SWITCHES} - {"strip_accents"}:  # to which null means "as lower case says"
        if key in config:
            stated[key] = bool(config[key])
    stated |= {key: _content(config.get(key)) for key in _USED_NAMES}
    kind = config.get("tokenizer_class") or _class_of_model(files, source)
    return TokenizerSettings(
        stated=_CONFIG in files,
        tokenizer_class=kind and kind.removesuffix("Fast"),
        added=tuple(added.values()),
        lists_added=lists_added,
        **stated,
    )


def _read(files: Mapping[str, bytes], name: str, source: str) -> dict[str, Any]:
    """What a file states, checked; nothing if it is not there."""
    if name not in files:
        return {}
    found: dict[str, Any] = parse_json(files[name], dict, source=f"{source}/{name}")
    # transformers passes over an object under a name of its own, unless it says its type
    piece = honored(_TYPED_PIECE if name == _CONFIG else _PIECE)
    further = {key: piece for key in found if key.endswith("_token") and key not in SETTINGS}
    check_stated(found, SETTINGS | further, f"{source}/{name}")
    return found


def _with_older_files(
    config: Mapping[str, Any], files: Mapping[str, bytes], source: str
) -> dict[str, Any]:
    """The settings with those of the older files, as newer versions would write them."""
    special = _read(files, _SPECIAL_MAP, source)
    stated = {key for key in _LISTED if config.get(key)}
    merged = {**config, **{k: v for k, v in special.items() if v and k not in stated}}
    if _ADDED in files:
        ids = parse_json(files[_ADDED], dict, source=f"{source}/{_ADDED}")
        wrong = [
            k for k, v in ids.items() if not (type(v) is int and 0 <= v < 2**31 and _is_piece(k))
        ]
        if wrong:
            raise ModelFormatError(
                f"{source}/{_ADDED}: {wrong[0][:80]!r} has {ids[wrong[0]]!r:.80} for its id; "
                "expected a text and a whole number. Use the file that was published with the model"
            )
        # transformers 5 does not look at additional_special_tokens of special_tokens_map.json here
        own = {"additional_special_tokens": config.get("additional_special_tokens")}
        known = {piece.text for piece in _special_pieces(merged | own)}
        merged["added_tokens_decoder"] = {
            str(piece_id): {"content": text, "special": text in known}
            for text, piece_id in ids.items()
        }
    return merged


def _class_of_model(files: Mapping[str, bytes], source: str) -> str | None:
    """The class that the model's configuration names, as in models of older versions."""
    config = files.get(_MODEL_CONFIG)
    found = None if config is None else parse_json(config, dict, source=f"{source}/config.json")
    kind = found and found.get("tokenizer_class")
    return kind if isinstance(kind, str) and kind else None


def _pieces_by_id(config: Mapping[str, Any]) -> Iterator[AddedPiece]:
    decoder = config.get("added_tokens_decoder") or {}
    for piece_id in sorted(decoder, key=int):
        piece = decoder[piece_id]
        special = bool(isinstance(piece, dict) and piece.get("special"))
        yield _piece(piece, special=special)._replace(id=int(piece_id))


def _special_pieces(config: Mapping[str, Any]) -> Iterator[AddedPiece]:
    """Named special pieces, then further ones."""
    for key, value in config.items():
        if key.endswith("_token") and value is not None:
            yield _piece(value, special=True)
    for key in _LISTED:
        for value in _values(config.get(key)):
            yield _piece(value, special=True)


def _piece(piece: Any, *, special: bool) -> AddedPiece:
    """A piece that is written as its text, or as an object that holds it and how it is found."""
    flags = {key: bool(piece[key]) for key in _FLAGS if isinstance(piece, dict) and key in piece}
    return AddedPiece(_content(piece), **{"normalized": not special, "special": special, **flags})


def _values(pieces: Any) -> list[Any]:
    """The pieces of a list, or of an object that names them."""
    return list(pieces.values() if isinstance(pieces, dict) else pieces or ())


def _content(piece: Any) -> Any:
    return piece.get("content") if isinstance(piece, dict) else piece


def _is_id(text: str) -> bool:
    """Whether it is a number that piece ids may be; int() refuses those of thousands of digits."""
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def _is_piece(text: Any) -> bool:
    """Whether it is a text that has a UTF-8 form, as those with lone surrogates have not."""
    return isinstance(text, str) and text != "" and not _SURROGATE.search(text)
