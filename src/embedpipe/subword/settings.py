"""What `tokenizer_config.json` says about case, accents and special pieces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.files.strict_json import parse_json

__all__ = ["TokenizerSettings", "read_settings"]

_SWITCHES = ("do_lower_case", "strip_accents", "tokenize_chinese_chars", "keep_accents")
_SPECIAL = ("cls_token", "sep_token", "unk_token", "pad_token", "mask_token")


@dataclass(frozen=True)
class TokenizerSettings:
    """Settings by transformers' names; None where the file says nothing."""

    do_lower_case: bool | None = None
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool | None = None
    keep_accents: bool | None = None
    cls_token: str | None = None
    sep_token: str | None = None
    unk_token: str | None = None
    pad_token: str | None = None
    mask_token: str | None = None


def read_settings(data: bytes, source: str) -> TokenizerSettings:
    """Read the contents of `tokenizer_config.json`.

    Raises ModelFormatError that lists every setting of a wrong type.
    """
    found = parse_json(data, dict, source=source)
    switches = {key: found.get(key) for key in _SWITCHES}
    special = {key: _content(found.get(key)) for key in _SPECIAL}
    problems = [
        f"{key}: {value!r:.80}; expected true, false or null"
        for key, value in switches.items()
        if not (value is None or isinstance(value, bool))
    ] + [
        f"{key}: {value!r:.80}; expected a piece's text"
        for key, value in special.items()
        if not (value is None or (isinstance(value, str) and value))
    ]
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise ModelFormatError(
            f"{source} has settings of wrong types:{listed}\nCorrect or remove them."
        )
    return TokenizerSettings(**switches, **special)


def _content(piece: Any) -> Any:
    """A special piece is written as its text, or as an object that holds it as `content`."""
    return piece.get("content") if isinstance(piece, dict) else piece
