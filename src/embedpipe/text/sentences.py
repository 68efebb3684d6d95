"""Sentence boundaries by rules, as Spark NLP's SentenceDetector finds them.

The parameters are in `sentence_rules`, the rules in `sentence_marks`; what Spark NLP records where
its offsets miss the text is in `recorded`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from embedpipe.text.cleanup import TRIMMED
from embedpipe.text.offsets import utf16_length
from embedpipe.text.segment import Segment, has_length
from embedpipe.text.sentence_marks import BOUND, BREAK, CLOSE, MARKS, NEUTRAL, OPEN
from embedpipe.text.sentence_rules import (
    BOUND_STRATEGIES,
    SentenceRules,
    mark_all,
    sentence_ends,
)

__all__ = ["BOUND_STRATEGIES", "SentenceRules", "cleared", "shortened", "split_sentences"]

_ANY_MARK = re.compile(f"[{MARKS}]")


def split_sentences(text: str, rules: SentenceRules = SentenceRules()) -> list[Segment]:  # noqa: B008
    """The sentences of `text` in order, white space and controls around them left out.

    Each has `text[begin:end]` as its text, and they do not overlap. A text of nothing but white
    space has none.

    >>> [s.text for s in split_sentences("Dr. Lee left. So did I; why?")]
    ['Dr. Lee left.', 'So did I;', 'why?']
    """
    found = _trimmed(text, _ends(text, rules))
    if rules.split_length is not None:
        found = [part for sentence in found for part in _parts(sentence, rules.split_length)]
    least, most = rules.min_length, rules.max_length
    if least > 1 or 2 * len(text) > most:
        return [sentence for sentence in found if has_length(sentence.text, least, most)]
    return found


def cleared(text: str) -> str:
    """`text` with another noncharacter in the place of each that is a mark."""
    return text if text.isascii() else _ANY_MARK.sub(NEUTRAL, text)


def _ends(text: str, rules: SentenceRules) -> Iterator[tuple[int, int]]:
    """Where a sentence ends and where the next begins, in order."""
    marked, widths = mark_all(cleared(text), rules)
    return _in_source(marked, widths, sentence_ends(marked, at_stops=not rules.only_bounds))


def _in_source(
    marked: str, widths: list[int], ends: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """Ends in a marked text as ends in its source."""
    bounds = iter(widths)

    def source_length(part: str) -> int:
        put_in = part.count(BREAK) + part.count(OPEN) + part.count(CLOSE)
        left_out = part.count(BOUND)
        return len(part) - put_in - left_out + sum(next(bounds) for _ in range(left_out))

    source = done = 0
    for end, following in ends:
        source += source_length(marked[done:end])
        end_in_source = source
        source += source_length(marked[end:following])
        done = following
        yield end_in_source, source


def _trimmed(text: str, ends: Iterable[tuple[int, int]]) -> list[Segment]:
    """What lies between the ends, without white space and controls around it, unless empty."""
    found = []
    start = 0
    for end, following in (*ends, (len(text), len(text))):
        piece = text[start:end].lstrip(TRIMMED)
        if piece:
            begin = end - len(piece)
            piece = piece.rstrip(TRIMMED)
            found.append(Segment(piece, begin, begin + len(piece)))
        start = following
    return found


def _parts(sentence: Segment, length: int) -> Iterator[Segment]:
    begin = sentence.begin
    for words in shortened(sentence.text, length):
        if not words:
            continue
        part = " ".join(words)
        if part:
            yield Segment(part, begin, begin + len(part))
        begin += len(part) + 1


def shortened(text: str, length: int) -> Iterator[list[str]]:
    """The words of `text` between spaces, as many together as have `length` UTF-16 units.

    A longer word stays whole. If the first one is, no words come before it: an empty list.
    """
    words: list[str] = []
    size = 0
    for word in text.split(" "):
        units = utf16_length(word)
        if size + units > length:
            yield words
            words, size = [], 0
        words.append(word)
        size += units + 1
    yield words
