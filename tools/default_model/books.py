"""Paragraphs of books and speeches: novels, addresses of presidents, the World English Bible."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["austen", "bible", "moby_dick", "speeches"]

_HEADER = 60
"""Characters of a chapter's title at most."""


def moby_dick(folder: Path) -> Iterator[str]:
    """Paragraphs, which lines without text stand between."""
    for path in sorted(folder.rglob("data/*.txt")):
        for paragraph in re.split(r"\n\s*\n", path.read_text("utf-8")):
            if len(paragraph) > _HEADER:
                yield paragraph


def speeches(folder: Path) -> Iterator[str]:
    """Each address as one paragraph, since its file has no lines."""
    for path in sorted(folder.rglob("data/*.txt")):
        yield from path.read_text("utf-8", errors="replace").splitlines()


def austen(folder: Path) -> Iterator[str]:
    """Paragraphs of the six novels, out of R's format of saved vectors of lines."""
    content = next(folder.rglob("data/Rdata.rdb")).read_bytes()
    while content:  # of each novel: the length unpacked, and zlib's stream
        stream = zlib.decompressobj()
        lines = list(_r_strings(stream.decompress(content[4:])))
        content = stream.unused_data
        text = "\n".join(line for line in lines if not line.lower().startswith("chapter"))
        yield from (part for part in re.split(r"\n\s*\n", text) if len(part) > _HEADER)


def _r_strings(data: bytes) -> Iterator[str]:
    """The strings of a serialized character vector: a marker, a length, bytes."""
    (encoding,) = struct.unpack_from(">I", data, 14)  # the length of its name
    at = 18 + encoding
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(count):
        (size,) = struct.unpack_from(">I", data, at + 4)
        yield data[at + 8 : at + 8 + size].decode("utf-8", "replace")
        at += 8 + size


def bible(folder: Path) -> Iterator[str]:
    """Paragraphs, out of the blocks of SWORD's compressed texts, one block a book."""
    for index in sorted(folder.rglob("*.bzs")):
        blocks = index.read_bytes()
        texts = index.with_suffix(".bzz").read_bytes()
        for offset, size, _ in struct.iter_unpack("<III", blocks):
            yield from _osis(zlib.decompress(texts[offset : offset + size]).decode("utf-8"))


def _osis(book: str) -> Iterator[str]:
    """The paragraphs of a book in OSIS, without notes, headings and tags."""
    book = re.sub(r"<note\b.*?</note>|<title\b.*?</title>", " ", book, flags=re.DOTALL)
    for part in re.split(r"<div [^>]*type=\"(?:x-p|x-m|paragraph)\"[^>]*/>", book):
        text = re.sub(r"<[^>]*>", "", part)
        text = re.sub(r"\s+([,.;:!?’”])", r"\1", text)
        if len(text) > _HEADER:
            yield text
