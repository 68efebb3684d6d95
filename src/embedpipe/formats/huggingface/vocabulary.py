"""Vocabulary files as they were published, checked for what would make them unusable."""

from __future__ import annotations

from embedpipe.errors import ModelFormatError
from embedpipe.files.wire import Message
from embedpipe.formats.archives.tree import FileTree

__all__ = ["read_sentencepiece_file", "vocabulary_lines"]

_LONGEST_PIECE = 1000


def vocabulary_lines(data: bytes, source: str) -> tuple[str, ...]:
    """The pieces of a `vocab.txt`, one a line, in the order of their ids.

    >>> vocabulary_lines(b"[PAD]\\n[UNK]\\n", "vocab.txt")
    ('[PAD]', '[UNK]')
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError(
            f"{source}: byte {error.start} is not UTF-8 ({error.reason}); expected a piece a line. "
            "Fetch the model again"
        ) from error
    # Only these end a line: U+2028 and its like are pieces in multilingual vocabularies
    lines = tuple(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))
    if lines == ("",) or any(len(line) > _LONGEST_PIECE for line in lines):
        raise ModelFormatError(
            f"{source} is empty or has a line of over {_LONGEST_PIECE} characters; expected a "
            "piece a line. Fetch the model again"
        )
    return lines


def read_sentencepiece_file(tree: FileTree, name: str) -> bytes:
    """The bytes of a SentencePiece model, which must at least be a message with pieces."""
    data = tree.read_small(name)
    if not any(Message(memoryview(data), tree.where(name)).views(1)):
        raise ModelFormatError(
            f"{tree.where(name)} has no pieces; expected a SentencePiece model. "
            "Fetch the model again"
        )
    return data
