"""CSV in which a character of its own escapes quotes, such as Spark's backslash.

Python's `csv` would drop every backslash, also those before other characters. Here, as Spark reads
and writes, it escapes a quote or itself within quoted fields, and is an ordinary character else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

__all__ = ["EscapedRows"]


class EscapedRows:
    r"""Parses rows as `csv.reader` with strict=True does, and raises the same errors.

    Doubled quotes are read as well. After an error the next row can be asked for.

    >>> list(EscapedRows(['1,"say \\"a\\", C:\\new"\n'], ",", '"', "\\"))
    [['1', 'say "a", C:\\new']]
    """

    def __init__(self, lines: Iterable[str], delimiter: str, quote: str, escape: str) -> None:
        self._lines = iter(lines)
        self._delimiter = delimiter
        self._quote = quote
        self._escape = escape
        self._mark = re.compile(f"[{re.escape(quote)}{re.escape(escape)}]")

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        line = self._next_line()
        if line is None:
            raise StopIteration
        return list(self._fields(line))

    def _next_line(self) -> str | None:
        return next(self._lines, None)

    def _fields(self, line: str) -> Iterator[str]:
        position = 0
        if not line.rstrip("\r\n"):
            return
        while True:
            if line.startswith(self._quote, position):
                field, line, position = self._quoted(line, position + 1)
            else:
                end = line.find(self._delimiter, position)
                whole = line.removesuffix("\n").removesuffix("\r")
                field = line[position:end] if end >= 0 else whole[position:]
                position += len(field)
                if "\r" in field:
                    raise csv.Error("new-line character seen in unquoted field")
            yield field
            rest = line[position:]
            if not rest.rstrip("\r\n"):
                return
            if not rest.startswith(self._delimiter):
                raise csv.Error(f"'{self._delimiter}' expected after '{self._quote}'")
            position += 1

    def _quoted(self, line: str, position: int) -> tuple[str, str, int]:
        """The field that starts after a quote, and the line and position where it ends."""
        parts: list[str] = []
        size = 0
        while True:
            found = self._mark.search(line, position)
            if found is None:
                parts.append(line[position:])
                size += len(parts[-1])
                if size > csv.field_size_limit():
                    raise csv.Error("field larger than field limit")
                following = self._next_line()
                if following is None:
                    raise csv.Error("unexpected end of data")
                line, position = following, 0
                continue
            mark, position_after = found[0], found.end()
            parts.append(line[position : found.start()])
            following_mark = line[position_after : position_after + 1]
            if following_mark == self._quote or (mark == following_mark == self._escape):
                parts.append(following_mark)
                position = position_after + 1
            elif mark == self._quote:
                return "".join(parts), line, position_after
            else:
                parts.append(mark)
                position = position_after
