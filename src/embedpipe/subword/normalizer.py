"""SentencePiece's normalisation of a text, as in normalizer.cc: rules, spaces, word boundaries.

The rules themselves are looked up in `charsmap`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection

from embedpipe.subword.charsmap import Charsmap

__all__ = ["WORD_BOUNDARY", "Normalizer"]

WORD_BOUNDARY = "▁"
"""U+2581, which SentencePiece writes for the space before a word."""

_PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "
_SPACES = re.compile("  +")


class Normalizer:
    """Normalises as models do that add a dummy prefix and remove extra white space.

    Symbols of the user stand as they are wherever they occur, before any rule.
    """

    def __init__(self, charsmap: bytes, symbols: Collection[str]) -> None:
        """Take a charsmap that has been checked, and the user's symbols, none of them empty."""
        self._rules = Charsmap(charsmap)
        longest_first = sorted(symbols, key=len, reverse=True)
        # (?!) matches nowhere
        self._symbol = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._plain = _plain_run(self._rules, symbols)

    def __call__(self, text: str) -> str:
        """The normalised text: empty, or words that begin with `▁` each."""
        chunks = []
        position = 0
        after_space = True
        while position < len(text):
            end, chunk = self._next(text, position)
            # as SentencePiece does it: of white space that meets only the first stays, but within
            # what a rule puts or a symbol holds it all stays
            if after_space:
                chunk = chunk.lstrip(" ")
            if chunk:
                chunks.append(chunk)
                after_space = chunk[-1] == " "
            position = end
        words = WORD_BOUNDARY + "".join(chunks).replace(" ", WORD_BOUNDARY)
        return words.rstrip(WORD_BOUNDARY)

    def _next(self, text: str, position: int) -> tuple[int, str]:
        """The end of what is taken from `position` on, and what it becomes."""
        plain = self._plain.match(text, position)
        if plain:
            run = plain[0]
            return plain.end(), _SPACES.sub(" ", run) if "  " in run else run
        symbol = self._symbol.match(text, position)
        if symbol:
            return symbol.end(), symbol[0]
        return self._rules.longest(text, position) or (position + 1, text[position])


def _plain_run(rules: Charsmap, symbols: Collection[str]) -> re.Pattern[str]:
    """A pattern of runs of ASCII that no rule touches, so that they need no look-up.

    It takes a character only if the next one is such a character too, or there is none: a rule for
    a letter and the accents behind it may begin with any letter.
    """
    longer = {symbol[0] for symbol in symbols if len(symbol) > 1}
    after = {
        character: rules.step(rules.root, character)
        for character in _PRINTABLE
        if character not in longer
    }
    plain = {c for c, step in after.items() if c in symbols or step is None or step[1] is None}
    goes_on = any(
        rules.step(step[0], following)
        for character, step in after.items()
        if step is not None and character in plain and character not in symbols
        for following in plain
    )
    if goes_on or not plain:
        return re.compile("(?!)")
    one = f"[{re.escape(''.join(sorted(plain)))}]"
    return re.compile(rf"{one}+(?={one}|\Z)")
