"""Reading a Java regular expression character by character: position, flags, escapes, errors.

What the characters mean together is in `classes` (inside brackets) and `regex`.
"""

from __future__ import annotations

import re
from typing import NoReturn

from embedpipe.errors import ParameterError

__all__ = ["Reader"]

_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|\Z)|\\[\s\S]", re.DOTALL)
_CONTROL_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,8})\}|u([0-9A-Fa-f]{4})")
_LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_OCTAL = re.compile(r"0([0-3][0-7]{2}|[0-7]{1,2})")
_COMMENT = re.compile(r"(?:[ \t\n\x0b\f\r]+|#[^\n\r\x85\u2028\u2029]*)+")


def _escape_quoted(match: re.Match[str]) -> str:
    """What `\\Q...\\E` quotes, each punctuation character escaped; other escapes as they are."""
    quoted: str | None = match[1]
    if quoted is None:
        return match[0]
    return "".join(f"\\{c}" if c.isascii() and not c.isalnum() else c for c in quoted)


class Reader:
    """A pattern, a position in it and the flags that hold there."""

    def __init__(self, pattern: str, parameter: str) -> None:
        self.original = pattern
        self.parameter = parameter
        self.pattern = _QUOTED.sub(_escape_quoted, pattern)
        self.position = 0
        self.flags: frozenset[str] = frozenset()

    def refuse(
        self, construct: str, reason: str, kind: type[ParameterError] = ParameterError
    ) -> NoReturn:
        """Raise the ParameterError that names the construct at fault."""
        raise kind(
            f"{self.parameter} is {self.original!r}, but {construct!r} {reason}; "
            "write a pattern of java.util.regex without it."
        )

    @property
    def at_end(self) -> bool:
        """Whether nothing is left to read."""
        return self.position >= len(self.pattern)

    def skip_comments(self) -> None:
        """Pass over white space and `#` comments where the flag `x` allows them."""
        if "x" in self.flags and (match := _COMMENT.match(self.pattern, self.position)):
            self.position = match.end()

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.pattern[self.position : self.position + 1]

    def next(self) -> str:
        """The next character, passed over; empty at the end."""
        character = self.peek()
        self.position += 1
        return character

    def take(self, expected: str) -> bool:
        """Pass over `expected` if it comes next; whether it did."""
        if not self.pattern.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def match(self, expected: re.Pattern[str]) -> re.Match[str] | None:
        """Pass over what `expected` matches here; None if it does not."""
        found = expected.match(self.pattern, self.position)
        if found:
            self.position = found.end()
        return found

    def escaped_character(self) -> str:
        """The one character that the escape after a backslash stands for."""
        if found := self.match(_HEX):
            return self._from_hex(next(digits for digits in found.groups() if digits))
        if found := self.match(_OCTAL):
            return chr(int(found[1], 8))
        letter = self.next()
        if letter == "c" and not self.at_end:
            return chr(ord(self.next()) ^ 64)
        if letter in _CONTROL_ESCAPES:
            return _CONTROL_ESCAPES[letter]
        if not letter or (letter.isascii() and letter.isalnum()):
            self.refuse(f"\\{letter}", "is no escape that can be translated")
        return letter

    def _from_hex(self, digits: str) -> str:
        code = int(digits, 16)
        if code > 0x10FFFF:
            self.refuse(digits, "is no code point")
        if 0xD800 <= code < 0xDC00 and (low := self.match(_LOW_SURROGATE)):
            code = 0x10000 + ((code - 0xD800) << 10) + (int(low[1], 16) - 0xDC00)
        return chr(code)
