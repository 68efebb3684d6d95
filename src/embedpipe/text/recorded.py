"""Sentences and words with the offsets that Spark NLP 5.5.3 gives, where these miss the text.

Offsets here count UTF-16 units, since some fall between the halves of a character. What is found
differs from `split_sentences` and `WordSplitter.split` only in these cases:

- A bound that is left out stands in protected text. It is missing from the sentence, which is
  then sought in vain: begin is -1.
- A bound that is left out holds what the sentence after it says; it is found there.
- The text holds a character that Spark NLP uses as a mark; it is taken for that mark.
  (Our own marks are text here too.)
- A word longer than `split_length` begins a sentence; all offsets in it are one too high.
- Separators beyond U+FFFF precede a word; each counts as one unit.
- A word is split further; what follows is placed where its last part ends, as if no separator
  stood there.
- A split character has a meaning in patterns, such as the stop; it has that meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from embedpipe.errors import ParameterError
from embedpipe.text.cleanup import TRIMMED
from embedpipe.text.code_points import CodePoints, unused_characters
from embedpipe.text.java.regex import compile_java
from embedpipe.text.offsets import Utf16Offsets, utf16_length
from embedpipe.text.segment import Segment, has_length
from embedpipe.text.sentence_marks import BOUND, BREAK, CLOSE, KEPT, MARKS, OPEN
from embedpipe.text.sentence_rules import SentenceRules, mark_all, sentence_ends
from embedpipe.text.sentences import shortened
from embedpipe.text.words import Candidate, Group, Separators, WordSplitter

__all__ = ["RecordedWords", "recorded_sentences"]

# Spark NLP's own marks if a text holds them: three act as marks, others turn into what they
# stand for.
_ACTING = str.maketrans({"\uf050": BREAK, "\uf056": OPEN, "\uf057": CLOSE})
_MEANING = str.maketrans(
    {BREAK: "", BOUND: "", OPEN: "", CLOSE: "", KEPT: "."}
    | {"\uf051": ".", "\uf053": ";", "\uf054": "?", "\uf055": "!"}
    | {"╞": ".", "╟": ".", "╔": ".", "╤": "?", "╥": "!", "╦": "..."}
)


def recorded_sentences(
    text: str,
    rules: SentenceRules = SentenceRules(),  # noqa: B008
) -> list[Segment]:
    """The sentences of `text` as Spark NLP 5.5.3 gives them, in UTF-16 units.

    >>> from embedpipe.text.sentences import SentenceRules
    >>> recorded_sentences("Antibiotics help.", SentenceRules(split_length=10))
    [Segment(text='Antibiotics', begin=1, end=12), Segment(text='help.', begin=13, end=18)]
    """
    least, most = rules.min_length, rules.max_length
    return [
        part
        for sentence in _sought(text, rules)
        for part in _parts(sentence, rules.split_length)
        if part.text and has_length(part.text, least, most)
    ]


def _sought(text: str, rules: SentenceRules) -> Iterator[Segment]:
    """Each sentence where its text is found first behind the end of the one before it."""
    # Our own marks are text where a text holds them.
    held = [mark for mark in MARKS if mark in text]
    stand_ins = dict(zip(held, unused_characters(text, len(held)), strict=True))
    marked, _ = mark_all(text.translate(str.maketrans(stand_ins) | _ACTING), rules)
    meaning = _MEANING | {ord(stand_in): mark for mark, stand_in in stand_ins.items()}
    units = Utf16Offsets(text)
    start = position = 0
    ends = sentence_ends(marked, at_stops=not rules.only_bounds)
    for end, following in (*ends, (len(marked), len(marked))):
        sentence = marked[start:end].translate(meaning).strip(TRIMMED)
        start = following
        found = text.find(sentence, position)
        begin = -1 if found < 0 else units.to_units(found)
        stop = begin + utf16_length(sentence)
        yield Segment(sentence, begin, stop)
        position = units.to_code_point(max(stop, 0))


def _parts(sentence: Segment, length: int | None) -> Iterator[Segment]:
    if length is None:
        yield sentence
        return
    begin = sentence.begin
    for words in shortened(sentence.text, length):
        part = " ".join(words)
        end = begin + utf16_length(part)
        yield Segment(part, begin, end)
        begin = end + 1


class RecordedWords:
    """Words of sentences as Spark NLP 5.5.3 gives them, by the rules of a splitter.

    >>> from embedpipe.text.words import WordRules, WordSplitter
    >>> words = RecordedWords(WordSplitter(WordRules(target_pattern="[a-z]+")))
    >>> words.split("😀 a")
    [Segment(text='a', begin=2, end=3)]
    """

    def __init__(self, splitter: WordSplitter) -> None:
        self._splitter = splitter
        self._split_chars = _recorded_split_chars(splitter.rules.split_chars)
        astral = splitter.separators & CodePoints.of("\U00010000-\U0010ffff")
        self._astral_separator = re.compile(astral.pattern) if astral.ranges else None

    def split(self, text: str) -> list[Segment]:
        """The words of `text` in UTF-16 units."""
        # Each separator is one unit here, so its code is of no account.
        separators = self._astral_separator
        units = Utf16Offsets(separators.sub("\0", text) if separators else text)
        encoded = text.encode("utf-16-le", "surrogatepass")
        least, most = self._splitter.rules.min_length, self._splitter.rules.max_length
        return [
            word
            for candidate in self._splitter.candidates(text, self._split_chars)
            for word in _words_of(candidate, encoded, units)
            if word.text and has_length(word.text, least, most)
        ]


def _words_of(candidate: Candidate, encoded: bytes, units: Utf16Offsets) -> Iterator[Segment]:
    """The words of a candidate of the text that `encoded` is in UTF-16.

    An exception is cut out of the text at the recorded offsets, right or wrong.
    """
    begin = units.to_units(candidate.begin)
    if candidate.is_exception:
        end = units.to_units(candidate.begin + len(candidate.text))
        word = encoded[2 * begin : 2 * end].decode("utf-16-le", "surrogatepass")
        yield Segment(word, begin, end)
    elif candidate.groups is None:
        yield Segment(candidate.text, begin, begin + utf16_length(candidate.text))
    else:
        for word, offset in _placed(candidate.text, candidate.groups):
            yield Segment(word, begin + offset, begin + offset + utf16_length(word))


def _placed(candidate: str, groups: list[Group]) -> Iterator[tuple[str, int]]:
    """The words of groups and their offsets: one behind the other, parts of split ones sought."""
    units = Utf16Offsets(candidate)
    cursor = 0
    for group in groups:
        for begin, end in group.spans:
            word = candidate[begin:end]
            if group.is_split:
                found = candidate.find(word, units.to_code_point(max(cursor, 0)))
                cursor = -1 if found < 0 else units.to_units(found)
            yield word, cursor
            cursor += utf16_length(word)


def _recorded_split_chars(entries: tuple[str, ...]) -> Separators | None:
    """Split characters as one pattern, each with its meaning there; None if that is no pattern."""
    if not entries:
        return None
    sign = CodePoints.of(*(entry[-1] for entry in entries))
    try:
        pattern = compile_java("|".join(entries), "split_chars")
    except ParameterError:
        # Nothing is recorded for such a pattern: Spark NLP fails on it.
        return None
    return Separators(re.compile(sign.pattern), pattern)
