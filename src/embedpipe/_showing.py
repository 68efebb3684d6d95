"""How objects show themselves: as text, and as HTML in notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from typing import Any

__all__ = ["html_cell", "html_table", "text_table", "vector_text"]

_MOST_NUMBERS = 8  # of a vector that is shown whole
_FIRST_NUMBERS = 2

_TABLE = "border-collapse:collapse;text-align:left"
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;white-space:pre-wrap"
_HEAD = f"{_CELL};border-bottom:1px solid currentColor;font-weight:600"


def vector_text(vector: Any) -> str:
    """A short vector as a list, a longer one as its type, shape and first numbers.

    >>> vector_text([0.5, 1.0]), vector_text([0.25] * 384)
    ('[0.5, 1.0]', 'float (384,) [0.25, 0.25, …]')
    """
    if len(vector) <= _MOST_NUMBERS:
        return str([float(number) for number in vector])
    first = ", ".join(f"{number:.2f}" for number in islice(vector, _FIRST_NUMBERS))
    return f"{getattr(vector, 'dtype', 'float')} ({len(vector)},) [{first}, …]"


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, each column as wide as its widest cell, with two spaces before it.

    >>> print(text_table([["1", "Tokenizer"], ["10", "Finisher"]]))
      1   Tokenizer
      10  Finisher
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "".join(f"  {cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def html_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table for a notebook, in its own font and colors; cells are HTML (see `html_cell`)."""
    names = "".join(f'<th style="{_HEAD}">{escape(name)}</th>' for name in head)
    lines = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f'<div><div style="font-weight:600;margin-bottom:4px">{escape(title)}</div>'
        f'<table style="{_TABLE}"><thead><tr>{names}</tr></thead><tbody>{lines}</tbody></table>'
        "</div>"
    )


def html_cell(text: Any, *, code: bool = False) -> str:
    """Text for a cell of a table; code may be broken behind its underscores and dots."""
    escaped = escape(str(text))
    if not code or not escaped:
        return escaped
    breakable = re.sub("([_.])(?=[^_.])", r"\1<wbr>", escaped)
    return f"<code>{breakable}</code>"
