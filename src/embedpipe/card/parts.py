"""What cards are made of, whatever they are rendered as; what they say is in `content`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Code", "Heading", "Inline", "Listing", "Paragraph", "Part", "Table"]


@dataclass(frozen=True)
class Code:
    """Text as it stands: names, values, addresses."""

    text: str


Inline = str | Code


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the card's."""

    level: int
    text: Inline


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: Inline


@dataclass(frozen=True)
class Listing:
    """Lines of code."""

    language: str
    text: str


@dataclass(frozen=True)
class Table:
    """Rows below a header of as many cells."""

    header: tuple[Inline, ...]
    rows: tuple[tuple[Inline, ...], ...]


Part = Heading | Paragraph | Listing | Table
