"""The words that BERT's pieces are looked for in, by the rules of Spark NLP's basic tokenizer.

They differ from BERT's own (and transformers'), which `embedpipe.subword` has:

- punctuation is ASCII's, and what has PUNCTUATION in its Unicode name, so `…`, `“` and `—` are
  letters of words;
- control characters separate words and vanish, a no-break space is a letter;
- only U+0300 to U+036F are accents, and they are stripped whatever the case;
- only Han characters of the basic plane stand alone.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["basic_words", "first_basic_word"]

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x9f\ufffd"
_ACCENTS = re.compile("[\u0300-\u036f]+")
# Java's `Character.isWhitespace`: separators but for the three no-break spaces, and these controls.
_SPACES = "\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000"
_ASCII_PUNCTUATION = "!-/:-@\\[-`{-~"


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    """One match per word: a character that stands alone, or a run of those that do not."""
    named = "".join(
        re.escape(chr(code))
        for code in range(0x80, 0x10000)
        if "PUNCTUATION" in unicodedata.name(chr(code), "")
    )
    alone = f"{_ASCII_PUNCTUATION}{named}{_HAN}"
    return re.compile(f"[{alone}]|[^{alone}{_SPACES}{_CONTROLS}]+")


def basic_words(text: str, *, case_sensitive: bool) -> list[str]:
    """The words of a text, without accents, in lower case unless case matters.

    >>> basic_words("Naïve $5.00 aren't", case_sensitive=False)
    ['naive', '$', '5', '.', '00', 'aren', "'", 't']
    """
    if text.isascii():  # as most are; there is nothing to normalize
        return _pattern().findall(text if case_sensitive else text.lower())
    words = (_normalized(word, case_sensitive) for word in _pattern().findall(text))
    return [word for word in words if word]


def first_basic_word(token: str, *, case_sensitive: bool) -> str:
    """The first word of a token, or "" where there is none.

    >>> [first_basic_word(token, case_sensitive=False) for token in ("Aren't", "[CLS]", "\\ufffd")]
    ['aren', '[', '']
    """
    token = token if case_sensitive else token.lower()
    if token.isascii():  # as most are; there is nothing to normalize
        if token.isalnum():  # and nothing that separates words
            return token
        found = _pattern().search(token)
        return found[0] if found else ""
    for match in _pattern().finditer(token):
        word = _normalized(match.group(), case_sensitive)
        if word:
            return word
    return ""


def _normalized(word: str, case_sensitive: bool) -> str:
    if word.isascii():
        return word if case_sensitive else word.lower()
    stripped = _ACCENTS.sub("", unicodedata.normalize("NFD", word))
    return stripped if case_sensitive else stripped.lower()
