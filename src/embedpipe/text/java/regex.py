r"""Regular expressions in the dialect of `java.util.regex`, as Python patterns of equal effect.

Java without flags counts only ASCII in `\w`, `\d`, `\s` and when it ignores case, knows unions and
intersections of classes, and has its own line ends; what Python cannot express is refused by name.
Java's `\b` is that of version 17: see `words`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from embedpipe.errors import UnsupportedPatternError
from embedpipe.text.code_points import ANY, CodePoints
from embedpipe.text.java.classes import read_class, read_predefined, with_case
from embedpipe.text.java.nodes import (
    Alternation,
    Atom,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
)
from embedpipe.text.java.properties import LINE_ENDS
from embedpipe.text.java.reader import Reader
from embedpipe.text.java.words import word_boundary

__all__ = ["compile_java", "find_all", "replace_all", "translate"]

_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
_KNOWN_FLAGS = frozenset("idmsux")
_NAMED = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")
_NAME_REFERENCE = re.compile(r"k<([A-Za-z][A-Za-z0-9]*)>")
_QUANTIFIER = re.compile(r"(?:([?*+])|\{(\d+)(?:(,)(\d*))?\})([?+]?)")
_COUNTS = {"?": (0, 1), "*": (0, None), "+": (1, None)}

_LINE_END = r"(?:\r\n|[\n\r\x85\u2028\u2029])"
_AT_LAST_LINE_END = rf"(?!(?<=\r)\n)(?={_LINE_END}?\Z)"
_AT_LINE_END = r"(?:(?=\r|[\x85\u2028\u2029]|\Z)|(?<!\r)(?=\n))"
_AT_LINE_START = r"(?:\A|(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n))(?=[\s\S])"
_UNIX_ANCHORS = {"^": r"(?:\A|(?<=\n))(?=[\s\S])", "$": r"(?=\n|\Z)"}

_ANCHORS = {"A": r"\A", "z": r"\Z", "Z": _AT_LAST_LINE_END}


class _Parser(Reader):
    """Reads a pattern into nodes; one is made for one pattern."""

    def __init__(self, pattern: str, parameter: str) -> None:
        super().__init__(pattern, parameter)
        self.groups = 0
        self.names: set[str] = set()

    def parse(self) -> Node:
        """The whole pattern."""
        found = self._alternation()
        if not self.at_end:
            self.refuse(")", "closes a group that was not opened")
        return found

    def _alternation(self) -> Node:
        options = [self._sequence()]
        while self.take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Alternation(tuple(options))

    def _sequence(self) -> Node:
        items: list[Node] = []
        self.skip_comments()
        while not self.at_end and self.peek() not in "|)":
            if (node := self._atom()) is not None:
                items.append(self._quantified(node))
            self.skip_comments()
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _atom(self) -> Node | None:
        character = self.peek()
        if character == "(":
            return self._parenthesis()
        if character in "?*+{":
            self.refuse(character, "repeats nothing")
        self.next()
        if character == "[":
            return Atom(read_class(self).pattern)
        if character == "\\":
            return self._escape()
        if character == ".":
            return Atom(self._dot().pattern)
        if character in "^$":
            return Atom(self._anchor(character), 0)
        return self._literal(character)

    def _literal(self, character: str) -> Atom:
        code = ord(character)
        return Atom(with_case(self, CodePoints(((code, code),))).pattern)

    def _dot(self) -> CodePoints:
        if "s" in self.flags:
            return ANY
        return ~(CodePoints.of("\n") if "d" in self.flags else LINE_ENDS)

    def _anchor(self, character: str) -> str:
        if "m" in self.flags:
            if "d" in self.flags:
                return _UNIX_ANCHORS[character]
            return _AT_LINE_START if character == "^" else _AT_LINE_END
        if character == "^":
            return r"\A"
        return r"(?=\n?\Z)" if "d" in self.flags else _AT_LAST_LINE_END

    def _quantified(self, node: Node) -> Node:
        self.skip_comments()
        match = self.match(_QUANTIFIER)
        if match is None:
            if self.peek() == "{":
                self.refuse("{", "is no repetition count")
            return node
        sign, low, comma, high, mode = match.groups()
        if sign:
            least, most = _COUNTS[sign]
        else:
            least, most = int(low), int(low) if comma is None else int(high) if high else None
        if most is not None and most < least:
            self.refuse(match[0], "counts in the wrong order")
        return Repeat(node, least, most, mode)

    def _escape(self) -> Node:
        if (predefined := read_predefined(self)) is not None:
            return Atom(predefined.pattern)
        letter = self.peek()
        if letter in ("b", "B"):
            self.next()
            if letter == "b" and self.peek() == "{":
                self.refuse("\\b{", "is a boundary that cannot be translated")
            boundary = word_boundary()
            return Atom(boundary if letter == "b" else f"(?!{boundary})", 0)
        if letter and letter in _ANCHORS:
            self.next()
            return Atom(_ANCHORS[letter], 0)
        if letter == "R":
            self.next()
            return Atom(r"(?:\r\n|[\n-\r\x85\u2028\u2029])", None)
        if letter == "k" or (letter.isdigit() and letter != "0"):
            return self._reference()
        return self._literal(self.escaped_character())

    def _reference(self) -> Node:
        """A reference to a group: by name, or by as many digits as there are groups so far."""
        if match := self.match(_NAME_REFERENCE):
            if match[1] not in self.names:
                self.refuse(f"\\{match[0]}", "refers to a group that does not precede it")
            reference = f"(?P={match[1]})"
        else:
            digits = self.next()
            while self.peek().isdigit() and int(digits + self.peek()) <= self.groups:
                digits += self.next()
            if not digits.isdigit() or int(digits) > self.groups:
                self.refuse(f"\\{digits}", "refers to a group that does not precede it")
            reference = f"(?:\\{digits})"
        return Atom(f"(?i:{reference})" if "i" in self.flags else reference, None)

    def _parenthesis(self) -> Node | None:
        for opening, behind, negative in _LOOKS:
            if self.take(opening):
                return Look(self._body(), behind, negative)
        if self.take("(?>"):
            if not _HAS_ATOMIC:
                self.refuse("(?>", "is an atomic group, which needs Python 3.11 or later")
            return Group(self._body(), "(?>")
        if match := self.match(_NAMED):
            if match[1] in self.names:
                self.refuse(match[0], "names a second group so")
            self.groups += 1
            body = self._body()
            self.names.add(match[1])
            return Group(body, f"(?P<{match[1]}>")
        if match := self.match(_FLAGS):
            return self._flagged(match)
        if self.pattern.startswith("(?", self.position):
            self.refuse(self.pattern[self.position : self.position + 4], "opens no known group")
        self.next()
        self.groups += 1
        return Group(self._body(), "(")

    def _flagged(self, match: re.Match[str]) -> Node | None:
        """`(?i)`, for the rest of the group around it, or `(?i:...)`, for its own body."""
        on, off = frozenset(match[1]), frozenset(match[2] or "")
        if unknown := (on | off) - _KNOWN_FLAGS:
            self.refuse(match[0], f"sets the flag {min(unknown)!r}, which cannot be translated")
        outer, self.flags = self.flags, (self.flags | on) - off
        return None if match[3] == ")" else Group(self._body(outer))

    def _body(self, outer: frozenset[str] | None = None) -> Node:
        """Up to the closing parenthesis, behind which the flags are what they were before."""
        start = self.position
        before = self.flags if outer is None else outer
        body = self._alternation()
        if not self.take(")"):
            self.refuse(self.pattern[start:], "is in a group that is not closed")
        self.flags = before
        return body


_LOOKS = (("(?=", False, False), ("(?!", False, True), ("(?<=", True, False), ("(?<!", True, True))
_HAS_ATOMIC = hasattr(re, "NOFLAG")  # both came with Python 3.11


@lru_cache(maxsize=512)
def translate(pattern: str, parameter: str = "pattern") -> str:
    r"""`pattern`, written for Java, as a Python pattern that needs no flags.

    Groups keep their numbers and names. Raises ParameterError naming `parameter` and the construct
    if the pattern is no Java pattern, UnsupportedPatternError if Python's `re` cannot express it.

    >>> translate(r"\d+(?i)x")
    '[0-9]+[Xx]'
    """
    parser = _Parser(pattern, parameter)
    try:
        return parser.parse().write()
    except UnsupportedPatternError as error:
        construct, reason = error.args
        parser.refuse(construct, reason, kind=UnsupportedPatternError)
    except RecursionError:
        parser.refuse(pattern, "is nested too deeply")


@lru_cache(maxsize=512)
def compile_java(pattern: str, parameter: str = "pattern") -> re.Pattern[str]:
    r"""`pattern`, written for Java, compiled for Python: see `translate`.

    >>> compile_java(r"\w+(?=\p{Lu})").findall("oneTwo")
    ['one']
    """
    translated = translate(pattern, parameter)
    try:
        return re.compile(translated)
    except (re.error, OverflowError, RecursionError) as error:
        reason = getattr(error, "msg", error)
        Reader(pattern, parameter).refuse(pattern, f"cannot be used in Python ({reason})")


def find_all(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """The matches of `pattern` in order, as Java's `find` gives them.

    Behind an empty match Java goes on one character later, where Python first tries for a longer
    match in the same place.

    >>> [match.span() for match in find_all(compile_java("a*?"), "aa")]
    [(0, 0), (1, 1), (2, 2)]
    """
    position = 0
    while position <= len(text) and (match := pattern.search(text, position)):
        yield match
        position = match.end() + (match.start() == match.end())


def replace_all(
    pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str], text: str
) -> str:
    """`text` with each match of `pattern`, as Java finds them, replaced.

    >>> replace_all(compile_java("b|c"), lambda match: f"<{match[0]}>", "abc")
    'a<b><c>'
    """
    parts: list[str] = []
    done = 0
    for match in find_all(pattern, text):
        parts += (text[done : match.start()], replacement(match))
        done = match.end()
    return "".join(parts) + text[done:] if parts else text
