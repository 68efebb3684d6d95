"""Paragraphs as packages hold them, to texts of one line: whole ones, and their sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

__all__ = ["SHORTEST", "is_prose", "one_line", "paragraphs_of", "sentences_of", "split_sentences"]

SHORTEST = 4
"""Words of the shortest sentence."""

_LONGEST = 45
"""Words of the longest sentence; longer ones are mostly lists, or wrongly cut."""

_PARAGRAPH = (50, 185)
"""Words of a paragraph: up to about 250 pieces, which is what the model reads."""

_SPACE = re.compile(r"\s+")
_TITLES = "Mr|Mrs|Ms|Dr|St|Messrs|Capt|Col|Gen|Hon|Rev|No|vs|e\\.g|i\\.e|cf|etc|viz"
_ABBREVIATION = re.compile(rf"(?:\b(?:{_TITLES}|[A-Z]))\.$")
_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(]?[A-Z0-9])")
_MARKUP = re.compile(r"[_*^~|\\<>{}=$#@]|::|\(\)|->|--|\.\.\.|https?:")


def one_line(text: str) -> str:
    """The same in NFC, with single spaces."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def is_prose(text: str) -> bool:
    """Whether it is made of words: no code, no tables, no other script."""
    letters = sum(character.isalpha() or character in " ,.'" for character in text)
    plain = sum(character.isascii() for character in text)
    if letters < 0.9 * len(text) or plain < 0.95 * len(text) or _MARKUP.search(text):
        return False
    capitals = sum(character.isupper() for character in text)
    return capitals < 0.25 * len(text)


def split_sentences(text: str) -> Iterator[str]:
    """At full stops, question and exclamation marks before capitals, but after abbreviations."""
    begin = 0
    for end in _END.finditer(text):
        if not _ABBREVIATION.search(text, begin, end.start()):
            yield text[begin : end.end()].strip()
            begin = end.end()
    yield text[begin:].strip()


def sentences_of(paragraphs: Iterable[str]) -> Iterator[str]:
    """The sentences that are prose, of a usual length."""
    for paragraph in paragraphs:
        for sentence in split_sentences(one_line(paragraph)):
            text = sentence.strip(" \"'“”‘’")
            if SHORTEST <= text.count(" ") + 1 <= _LONGEST and is_prose(text):
                yield text


def paragraphs_of(paragraphs: Iterable[str]) -> Iterator[str]:
    """Whole paragraphs as long as the model reads; longer ones in parts, short ones joined."""
    least, most = _PARAGRAPH
    held: list[str] = []
    words = 0
    for paragraph in paragraphs:
        for sentence in split_sentences(one_line(paragraph)):
            size = sentence.count(" ") + 1
            if words + size > most:
                if words >= least:
                    yield " ".join(held)
                held, words = [], 0
            if size <= most and is_prose(sentence):
                held.append(sentence)
                words += size
        if words >= least:
            yield " ".join(held)
            held, words = [], 0
