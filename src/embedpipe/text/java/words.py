r"""Where words begin and end for Java 17's `\b`, which knows letters and digits of all scripts.

A combining mark belongs to the letter or digit that it follows. Java looks back over any number of
marks, Python can only look back a fixed way: here it is three.
"""

from __future__ import annotations

from functools import lru_cache

from embedpipe.text.code_points import CodePoints
from embedpipe.text.java.properties import known_category

__all__ = ["not_behind_word", "word_boundary"]

_MOST_MARKS = 3


@lru_cache(maxsize=1)
def _word_endings() -> tuple[str, ...]:
    """What the text before the end of a word ends with: one pattern for each length."""
    letters, marks = known_category("LD"), known_category("Mn").pattern
    word = letters | CodePoints.of("_")
    marked = (letters.pattern + marks * count for count in range(1, _MOST_MARKS + 1))
    return word.pattern, *marked


@lru_cache(maxsize=1)
def not_behind_word() -> str:
    """A pattern of no length that holds wherever no word ends or goes on."""
    return "".join(f"(?<!{ending})" for ending in _word_endings())


@lru_cache(maxsize=1)
def word_boundary() -> str:
    r"""Java 17's `\b` for Python: the beginning or the end of a word."""
    word = known_category("LD") | CodePoints.of("_")
    inside = (word | known_category("Mn")).pattern
    behind = "|".join(f"(?<={ending})" for ending in _word_endings())
    return f"(?:(?:{behind})(?!{inside})|{not_behind_word()}(?={word.pattern}))"
