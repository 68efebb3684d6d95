"""Character classes of Java's regular expressions, read into sets of code points."""

from __future__ import annotations

import re

from embedpipe.text.code_points import CodePoints
from embedpipe.text.java.properties import CLASSES, ignoring_case, named_property
from embedpipe.text.java.reader import Reader

__all__ = ["read_class", "read_predefined"]

_PROPERTY = re.compile(r"[pP](?:\{([^}]*)\}|([A-Za-z]))")


def read_predefined(reader: Reader) -> CodePoints | None:
    r"""The set of an escape such as `\d` or `\p{Lu}` after the backslash; None if it is none."""
    letter = reader.peek()
    if letter and letter in "pP":
        return _read_property(reader)
    found = CLASSES.get(letter.lower()) if letter else None
    if found is None:
        return None
    reader.next()
    return ~found if letter.isupper() else found


def _read_property(reader: Reader) -> CodePoints:
    match = reader.match(_PROPERTY)
    if match is None:
        reader.refuse(f"\\{reader.peek()}", "lacks the name of a property")
    name = match[1] if match[2] is None else match[2]
    found = named_property(name, "i" in reader.flags)
    if found is None:
        reader.refuse(f"\\{match[0]}", "is a property that cannot be translated")
    return ~found if match[0][0] == "P" else found


def with_case(reader: Reader, points: CodePoints) -> CodePoints:
    """`points`, and their other cases where the flags say so."""
    return ignoring_case(points, "u" in reader.flags) if "i" in reader.flags else points


def read_class(reader: Reader) -> CodePoints:
    """The set of a class whose opening bracket has just been read, up to its closing bracket."""
    start = reader.position - 1
    negated = reader.take("^")
    found = _read_union(reader, start)
    reader.next()
    return ~found if negated else found


def _read_union(reader: Reader, start: int) -> CodePoints:
    """Items up to the closing bracket, which is left; `&&` intersects all before with all after."""
    found: CodePoints | None = None
    pending: CodePoints | None = None
    while True:
        reader.skip_comments()
        if reader.at_end:
            reader.refuse(reader.pattern[start:], "is a class that is not closed")
        if reader.peek() == "]" and (found is not None or pending is not None):
            return _union(found, pending)
        if reader.take("&&"):
            right = _read_intersected(reader, start)
            left = found if pending is None else _union(found, pending)
            found, pending = (right if left is None else left & right), None
        elif reader.take("["):
            found = _union(found, read_class(reader))
        else:
            pending = _union(pending, _read_item(reader))


def _union(left: CodePoints | None, right: CodePoints | None) -> CodePoints:
    if left is None or right is None:
        return left or right or CodePoints(())
    return left | right


def _read_intersected(reader: Reader, start: int) -> CodePoints:
    """The right side of `&&`: classes in brackets, or bare items up to the closing bracket."""
    found: CodePoints | None = None
    while (following := reader.peek()) not in ("]", "&"):
        if not following:
            reader.refuse(reader.pattern[start:], "is a class that is not closed")
        if reader.take("["):
            found = _union(found, read_class(reader))
        else:
            found = _union(found, _read_union(reader, start))
    if found is None:
        reader.refuse(reader.pattern[start : reader.position + 1], "intersects with nothing")
    return found


def _read_item(reader: Reader) -> CodePoints:
    """One character, one range or one predefined set."""
    if reader.take("\\"):
        if (predefined := read_predefined(reader)) is not None:
            return predefined
        first = reader.escaped_character()
    else:
        first = reader.next()
    last = _read_range_end(reader)
    if last is None:
        last = first
    elif last < first:
        reader.refuse(f"{first}-{last}", "is a range in the wrong order")
    return with_case(reader, CodePoints(((ord(first), ord(last)),)))


def _read_range_end(reader: Reader) -> str | None:
    following = reader.pattern[reader.position + 1 : reader.position + 2]
    if reader.peek() != "-" or following in ("", "]", "["):
        return None
    reader.next()
    return reader.escaped_character() if reader.take("\\") else reader.next()
