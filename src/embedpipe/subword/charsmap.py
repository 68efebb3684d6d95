"""SentencePiece's precompiled rules of normalisation: what text is replaced by what.

They are a size in bytes (uint32), a double-array trie of that size over the UTF-8 of the texts to
replace, and the replacements, zero-terminated UTF-8; see normalizer.cc of SentencePiece. The trie's
units are those of darts-clone: label in the low 8 bits, has-leaf in bit 8, offset above. Where the
rules are applied is in `normalizer`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["Charsmap", "charsmap_problems"]

_LABEL = 1 << 31 | 0xFF
"""The top bit is set in leaves alone, so that they are no byte's unit."""

_VALUE = 2**31 - 1

_NO_RULES = [_LABEL] * 256
"""A trie of no entries: these units are no byte's."""

_LONGEST_RULE = 64
"""Characters. SentencePiece's own rules replace at most 4; a damaged trie may go in circles."""

_MOST_STEPS = 2**14
"""Steps that are remembered: those of every character of a few alphabets."""


class Charsmap:
    """Looks up rules in a charsmap that `charsmap_problems` finds nothing wrong with; may be empty.

    A state is the position in the trie that the characters so far lead to; `root` is that of none.
    """

    def __init__(self, charsmap: bytes) -> None:
        """Take the rules apart; an empty `charsmap` has none."""
        size = int.from_bytes(charsmap[:4], "little")
        self._units: list[int] = np.frombuffer(charsmap[4 : 4 + size], "<u4").tolist() or _NO_RULES
        self._replacements = charsmap[4 + size :]
        self.root = _children(self._units[0], 0) if size else 0
        self.step = lru_cache(_MOST_STEPS)(self._step)

    def longest(self, text: str, begin: int) -> tuple[int, str] | None:
        """Where the longest rule for the text at `begin` ends, and what it puts there; or None."""
        found = None
        state = self.root
        for end in range(begin + 1, min(begin + _LONGEST_RULE, len(text)) + 1):
            after = self.step(state, text[end - 1])
            if after is None:
                break
            state, replacement = after
            if replacement is not None:
                found = end, replacement
        return found

    def _step(self, state: int, character: str) -> tuple[int, str | None] | None:
        """The state one character further and what its rule puts, None for no rule that ends here.

        None if no rule goes on with this character.
        """
        unit = 0
        for byte in character.encode():
            position = state ^ byte
            unit = self._units[position]
            if unit & _LABEL != byte:
                return None
            state = _children(unit, position)
        if not unit >> 8 & 1:
            return state, None
        value = self._units[state] & _VALUE
        end = self._replacements.index(b"\0", value)
        return state, self._replacements[value:end].decode()


def charsmap_problems(charsmap: bytes) -> list[str]:
    """What is wrong with precompiled rules, at most one finding; an empty charsmap is fine.

    Every step that a look-up can take must stay inside.
    """
    if not charsmap:
        return []
    size = int.from_bytes(charsmap[:4], "little")
    if len(charsmap) < 4 or size % 4 or not 0 < size <= len(charsmap) - 4:
        return [f"the charsmap of {len(charsmap)} bytes claims a trie of {size} bytes"]
    units = np.frombuffer(charsmap, dtype="<u4", count=size // 4, offset=4)
    replacements = charsmap[4 + size :]
    positions = np.arange(units.size, dtype=np.uint32)
    children = positions ^ ((units >> 10) << ((units & (1 << 9)) >> 6))
    inner = units < 1 << 31
    inner[0] = True  # a look-up steps from the root without asking what it is
    if (children[inner] | 0xFF).max(initial=0) >= units.size:
        return ["a step in the charsmap's trie leads outside of it"]
    leaves = units[children[inner & ((units >> 8) & 1 == 1)]] & _VALUE
    return _replacement_problems(replacements, leaves)


def _replacement_problems(replacements: bytes, begins: npt.NDArray[np.uint32]) -> list[str]:
    """What is wrong with the replacements that begin there, at most one finding."""
    # A replacement begins at a UTF-8 character: its first byte is no continuation byte (10xxxxxx).
    bytes_at = np.frombuffer(replacements + b"\x80", dtype=np.uint8)
    if (bytes_at[np.minimum(begins, len(replacements))] & 0xC0 == 0x80).any():
        return ["an entry of the charsmap's trie points at no replacement"]
    if begins.size and not replacements.endswith(b"\0"):
        return ["the charsmap's last replacement has no end"]
    try:
        replacements.decode()
    except UnicodeDecodeError as error:
        return [f"the charsmap's replacements are not UTF-8 ({error.reason})"]
    return []


def _children(unit: int, position: int) -> int:
    """Where the unit's children lie, each at its label exclusive-or this; its leaf lies here."""
    return position ^ ((unit >> 10) << ((unit & 1 << 9) >> 6))
