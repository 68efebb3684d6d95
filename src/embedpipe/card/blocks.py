"""Blocks of Markdown with all text escaped: names, sentences and sources may be anybody's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Code", "Inline", "clean", "heading", "listing", "paragraph", "table"]

_CONTROLS = re.compile("[\ud800-\udfff\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""The last two ranges turn the direction of writing around, so that text could look like other."""


@dataclass(frozen=True)
class Code:
    """Text for a code span: names, values, addresses."""

    text: str


Inline = str | Code


def heading(level: int, text: Inline) -> str:
    """A title; level 1 is the card's."""
    return f"{'#' * level} {_inline(text)}\n"


def paragraph(text: Inline) -> str:
    """A paragraph."""
    return f"{_inline(text)}\n"


def listing(language: str, text: str) -> str:
    """Lines of code."""
    fence = "`" * max(3, 1 + _longest_run(text))
    return f"{fence}{language}\n{clean(text)}\n{fence}\n"


def table(header: Sequence[Inline], rows: Iterable[Sequence[Inline]]) -> str:
    """A table; each row has as many cells as the header."""
    lines = [[_cell(cell) for cell in row] for row in (header, *rows)]
    lines.insert(1, ["---"] * len(header))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def clean(text: str) -> str:
    """The text with lone surrogates and control characters replaced."""
    return _CONTROLS.sub("\ufffd", text)


def _inline(text: Inline) -> str:
    content = " ".join(clean(text.text if isinstance(text, Code) else text).split())
    if not isinstance(text, Code):
        escaped = re.sub(r"([\\`*_\[\]<>|~&$#])", r"\\\1", content)
        # What begins a list, a rule or an underline at the start of a line
        return re.sub(r"^(\d+(?=[.)](\s|$))|(?=[-+=]))(.)", r"\1\\\3", escaped)
    if not content:
        return ""
    fence = "`" * (1 + _longest_run(content))
    space = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{fence}{space}{content}{space}{fence}"


def _cell(text: Inline) -> str:
    content = _inline(text)
    # It would end the cell even inside a code span; elsewhere it is escaped already.
    return content.replace("|", "\\|") if isinstance(text, Code) else content


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
