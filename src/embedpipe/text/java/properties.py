"""What the names in Java's `\\p{...}` and its one-letter classes stand for.

Python's own Unicode tables give the general categories; scripts and blocks are not among them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from itertools import chain

from embedpipe.text.code_points import ANY, CodePoints

__all__ = ["CLASSES", "LINE_ENDS", "ignoring_case", "known_category", "named_property"]

# Where characters are assigned, but for the private planes, which `_categories` adds.
_PLANES = (range(0x33500), range(0xE0000, 0xE0200))
_PRIVATE_PLANES = ((0xF0000, 0xFFFFD), (0x100000, 0x10FFFD))

_LETTER = CodePoints.of("a-z", "A-Z")
_DIGIT = CodePoints.of("0-9")
_CASE_BIT = 0x20  # where the two cases of an ASCII letter differ
_SPACE = CodePoints.of(" ", "\t", "\n", "\x0b", "\f", "\r")
_PRINTING = CodePoints.of("!-~")

# The one-letter classes of Java without a Unicode flag; the capital letter is the complement.
CLASSES = {
    "d": _DIGIT,
    "s": _SPACE,
    "w": _LETTER | _DIGIT | CodePoints.of("_"),
    "h": CodePoints.of(
        " ", "\t", "\xa0", "\u1680", "\u180e", "\u2000-\u200a", "\u202f", "\u205f", "\u3000"
    ),
    "v": CodePoints.of("\n-\r", "\x85", "\u2028", "\u2029"),
}

LINE_ENDS = CodePoints.of("\n", "\r", "\x85", "\u2028", "\u2029")

_POSIX = {
    "Lower": CodePoints.of("a-z"),
    "Upper": CodePoints.of("A-Z"),
    "ASCII": CodePoints.of("\x00-\x7f"),
    "Alpha": _LETTER,
    "Digit": _DIGIT,
    "Alnum": _LETTER | _DIGIT,
    "Punct": _PRINTING & ~(_LETTER | _DIGIT),
    "Graph": _PRINTING,
    "Print": _PRINTING | CodePoints.of(" "),
    "Blank": CodePoints.of(" ", "\t"),
    "Cntrl": CodePoints.of("\x00-\x1f", "\x7f"),
    "XDigit": CodePoints.of("0-9", "a-f", "A-F"),
    "Space": _SPACE,
    "L1": CodePoints.of("\x00-\xff"),
    "all": ANY,
}


@lru_cache(maxsize=1)
def _categories() -> dict[str, CodePoints]:
    """The characters of each two-letter general category; `Cn` holds the unassigned ones."""
    ranges: dict[str, list[tuple[int, int]]] = {"Co": list(_PRIVATE_PLANES)}
    for plane in _PLANES:
        start, current = plane.start, unicodedata.category(chr(plane.start))
        for code in plane:
            if (found := unicodedata.category(chr(code))) != current:
                ranges.setdefault(current, []).append((start, code - 1))
                start, current = code, found
        ranges.setdefault(current, []).append((start, plane.stop - 1))
    ranges.pop("Cn", None)
    assigned = CodePoints.from_ranges(chain.from_iterable(ranges.values()))
    return {name: CodePoints.from_ranges(found) for name, found in ranges.items()} | {
        "Cn": ~assigned
    }


_UNIONS = {"LC": ("Lu", "Ll", "Lt"), "LD": ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd")}


@lru_cache(maxsize=128)
def general_category(name: str) -> CodePoints | None:
    """The characters of a general category such as `Lu`, `L` or `LC`; None if there is none."""
    table = _categories()
    members = _UNIONS.get(name) or [known for known in table if name in (known, known[0])]
    if not members:
        return None
    return CodePoints.from_ranges(chain.from_iterable(table[member].ranges for member in members))


def known_category(name: str) -> CodePoints:
    """The characters of a general category that exists; KeyError otherwise."""
    if (found := general_category(name)) is None:
        raise KeyError(name)
    return found


def _where(test: Callable[[str], bool]) -> CodePoints:
    return CodePoints.from_ranges(
        (code, code) for plane in _PLANES for code in plane if test(chr(code))
    )


def _white_space() -> CodePoints:
    return known_category("Z") | _SPACE | CodePoints.of("\x85")


# Properties beside the general category, by lower-case name as after `Is`.
_BINARY: dict[str, Callable[[], CodePoints]] = {
    "letter": lambda: known_category("L"),
    "digit": lambda: known_category("Nd"),
    "punctuation": lambda: known_category("P"),
    "control": lambda: known_category("Cc"),
    "titlecase": lambda: known_category("Lt"),
    "lowercase": lambda: _where(str.islower),
    "uppercase": lambda: _where(str.isupper),
    "white_space": _white_space,
    "assigned": lambda: ~_categories()["Cn"],
    "hex_digit": lambda: CodePoints.of(
        "0-9", "a-f", "A-F", "\uff10-\uff19", "\uff21-\uff26", "\uff41-\uff46"
    ),
    "join_control": lambda: CodePoints.of("\u200c", "\u200d"),
}

_CASES = ("lowercase", "uppercase", "titlecase")

_JAVA = {"javaLetter": "L", "javaDigit": "Nd", "javaLetterOrDigit": "LD", "javaTitleCase": "Lt"}


@lru_cache(maxsize=256)
def named_property(name: str, ignore_case: bool) -> CodePoints | None:
    r"""What `\p{name}` matches; None if Python's tables cannot say.

    With `ignore_case` the cased categories match each other, as in Java since version 15.
    """
    key, equals, value = name.partition("=")
    if equals:
        name = f"Is{value}" if key.lower() in ("gc", "general_category") else ""
    if ignore_case and name in ("Lower", "Upper"):
        return _LETTER
    if name in _POSIX:
        return _POSIX[name]
    bare = name.removeprefix("Is")
    if ignore_case and bare in _UNIONS["LC"]:
        return general_category("LC")
    if (found := general_category(_JAVA.get(name, bare))) is not None:
        return found
    key = bare.lower() if bare != name else ""
    if ignore_case and key in _CASES:
        return _BINARY["lowercase"]() | _BINARY["uppercase"]() | _BINARY["titlecase"]()
    return _BINARY[key]() if key in _BINARY else None


def _upper(character: str) -> str:
    """The upper case of one character where it is one character, as Java has it."""
    upper = character.upper()
    return upper if len(upper) == 1 else character


@lru_cache(maxsize=1)
def _equal_without_case() -> tuple[tuple[int, ...], ...]:
    """The groups of characters that Java takes for each other: up, then down, gives the same."""
    groups: dict[str, list[int]] = {}
    for code in chain.from_iterable(_PLANES):
        lower = _upper(chr(code)).lower()
        if len(lower) == 1 and _upper(lower) != lower:
            groups.setdefault(lower, []).append(code)
    return tuple(tuple(codes) for codes in groups.values() if len(codes) > 1)


def ignoring_case(points: CodePoints, unicode_case: bool) -> CodePoints:
    """`points` and what equals one of them without case: only among ASCII letters, unless told."""
    if unicode_case:
        groups = _equal_without_case()
        equal = [code for group in groups if any(c in points for c in group) for code in group]
    else:
        letters = (code for low, high in _LETTER.ranges for code in range(low, high + 1))
        equal = [code ^ _CASE_BIT for code in letters if code in points]
    return points | CodePoints.from_ranges((code, code) for code in equal)
