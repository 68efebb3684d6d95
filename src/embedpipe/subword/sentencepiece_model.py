"""SentencePiece models on the `sentencepiece` package: checked when read, then texts to piece ids.

The package crashes on nothing that is known, but speaks of its own source files; here what is wrong
with a model's file becomes an error of ours. ALBERT's own rules are in `albert`.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from embedpipe._dependencies import require
from embedpipe.engine.ragged import Ragged
from embedpipe.errors import ModelFormatError
from embedpipe.files.protobuf import Message
from embedpipe.subword.splitter import as_ragged

__all__ = ["CONTROL", "NORMAL", "UNKNOWN", "WORD_BOUNDARY", "SentencePiece", "model_bytes"]

WORD_BOUNDARY = "▁"
"""U+2581, which SentencePiece writes for the space before a word."""

NORMAL, UNKNOWN, CONTROL = 1, 2, 3
"""Types of pieces in a model's file."""


class SentencePiece:
    """A SentencePiece model that splits texts; it can be pickled and shared by threads.

    Attributes: `pieces`, their texts by id; `unk_id`, the piece of unknown characters; `controls`,
    the pieces that no text gives, such as `[CLS]`.
    """

    def __init__(self, data: bytes, source: str) -> None:
        """Read the contents of a file such as `spiece.model`, which `source` names in errors.

        Raises ModelFormatError that says what is damaged or unsupported.
        """
        self._source = source
        if not any(Message(memoryview(data), source).views(1)):  # finds damage without noise
            raise ModelFormatError(f"{source} has no pieces; {_REMEDY}")
        with _failures_named(f"{source} is not a SentencePiece model that can be used"):
            self._processor: Any = require(
                "sentencepiece", "reading a SentencePiece model"
            ).SentencePieceProcessor(model_proto=data)
            ids = list(range(self._processor.get_piece_size()))
            self.pieces: tuple[str, ...] = tuple(self._processor.id_to_piece(ids))
            controls = self._processor.is_control(ids)
            self.unk_id: int = self._processor.unk_id()
        self.controls = [self.pieces[i] for i in ids if controls[i]]
        twice = [piece for piece, count in Counter(self.pieces).items() if count > 1]
        if twice:
            raise ModelFormatError(f"{source} has pieces twice: {twice!r:.200}; {_REMEDY}")

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each text without surrogates, without special pieces around them."""
        return as_ragged(self.ids(texts))

    def ids(self, texts: Iterable[str]) -> list[list[int]]:
        """The same as lists. The GIL is released meanwhile."""
        with _failures_named(f"{self._source} made the sentencepiece package fail on a text"):
            # One thread splits 25 MB a second: that much text keeps any encoder busy.
            ids: list[list[int]] = self._processor.encode(list(texts), num_threads=1)
        return ids

    def spans(self, texts: Iterable[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
        """The ids of each text, and the characters that each stands for: begin and end."""
        with _failures_named(f"{self._source} made the sentencepiece package fail on a text"):
            found = self._processor.encode(list(texts), return_type="offset_mapping", num_threads=1)
        return [(row["ids"], row["offsets"]) for row in found]


def model_bytes(pieces: Iterable[tuple[str, float, int]], charsmap: bytes) -> bytes:
    """The file of a unigram model of these pieces (text, score, type) and normalization rules."""
    written = []
    for text, score, kind in pieces:
        content = _field(1, text.encode()) + b"\x15" + struct.pack("<f", score)
        written.append(_field(1, content + bytes([3 << 3, kind])))
    return b"".join(written) + _field(3, _field(2, charsmap))


_REMEDY = "use the model's own, undamaged file"


def _field(number: int, value: bytes) -> bytes:
    """A protocol-buffers field of bytes."""
    size, rest = b"", len(value)
    while rest > 0x7F:
        size, rest = size + bytes([rest & 0x7F | 0x80]), rest >> 7
    return bytes([number << 3 | 2]) + size + bytes([rest]) + value


@contextmanager
def _failures_named(finding: str) -> Iterator[None]:
    """Make ModelFormatErrors that begin with `finding` of what the package raises for a model."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, OSError, IndexError) as error:
        reason = str(error).removeprefix("INTERNAL: ").rstrip(". \n")
        raise ModelFormatError(f"{finding}: {reason:.300}; {_REMEDY}") from error
