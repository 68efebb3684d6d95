"""Sets of characters as ranges of code points, with the algebra that character classes need.

Which set a name such as `\\p{Lu}` stands for is in `java.properties`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

__all__ = ["ANY", "CodePoints", "unused_characters"]

LAST = 0x10FFFF


def _escape(code: int) -> str:
    if 0x30 <= code <= 0x39 or 0x41 <= code <= 0x5A or 0x61 <= code <= 0x7A:
        return chr(code)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _class_body(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(
        _escape(low) if low == high else f"{_escape(low)}-{_escape(high)}" for low, high in ranges
    )


@dataclass(frozen=True)
class CodePoints:
    """A set of code points: sorted inclusive ranges that neither overlap nor touch.

    >>> (CodePoints.of("a-c") | CodePoints.of("d")).ranges
    ((97, 100),)
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, *items: str) -> CodePoints:
        """The set of single characters and `a-z` ranges (three characters, hyphen inside)."""
        return cls.from_ranges(
            (ord(item[0]), ord(item[-1])) for item in items if len(item) in (1, 3)
        )

    @classmethod
    def from_ranges(cls, ranges: Iterable[tuple[int, int]]) -> CodePoints:
        """The set of inclusive ranges given in any order, overlapping or not."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted(ranges):
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    def __or__(self, other: CodePoints) -> CodePoints:
        return CodePoints.from_ranges(self.ranges + other.ranges)

    def __and__(self, other: CodePoints) -> CodePoints:
        return ~(~self | ~other)

    def __invert__(self) -> CodePoints:
        gaps = []
        start = 0
        for low, high in self.ranges:
            if low > start:
                gaps.append((start, low - 1))
            start = high + 1
        if start <= LAST:
            gaps.append((start, LAST))
        return CodePoints(tuple(gaps))

    def __contains__(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges)

    @cached_property
    def pattern(self) -> str:
        """This set as an element of a Python regular expression, free of flags.

        >>> CodePoints.of("0-9", "_").pattern
        '[0-9\\\\x5f]'
        """
        if not self.ranges:
            return "(?!)"
        outside = (~self).ranges
        if not outside:
            return r"[\s\S]"
        if len(outside) < len(self.ranges):
            return f"[^{_class_body(outside)}]"
        if len(self.ranges) == 1 and self.ranges[0][0] == self.ranges[0][1]:
            return _escape(self.ranges[0][0])
        return f"[{_class_body(self.ranges)}]"


ANY = CodePoints(((0, LAST),))


_NONCHARACTERS = (
    *range(0xFDD6, 0xFDF0),
    *(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)),
)
_PRIVATE = range(0xF0000, 0xFFFFE)  # more than any text holds


def unused_characters(text: str, count: int) -> list[str]:
    """Characters that the text does not hold and that mean nothing: to mark places in it.

    >>> unused_characters("plain", 2)
    ['\\ufdd6', '\\ufdd7']
    """
    candidates = map(chr, chain(_NONCHARACTERS, _PRIVATE))
    return list(islice((c for c in candidates if c not in text), count))
