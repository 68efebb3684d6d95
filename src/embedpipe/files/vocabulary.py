"""`vocab.txt`: a piece a line, in the order of their ids."""

from __future__ import annotations

from embedpipe.errors import ModelFormatError
from embedpipe.files.reading import decoded

__all__ = ["vocabulary_lines"]

_LONGEST_PIECE = 1000


def vocabulary_lines(data: bytes, source: str) -> tuple[str, ...]:
    r"""The pieces of a `vocab.txt`; ModelFormatError for what cannot be one.

    >>> vocabulary_lines(b"[PAD]\r\n[UNK]\n", "vocab.txt")
    ('[PAD]', '[UNK]')
    """
    # Only these end a line: U+2028 and its like are pieces in multilingual vocabularies
    text = decoded(data, source).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    if not text or _has_long_line(text):
        raise ModelFormatError(
            f"{source} is empty or has a line of over {_LONGEST_PIECE} characters; expected a "
            "piece a line"
        )
    return tuple(text.split("\n"))


def _has_long_line(text: str) -> bool:
    """Whether a line is too long for a piece; only so many lines are looked at as there must be."""
    begin = 0
    while len(text) - begin > _LONGEST_PIECE:
        end = text.rfind("\n", begin, begin + _LONGEST_PIECE + 1)
        if end < 0:
            return True
        begin = end + 1
    return False
