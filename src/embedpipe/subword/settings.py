"""What `tokenizer_config.json` says about case, accents and special pieces."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedpipe.errors import ModelFormatError
from embedpipe.files.strict_json import read_json

__all__ = ["TokenizerSettings", "read_settings"]

_FILE = "tokenizer_config.json"
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


def read_settings(directory: Path) -> TokenizerSettings:
    """Read `tokenizer_config.json`; without one, nothing is set.

    Raises ModelFormatError that lists every setting of a wrong type.
    """
    path = directory / _FILE
    found = read_json(path, dict) if path.exists() else {}
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
            f"{path} has settings of wrong types:{listed}\nCorrect or remove them."
        )
    return TokenizerSettings(**switches, **special)


def _content(piece: Any) -> Any:
    """A special piece is written as its text, or as an object that holds it as `content`."""
    return piece.get("content") if isinstance(piece, dict) else piece
