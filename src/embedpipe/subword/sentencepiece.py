"""Reads a SentencePiece model file and checks all that tokenizing relies on; it tokenizes nothing.

Fields and their defaults: sentencepiece_model.proto of SentencePiece. Tokenizing is in `unigram`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embedpipe.errors import ModelFormatError
from embedpipe.subword.protobuf import message_fields

__all__ = [
    "CONTROL",
    "NORMAL",
    "UNKNOWN",
    "UNUSED",
    "USER_DEFINED",
    "SentencePieceModel",
    "read_sentencepiece",
]

# SentencePiece.Type of the proto; BYTE (6) belongs to byte fallback, which is refused.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5

# Fields of ModelProto, then of ModelProto.SentencePiece, then of NormalizerSpec.
_PIECES, _TRAINER_SPEC, _NORMALIZER_SPEC = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE, _PIECE_TYPE = 1, 2, 3
_CHARSMAP = 2

# By field number: name, default, the only value that the tokenizer implements.
_TRAINER_SETTINGS = {
    3: ("model_type", 1, 1),  # 1 is unigram, 2 byte-pair encoding
    24: ("treat_whitespace_as_suffix", 0, 0),
    35: ("byte_fallback", 0, 0),
}
_NORMALIZER_SETTINGS = {
    3: ("add_dummy_prefix", 1, 1),
    4: ("remove_extra_whitespaces", 1, 1),
    5: ("escape_whitespaces", 1, 1),
}

_MOST_LISTED = 5
"""Problems of one file that a message lists before it counts the rest."""


@dataclass(frozen=True)
class SentencePieceModel:
    """A unigram model: pieces with their log probabilities and types; ids are positions.

    Pieces are distinct and not empty, scores finite, and exactly one piece, at `unk_id`, is of type
    UNKNOWN. `charsmap` holds the precompiled normalisation rules, empty for none.
    """

    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    types: tuple[int, ...]
    unk_id: int
    charsmap: bytes


def read_sentencepiece(data: bytes, source: str) -> SentencePieceModel:
    """Read the contents of a file such as `spiece.model`, which `source` names in errors.

    Raises ModelFormatError that says what is damaged or unsupported.
    """
    pieces: list[tuple[str, float, int]] = []
    problems: list[str] = []
    charsmap = b""
    for number, value in message_fields(data, source=source):
        if isinstance(value, int):
            continue
        if number == _PIECES:
            pieces.append(_read_piece(value, len(pieces), source))
        elif number == _TRAINER_SPEC:
            problems += _unsupported(dict(message_fields(value, source=source)), _TRAINER_SETTINGS)
        elif number == _NORMALIZER_SPEC:
            settings = dict(message_fields(value, source=source))
            problems += _unsupported(settings, _NORMALIZER_SETTINGS)
            found = settings.get(_CHARSMAP, b"")
            charsmap = b"" if isinstance(found, int) else found
    problems += _piece_problems(pieces)
    problems += _charsmap_problems(charsmap)
    if problems:
        raise ModelFormatError(_listing(source, problems))
    texts, scores, types = zip(*pieces, strict=True)
    return SentencePieceModel(texts, scores, types, types.index(UNKNOWN), charsmap)


def _read_piece(message: bytes, index: int, source: str) -> tuple[str, float, int]:
    fields = dict(message_fields(message, source=source))
    text = fields.get(_PIECE_TEXT, b"")
    score = fields.get(_PIECE_SCORE, b"\0\0\0\0")
    kind = fields.get(_PIECE_TYPE, NORMAL)
    if (
        isinstance(text, int)
        or isinstance(score, int)
        or len(score) != 4
        or not isinstance(kind, int)
    ):
        raise ModelFormatError(
            f"{source}: piece {index} has fields of other types than text, float and type number. "
            "Fetch the model again"
        )
    try:
        return str(text, "utf-8"), struct.unpack("<f", score)[0], kind
    except UnicodeDecodeError as error:
        raise ModelFormatError(
            f"{source}: piece {index} is not UTF-8 ({error.reason}). Fetch the model again"
        ) from error


def _unsupported(
    found: Mapping[int, object], settings: Mapping[int, tuple[str, int, int]]
) -> list[str]:
    return [
        f"{name} is {found.get(number, default)}; only {supported} is supported"
        for number, (name, default, supported) in settings.items()
        if found.get(number, default) != supported
    ]


def _piece_problems(pieces: list[tuple[str, float, int]]) -> list[str]:
    problems = []
    ids: dict[str, int] = {}
    for index, (text, score, kind) in enumerate(pieces):
        if not text:
            problems.append(f"piece {index} is empty")
        elif text in ids:
            problems.append(f"pieces {ids[text]} and {index} are both {text!r}")
        if not math.isfinite(score):
            problems.append(f"piece {index}, {text!r}, has the score {score}")
        if kind not in (NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED):
            problems.append(f"piece {index}, {text!r}, is of type {kind}; expected 1 to 5")
        ids.setdefault(text, index)
    unknowns = sum(kind == UNKNOWN for _, _, kind in pieces)
    if unknowns != 1:
        problems.append(f"{unknowns} of {len(pieces)} pieces are of the type UNKNOWN; expected 1")
    return problems


def _charsmap_problems(charsmap: bytes) -> list[str]:
    """What is wrong with precompiled normalisation rules, at most one finding.

    They are a size in bytes (uint32), a double-array trie of that size (uint32 units) and the
    replacements, zero-terminated UTF-8. Every step that a look-up can take must stay inside.
    """
    if not charsmap:
        return []
    size = int.from_bytes(charsmap[:4], "little")
    if len(charsmap) < 4 or size % 4 or not 0 < size <= len(charsmap) - 4:
        return [f"the charsmap of {len(charsmap)} bytes claims a trie of {size} bytes"]
    units = np.frombuffer(charsmap, dtype="<u4", count=size // 4, offset=4)
    replacements = charsmap[4 + size :]
    positions = np.arange(units.size, dtype=np.uint32)
    # Unit layout of darts-clone: label in the low 8 bits, has-leaf in bit 8, offset above.
    children = positions ^ ((units >> 10) << ((units & (1 << 9)) >> 6))
    inner = units < 1 << 31
    inner[0] = True  # a look-up steps from the root without asking what it is
    if (children[inner] | 0xFF).max(initial=0) >= units.size:
        return ["a step in the charsmap's trie leads outside of it"]
    leaves = units[children[inner & ((units >> 8) & 1 == 1)]] & (2**31 - 1)
    # A replacement begins at a UTF-8 character: its first byte is no continuation byte (10xxxxxx).
    bytes_at = np.frombuffer(replacements + b"\x80", dtype=np.uint8)
    begins = bytes_at[np.minimum(leaves, len(replacements))]
    if (begins & 0xC0 == 0x80).any():
        return ["an entry of the charsmap's trie points at no replacement"]
    return []


def _listing(source: str, problems: list[str]) -> str:
    listed = "".join(f"\n  - {problem}" for problem in problems[:_MOST_LISTED])
    more = len(problems) - _MOST_LISTED
    rest = f"\n  - and {more} more" if more > 0 else ""
    return (
        f"{source} is not a SentencePiece unigram model that embedpipe can use:{listed}{rest}\n"
        "Use the model's own, undamaged file."
    )
