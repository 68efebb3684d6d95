"""`vocab.txt`: a piece a line, in the order of their ids."""

from __future__ import annotations

from embedpipe.errors import ModelFormatError
from embedpipe.files.whole import decoded

__all__ = ["vocabulary_lines"]

_LONGEST_PIECE = 1000


def vocabulary_lines(data: bytes, source: str) -> tuple[str, ...]:
    r"""The pieces of a `vocab.txt`; ModelFormatError for what cannot be one.

    >>> vocabulary_lines(b"[PAD]\r\n[UNK]\n", "vocab.txt")
    ('[PAD]', '[UNK]')
    """
    # Only these end a line: U+2028 and its like are pieces in multilingual vocabularies
    text = decoded(data, source).replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    lines = tuple(text.split("\n"))
    if lines == ("",) or max(map(len, lines)) > _LONGEST_PIECE:
        raise ModelFormatError(
            f"{source} is empty or has a line of over {_LONGEST_PIECE} characters; expected a "
            "piece a line"
        )
    return lines
