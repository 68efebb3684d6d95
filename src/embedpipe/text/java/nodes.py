"""The parts of a regular expression, and how each is written for Python's `re`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from embedpipe.errors import UnsupportedPatternError

__all__ = ["Alternation", "Atom", "Group", "Look", "Node", "Repeat", "Sequence"]

# A look-behind is written out as one alternative for each way its parts can be long.
_MOST_VARIANTS = 256

Variant: TypeAlias = tuple[str, int]  # what is written, how many characters it matches


@dataclass(frozen=True)
class Atom:
    """Something already written for Python; `width` None if it varies."""

    source: str
    width: int | None = 1

    def write(self) -> str:
        """This part for Python."""
        return self.source

    def variants(self) -> list[Variant]:
        """This part once for each length that it can match."""
        if self.width is None:
            raise UnsupportedPatternError(self.source, "has no fixed length inside a look-behind")
        return [(self.source, self.width)]


@dataclass(frozen=True)
class Sequence:
    """Parts one after another."""

    items: tuple[Node, ...]

    def write(self) -> str:
        """This part for Python."""
        return "".join(item.write() for item in self.items)

    def variants(self) -> list[Variant]:
        """This part once for each length that it can match."""
        return _joined(item.variants() for item in self.items)


@dataclass(frozen=True)
class Alternation:
    """Parts of which one matches, the first that can."""

    options: tuple[Node, ...]

    def write(self) -> str:
        """This part for Python."""
        return "|".join(option.write() for option in self.options)

    def variants(self) -> list[Variant]:
        """This part once for each length that it can match."""
        return _checked([v for option in self.options for v in option.variants()])


@dataclass(frozen=True)
class Group:
    """A part in parentheses; `opening` is what stands before it."""

    body: Node
    opening: str = "(?:"

    def write(self) -> str:
        """This part for Python."""
        return f"{self.opening}{self.body.write()})"

    def variants(self) -> list[Variant]:
        """This part once for each length that it can match."""
        found = self.body.variants()
        if self.opening != "(?:" and len(found) > 1:
            raise UnsupportedPatternError(
                self.write(), "may match several lengths inside a look-behind"
            )
        return [(f"{self.opening}{source})", width) for source, width in found]


@dataclass(frozen=True)
class Repeat:
    """A part repeated; `high` None without limit, `mode` as written: "", "?" or "+"."""

    body: Node
    low: int
    high: int | None
    mode: str = ""

    def write(self) -> str:
        """This part for Python."""
        if self.mode == "+" and sys.version_info < (3, 11):
            raise UnsupportedPatternError(
                f"{self._braces()}+", "is possessive, which needs Python 3.11 or later"
            )
        return f"{_single(self.body)}{self._braces()}{self.mode}"

    def _braces(self) -> str:
        known = {(0, None): "*", (1, None): "+", (0, 1): "?"}
        high = "" if self.high is None else self.high
        return known.get((self.low, self.high), f"{{{self.low},{high}}}")

    def variants(self) -> list[Variant]:
        """This part once for each length that it can match."""
        if self.high is None:
            raise UnsupportedPatternError(
                self.write(), "has no greatest length inside a look-behind"
            )
        if self.high - self.low > _MOST_VARIANTS:
            raise _too_many()
        body = self.body.variants()
        counts = range(self.low, self.high + 1)
        return _checked([v for count in counts for v in _joined([body] * count)])


@dataclass(frozen=True)
class Look:
    """A part that must, or must not, match before or after a place."""

    body: Node
    behind: bool
    negative: bool

    def write(self) -> str:
        """This part for Python."""
        sign = "!" if self.negative else "="
        if not self.behind:
            return f"(?{sign}{self.body.write()})"
        by_width: dict[int, list[str]] = {}
        for source, width in self.body.variants():
            by_width.setdefault(width, []).append(source)
        looks = [f"(?<{sign}{'|'.join(sources)})" for sources in by_width.values()]
        if self.negative or len(looks) == 1:
            return "".join(looks)
        return f"(?:{'|'.join(looks)})"

    def variants(self) -> list[Variant]:
        """This part once for each length that it can match."""
        return [(self.write(), 0)]


Node: TypeAlias = Atom | Sequence | Alternation | Group | Repeat | Look


def _single(node: Node) -> str:
    """`node` so that a quantifier behind it takes all of it."""
    if isinstance(node, Group) or (isinstance(node, Atom) and node.width == 1):
        return node.write()
    return f"(?:{node.write()})"


def _joined(parts: Iterable[list[Variant]]) -> list[Variant]:
    found: list[Variant] = [("", 0)]
    for part in parts:
        found = _checked([(left + right, a + b) for (left, a), (right, b) in product(found, part)])
    return found


def _checked(variants: list[Variant]) -> list[Variant]:
    if len(variants) > _MOST_VARIANTS:
        raise _too_many()
    return variants


def _too_many() -> UnsupportedPatternError:
    return UnsupportedPatternError(
        "(?<", f"has more than {_MOST_VARIANTS} variants in its look-behind"
    )
