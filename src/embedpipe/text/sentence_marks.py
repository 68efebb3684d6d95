"""Marks in a text that say where sentences may end: the rules of the "pragmatic" detector.

A marked text is the text with single stops replaced by KEPT where they end no sentence, and with
BREAK, OPEN and CLOSE put in: sentences end behind each remaining `.` and `;` and at each BREAK,
unless a CLOSE is the next marker after it. `sentences` reads the marks.

The rules run one after another as in Spark NLP's SentenceDetector, each over what the ones before
it left: a mark inside brackets, for instance, keeps the brackets from protecting what they hold.
Every pattern begins with the character that it is about and looks around from there, and none
scans the same stretch twice, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from embedpipe.text.dot_rules import NUMBER_DOT, kept_dots
from embedpipe.text.java.words import not_behind_word

__all__ = ["BOUND", "BREAK", "CLOSE", "KEPT", "MARKS", "NEUTRAL", "OPEN", "mark"]

# Noncharacters: in no text that follows Unicode, and like Spark NLP's own marks neither word
# characters nor white space. A text that holds one nevertheless is cleared of it beforehand.
BREAK, OPEN, CLOSE, KEPT, BOUND = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3", "\ufdd4"
MARKS = BREAK + OPEN + CLOSE + KEPT + BOUND

# Stands for such a character; no rule tells it from one.
NEUTRAL = "\ufdd5"

# (a) anywhere, a) where the text begins.
_LETTER_ITEM = re.compile(r"\([a-z]+\)")
_OPENING_LETTER_ITEM = re.compile(r"[a-z]+\)")

# 1. or 1.) between spaces or where the text begins; -1. likewise; -1.) only where it begins, or
# behind the letter s.
_NUMBER_ITEM = re.compile(
    r"(?:\s|\A)\d{1,2}\.[\s)]|(?:\s|\A)-\d{1,2}\.\s|s-\d{1,2}\.\)|\A-\d{1,2}[^\n\r\x85\u2028\u2029]\)",
    re.ASCII,
)
_STOP_OF_ITEM = re.compile(r"\.(?<=\d\.)(?=[\s)])", re.ASCII)

# a.m. and the like, before or after other letters too.
_STOP_BETWEEN_LETTERS = re.compile(r"\.(?<=[A-Za-z]\.)(?=[A-Za-z])")
_HALF_OF_DAY = re.compile(r"[aApP]\.[mM]\.*")

# The end of a run of ! and ?, if it is not a lone one behind white space.
_LOUD_END = re.compile(r"[!?](?=[\s$]|\Z)(?<=\S[!?])", re.ASCII)

_ELLIPSIS = re.compile(r"\.\.\.(?=\s+[A-Z])", re.ASCII)

# What may stand between quotation marks or brackets if they are to protect it.
_INSIDE = r"[\w\s?!.,]+"
_ENCLOSED = tuple(
    (opening, re.compile(pattern, re.ASCII))
    for opening, pattern in (
        ('"', f'"{_INSIDE}"'),
        ("[", rf"\[{_INSIDE}\]"),
        ("(", rf"\({_INSIDE}\)"),
    )
)
_OPENING_APOSTROPHE = re.compile(r"'(?:(?<=\s')|(?<=\A'))", re.ASCII)
_APOSTROPHE_RUN = re.compile(r"[\w\s?!.,|']+", re.ASCII)
_NO_WORD = re.compile(r"\W", re.ASCII)


def _protect(match: re.Match[str]) -> str:
    return f"{OPEN}{match[0]}{CLOSE}"


def _break_and_protect(match: re.Match[str]) -> str:
    return f"{BREAK}{OPEN}{match[0]}{CLOSE}"


def _break_after(match: re.Match[str]) -> str:
    return match[0] + BREAK


def mark(text: str, *, abbreviations: bool, lists: bool, numbers_first: bool) -> str:
    """`text` with marks; it must hold none of MARKS but BREAK and BOUND from custom bounds.

    `numbers_first` says whether numbers are judged before abbreviations; Spark NLP does so unless
    there are custom bounds.
    """
    ascii_only = text.isascii()
    if lists:
        text = _mark_lists(text)
    if -1 < text.find(".") < len(text) - 1:  # what keeps a stop stands behind it too
        if _STOP_BETWEEN_LETTERS.search(text):
            if numbers_first:
                text = NUMBER_DOT.sub(KEPT, text)
            text = _HALF_OF_DAY.sub(_protect, _dotted_words(ascii_only).sub(_protect, text))
        text = kept_dots(abbreviations=abbreviations, numbers_first=numbers_first).sub(KEPT, text)
    if "!" in text or "?" in text:
        text = _LOUD_END.sub(_break_after, text)
    if "..." in text:
        text = _ELLIPSIS.sub(f"{KEPT}{KEPT}.", text)
    if "'" in text:
        text = _protect_apostrophes(text)
    for opening, enclosed in _ENCLOSED:
        if opening in text:
            text = enclosed.sub(_protect, text)
    return text


def _mark_lists(text: str) -> str:
    """A BREAK before each item label such as (a) or 1., and the label protected."""
    if ")" in text:
        if match := _OPENING_LETTER_ITEM.match(text):
            text = _break_and_protect(match) + text[match.end() :]
        text = _LETTER_ITEM.sub(_break_and_protect, text)
    if text.startswith("-") or _STOP_OF_ITEM.search(text):
        text = _NUMBER_ITEM.sub(_break_and_protect, text)
    return text


@lru_cache(maxsize=2)
def _dotted_words(ascii_only: bool) -> re.Pattern[str]:
    """A letter behind no word, then stops and letters by turns, then stops that open no sentence.

    The cheapest condition comes first; texts in ASCII need no look at other scripts.
    """
    not_behind = "(?<![0-9A-Za-z_])" if ascii_only else not_behind_word()
    return re.compile(
        rf"(?=[a-zA-Z]\.[a-zA-Z]){not_behind}[a-zA-Z](?:\.[a-zA-Z])+(?:\.(?!\s[A-Z]))*", re.ASCII
    )


def _protect_apostrophes(text: str) -> str:
    """Protect what stands from an apostrophe behind white space to the last one before no word.

    A stretch of word characters, white space and `?!.,|'` has at most one such pair.
    """
    parts: list[str] = []
    done = position = 0
    while match := _OPENING_APOSTROPHE.search(text, position):
        begin = match.start()
        run = _APOSTROPHE_RUN.match(text, begin)
        end = position = run.end() if run else begin + 1
        close = text.rfind("'", begin + 2, end)
        while close >= 0 and not _NO_WORD.match(text, close + 1):
            close = text.rfind("'", begin + 2, close)
        if close >= 0:
            position = close + 2
            parts += (text[done:begin], OPEN, text[begin:position], CLOSE)
            done = position
    return "".join(parts) + text[done:] if parts else text
