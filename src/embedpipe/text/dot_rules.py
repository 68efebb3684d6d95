"""Where a full stop ends no sentence: numbers, abbreviations, compounds, coordinates.

Each rule says what stands before and after the stop. `sentence_marks` applies them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from embedpipe.text.abbreviations import GENERAL, NUMBERING, PREPOSITIVE

__all__ = ["NUMBER_DOT", "kept_dots"]


class DotRule(NamedTuple):
    """A context in which the full stop belongs to a word; both sides of fixed effect, ASCII."""

    name: str
    before: str
    after: str


# The possessive of a word that ends in a stop: the U.S.'s.
_POSSESSIVE = r"'s(?:[\s$]|\Z)"

_NUMBERS = (
    DotRule("a digit follows", "", r"\d"),
    DotRule("glued to a number", r"\d", r"\S"),
    DotRule("item of one digit opens the text", r"\A\d", r"\s\S"),
    DotRule("item of two digits opens the text", r"\A\d\d", r"\s\S"),
)

_INITIALS = (
    DotRule("possessive", "", _POSSESSIVE),
    DotRule("German company", "Co", r"\sKG"),
    DotRule("initial", r"\s[A-Z]", r"\s"),
    DotRule("initial opens the text", r"\A[A-Z]", r"\s"),
)

_COMPOUNDS = (
    DotRule("inside a word", r"\w", r"\w"),
    DotRule("coordinate", "[A-z]°", r"\s*\d"),
)

# The dictionary's own stops stand for any character but a line end ("e.g" is also "egg").
_ANY_IN_LINE = r"[^\n\r\x85\u2028\u2029]"


def _spelled(words: Sequence[str]) -> Iterator[str]:
    """One alternative for each length among `words`, since look-behinds have fixed lengths."""
    for length in sorted({len(word) for word in words}):
        same = [word.replace(".", _ANY_IN_LINE) for word in words if len(word) == length]
        yield f"(?i:{'|'.join(same)})"


def _dictionary(stop_after: str) -> Iterator[DotRule]:
    """The rules of the abbreviations; `stop_after` is a further stop that still ends a sentence."""
    sentence_goes_on = r"\s(?:[a-z]|I\s|I'm|I'll|\d)"
    for name, words, inside, opening in (
        ("title", PREPOSITIVE, r"\s|:\d", r"\s|:\d"),
        ("numbering", NUMBERING, r"\s\d|\s+\(", r"\s\d|\s+\("),
        (
            "abbreviation",
            GENERAL,
            rf"[:,?-]|{stop_after}|{sentence_goes_on}",
            rf"[:,?]|{stop_after}|{sentence_goes_on}",
        ),
    ):
        for spelled in _spelled(words):
            yield DotRule(name, rf"\s{spelled}", inside)
            yield DotRule(f"{name} opens the text", rf"\A{spelled}", opening)


def _union(rules: Sequence[DotRule]) -> re.Pattern[str]:
    """A stop in any of the contexts: it comes first, so that the search runs from stop to stop."""
    before: dict[str, list[str]] = {}  # what follows a stop is looked at once for all rules
    for rule in rules:
        before.setdefault(rule.after, []).append(rf"(?<={rule.before}\.)" if rule.before else "")
    contexts = (f"(?={after})(?:{'|'.join(befores)})" for after, befores in before.items())
    return re.compile(rf"\.(?:{'|'.join(contexts)})", re.ASCII)


NUMBER_DOT = _union(_NUMBERS)


@lru_cache(maxsize=4)
def kept_dots(*, abbreviations: bool, numbers_first: bool) -> re.Pattern[str]:
    """All full stops that end no sentence by what stands next to them.

    With `numbers_first` a second stop that belongs to a number no longer counts as one when an
    abbreviation before it is judged.
    """
    free = rf"\d|{_POSSESSIVE}" if numbers_first else _POSSESSIVE
    dictionary = tuple(_dictionary(rf"\.(?!{free})")) if abbreviations else ()
    return _union((*_NUMBERS, *_INITIALS, *dictionary, *_COMPOUNDS))
