"""Reads a SentencePiece model file and checks all that tokenizing relies on; it tokenizes nothing.

Fields and their defaults: sentencepiece_model.proto of SentencePiece. Tokenizing is in `unigram`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embedpipe.errors import ModelFormatError
from embedpipe.files.wire import Message, as_text, damaged_message, message_fields
from embedpipe.subword.charsmap import charsmap_problems

__all__ = [
    "CONTROL",
    "NORMAL",
    "UNKNOWN",
    "UNUSED",
    "USER_DEFINED",
    "SentencePieceModel",
    "checked_model",
    "read_sentencepiece",
]

# SentencePiece.Type of the proto; BYTE (6) belongs to byte fallback, which is refused.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5

# Fields of ModelProto, then of ModelProto.SentencePiece, then of NormalizerSpec.
_PIECES, _TRAINER_SPEC, _NORMALIZER_SPEC = 1, 2, 3
_PIECE_TEXT, _PIECE_SCORE, _PIECE_TYPE = 1, 2, 3
_CHARSMAP = 2

_NOTHING, _ZERO = memoryview(b""), memoryview(b"\0\0\0\0")
"""An empty text, and 0.0."""

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
    message = Message(memoryview(data), source)
    pieces = [
        _read_piece(view, f"{source}: piece {index}")
        for index, view in enumerate(message.views(_PIECES))
    ]
    problems: list[str] = []
    charsmap = b""
    for spec in message.messages(_TRAINER_SPEC):
        problems += _unsupported(spec, _TRAINER_SETTINGS)
    for spec in message.messages(_NORMALIZER_SPEC):
        problems += _unsupported(spec, _NORMALIZER_SETTINGS)
        charsmap = bytes(spec.view(_CHARSMAP))
    return checked_model(pieces, charsmap, source=source, problems=problems)


def checked_model(
    pieces: Sequence[tuple[str, float, int]],
    charsmap: bytes,
    *,
    source: str,
    problems: Sequence[str] = (),
) -> SentencePieceModel:
    """The model of these pieces (text, score, type); ModelFormatError lists what is wrong with it.

    `problems` were found before. `source` names the file.
    """
    found = [*problems, *_piece_problems(pieces), *charsmap_problems(charsmap)]
    if found:
        raise ModelFormatError(_listing(source, found))
    texts, scores, types = zip(*pieces, strict=True)
    return SentencePieceModel(texts, scores, types, types.index(UNKNOWN), charsmap)


def _read_piece(view: memoryview, source: str) -> tuple[str, float, int]:
    fields = dict(message_fields(view, source))
    text = fields.get(_PIECE_TEXT, _NOTHING)
    score = fields.get(_PIECE_SCORE, _ZERO)
    kind = fields.get(_PIECE_TYPE, NORMAL)
    if (
        isinstance(text, int)
        or isinstance(score, int)
        or len(score) != len(_ZERO)
        or not isinstance(kind, int)
    ):
        raise damaged_message(source, "fields of other types than text, float and type number")
    return as_text(text, source), struct.unpack("<f", score)[0], kind


def _unsupported(found: Message, settings: Mapping[int, tuple[str, int, int]]) -> list[str]:
    return [
        f"{name} is {value}; only {supported} is supported"
        for number, (name, default, supported) in settings.items()
        if (value := found.integer(number, default)) != supported
    ]


def _piece_problems(pieces: Sequence[tuple[str, float, int]]) -> list[str]:
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


def _listing(source: str, problems: list[str]) -> str:
    listed = "".join(f"\n  - {problem}" for problem in problems[:_MOST_LISTED])
    more = len(problems) - _MOST_LISTED
    rest = f"\n  - and {more} more" if more > 0 else ""
    return (
        f"{source} is not a SentencePiece unigram model that embedpipe can use:{listed}{rest}\n"
        "Use the model's own, undamaged file."
    )
