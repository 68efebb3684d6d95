"""A published vocabulary as the files that Hugging Face's layout has for it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from embedpipe.errors import ModelFormatError
from embedpipe.files.protobuf import Message
from embedpipe.formats.archives.tree import FileTree

__all__ = ["sentencepiece_files", "vocabulary_files"]


def vocabulary_files(
    pieces: Iterable[str], source: str, *, do_lower_case: bool | None
) -> dict[str, bytes]:
    """`vocab.txt` of pieces in the order of their ids, and the settings beside it.

    do_lower_case: None where nothing says it. Raises ModelFormatError for a piece that is no line.
    """
    lines = list(pieces)
    for number, piece in enumerate(lines):
        if any("\ud800" <= character <= "\udfff" or character in "\r\n" for character in piece):
            raise ModelFormatError(
                f"{source}: the piece {number}, {piece[:80]!a}, is no line of text; expected "
                "pieces without line ends and lone surrogates"
            )
    content = "".join(f"{piece}\n" for piece in lines).encode()
    return {"vocab.txt": content, **_settings(do_lower_case)}


def sentencepiece_files(
    tree: FileTree, name: str, *, do_lower_case: bool | None
) -> dict[str, bytes]:
    """`spiece.model` out of a tree, which must at least be a message with pieces."""
    data = tree.read_small(name)
    if not any(Message(memoryview(data), tree.where(name)).views(1)):
        raise ModelFormatError(f"{tree.where(name)} has no pieces; expected a SentencePiece model")
    return {"spiece.model": data, **_settings(do_lower_case)}


def _settings(do_lower_case: bool | None) -> dict[str, bytes]:
    settings = {} if do_lower_case is None else {"do_lower_case": do_lower_case}
    return {"tokenizer_config.json": (json.dumps(settings, indent=2) + "\n").encode()}
