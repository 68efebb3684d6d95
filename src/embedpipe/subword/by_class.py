"""What a class of transformers makes of a `tokenizer.json`, which it does not follow in all.

Most classes take vocabulary and template from the file, and know the rest by themselves. Where the
file says otherwise, older versions of transformers followed the file, so that it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from embedpipe._dependencies import require
from embedpipe.errors import ModelFormatError
from embedpipe.subword.settings import TokenizerSettings
from embedpipe.subword.wordpiece import LONGEST_WORD_IN_TEXT, MASK, PAD, UNKNOWN, wordpiece_for_text

__all__ = ["DEFAULT_UNKNOWN", "as_class_says"]

DEFAULT_UNKNOWN = "<unk>"  # of the classes of Unigram pieces

_AS_IN_FILE = ("PreTrainedTokenizer", "TokenizersBackend", "ConvBertTokenizer")
"""Classes that follow `tokenizer.json` alone."""

_UNIGRAM = {"AlbertTokenizer": 1, "XLMRobertaTokenizer": 3}
"""Classes of Unigram pieces, with the id that each has for unknown text; all others: WordPiece."""


def as_class_says(tokenizer: Any, source: str, settings: TokenizerSettings) -> Any:
    """The `tokenizers.Tokenizer` that the class of transformers 5 makes of that of a file.

    Raises ModelFormatError where the class and the file contradict each other.
    """
    kind, model = settings.tokenizer_class, type(tokenizer.model).__name__
    if kind in _AS_IN_FILE or (kind is None and not settings.stated):
        return tokenizer
    if kind is None:
        is_albert = settings.architecture == "albert" and model == "Unigram"
        kind = "AlbertTokenizer" if is_albert else "BertTokenizer"
    expected = "Unigram" if kind in _UNIGRAM else "WordPiece"
    if model != expected:
        raise _contradiction(source, kind, [f"the model is {model}, not {expected}"])
    if not settings.stated:
        return tokenizer
    is_bert = model == "WordPiece"
    found = [
        *(_bert_problems(tokenizer) if is_bert else _unigram_problems(tokenizer, kind, settings))
    ]
    if found:
        raise _contradiction(source, kind, found)
    if kind == "XLMRobertaTokenizer":
        tokenizer.pre_tokenizer = _words_of_xlm_roberta()
    return _bert(tokenizer, settings) if is_bert else tokenizer


def _contradiction(source: str, kind: str, found: list[str]) -> ModelFormatError:
    return ModelFormatError(
        f"{source} contradicts the class {kind}, of the files beside it: {'; '.join(found)}. "
        'Write "tokenizer_class": "PreTrainedTokenizerFast" into tokenizer_config.json if '
        "tokenizer.json is right"
    )


def _bert_problems(tokenizer: Any) -> Iterator[str]:
    model = tokenizer.model
    for what, found, expected in (
        ("the normalizer", _names(tokenizer.normalizer), ["BertNormalizer"]),
        ("the pre_tokenizer", _names(tokenizer.pre_tokenizer), ["BertPreTokenizer"]),
        ("max_input_chars_per_word", model.max_input_chars_per_word, LONGEST_WORD_IN_TEXT),
        ("continuing_subword_prefix", model.continuing_subword_prefix, "##"),
    ):
        if found != expected:
            yield f"{what} is {_shown(found)}, not {_shown(expected)}"


def _unigram_problems(tokenizer: Any, kind: str, settings: TokenizerSettings) -> Iterator[str]:
    steps = _names(tokenizer.normalizer)
    unk_piece = settings.unk_token or DEFAULT_UNKNOWN
    wanted: dict[str, Any] = {f"the id of {unk_piece}": _UNIGRAM[kind]}
    found: dict[str, Any] = {f"the id of {unk_piece}": tokenizer.token_to_id(unk_piece)}
    if kind == "AlbertTokenizer":
        for key, step, value in (
            ("do_lower_case", "Lowercase", settings.do_lower_case is not False),
            ("keep_accents", "StripAccents", settings.keep_accents is not True),
        ):
            if value is not (step in steps):
                has = "has" if step in steps else "lacks"
                yield f"it {has} the step {step}, against {key}"
    else:
        if not {*steps} <= {"Precompiled", "Replace"}:
            yield f"the normalizer is {_shown(steps)}, not Precompiled"
        found |= {"cls_token": settings.cls_token, "sep_token": settings.sep_token}
        wanted |= {"cls_token": "<s>", "sep_token": "</s>"}
    for key, value in found.items():
        if value != wanted[key]:
            yield f"{key} is {value}, not {wanted[key]}"


def _bert(tokenizer: Any, settings: TokenizerSettings) -> Any:
    """The same if it is as the class makes it, otherwise another of its vocabulary.

    What is added to a tokenizer is normalized when it is added, so that a normalizer that is
    changed later would not find it.
    """
    normalizer, unk_piece = tokenizer.normalizer, settings.unk_token or UNKNOWN
    added = [piece for _, piece in sorted(tokenizer.get_added_tokens_decoder().items())]
    further = (settings.cls_token, settings.sep_token, settings.mask_token or MASK, unk_piece)
    stated = {settings.pad_token or PAD, *further, *(piece.text for piece in settings.added)}
    kept = [piece for piece in added if not settings.lists_added or piece.content in stated]
    if tokenizer.model.unk_token == unk_piece and len(kept) == len(added):
        wanted = (
            settings.do_lower_case is not False,
            settings.strip_accents,
            settings.tokenize_chinese_chars is not False,
            True,
        )
        found = (normalizer.lowercase, normalizer.strip_accents)
        if (*found, normalizer.handle_chinese_chars, normalizer.clean_text) == wanted:
            return tokenizer
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    made = wordpiece_for_text(vocabulary, unk_piece, settings)
    made.post_processor = tokenizer.post_processor
    made.add_tokens(kept)
    return made


def _names(step: Any) -> list[str]:
    """The kinds of the steps, those of a sequence one by one."""
    if step is None:
        return []
    name = type(step).__name__
    return [name for part in step for name in _names(part)] if name == "Sequence" else [name]


def _shown(value: Any) -> str:
    return ", ".join(value) or "none" if isinstance(value, list) else str(value)


def _words_of_xlm_roberta() -> Any:
    pre_tokenizers = require("tokenizers", "finding XLM-RoBERTa's words").pre_tokenizers
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
        ]
    )
