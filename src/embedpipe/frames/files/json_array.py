"""Reads a JSON array of objects piece by piece, however large it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from embedpipe.errors import InputError
from embedpipe.frames.files.lines import LineReader

__all__ = ["array_members"]

_SPACE = re.compile(r"[ \t\r\n]*")


class _Text:
    """The part of a text between what has been used and what has been read."""

    def __init__(self, lines: LineReader) -> None:
        self._pieces = lines.pieces()
        self.text = ""
        self.at = 0
        self.line = 1

    def more(self) -> bool:
        """Read at least as much again; False at the end."""
        wanted = len(self.text) - self.at
        parts = [self.text[self.at :]]
        self.at = 0
        size = 0
        for piece in self._pieces:
            parts.append(piece)
            size += len(piece)
            if size >= wanted and size:
                break
        self.text = "".join(parts)
        return size > 0

    def next_mark(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            found = _SPACE.match(self.text, self.at)
            end = found.end() if found else self.at
            self.move(end)
            if end < len(self.text):
                return self.text[end]
            if not self.more():
                return ""

    def move(self, end: int) -> None:
        """What is before `end` has been used."""
        self.line += self.text.count("\n", self.at, end)
        self.at = end


def array_members(lines: LineReader, decoder: json.JSONDecoder) -> Iterator[tuple[int, Any, int]]:
    """The line on which each member begins, the member, and its number of characters.

    Raises InputError with a line where the text is not the JSON of an array.
    """
    text = _Text(lines)
    if text.next_mark() != "[":
        raise _error(lines, text, "expected an array of objects, [{...}, {...}]")
    text.move(text.at + 1)
    if text.next_mark() == "]":
        text.move(text.at + 1)
    else:
        yield from _members(lines, text, decoder)
    if text.next_mark():
        raise _error(lines, text, "something comes after the array")


def _members(
    lines: LineReader, text: _Text, decoder: json.JSONDecoder
) -> Iterator[tuple[int, Any, int]]:
    mark = ","
    while mark == ",":
        text.next_mark()
        value, end = _decoded(lines, text, decoder)
        yield text.line, value, end - text.at
        text.move(end)
        mark = text.next_mark()
        if mark not in (",", "]"):
            raise _error(lines, text, "expected a comma or the end of the array")
        text.move(text.at + 1)


def _decoded(lines: LineReader, text: _Text, decoder: json.JSONDecoder) -> tuple[Any, int]:
    while True:
        try:
            return decoder.raw_decode(text.text, text.at)
        except RecursionError as error:
            raise _error(lines, text, str(error)) from error
        except ValueError as error:
            # It may only be that its end has not been read yet; a wrong member is found in time,
            # as no text after it mends it.
            is_cut = getattr(error, "pos", len(text.text)) >= len(text.text) - _LONGEST_MARK
            if not (is_cut or "Unterminated" in str(error)) or not text.more():
                raise _error(lines, text, f"not JSON: {error}") from error


_LONGEST_MARK = 16  # of what may be cut in two, such as an escape, a number's digits, or "false"


def _error(lines: LineReader, text: _Text, what: str) -> InputError:
    return InputError(f"{lines.source}, line {text.line}: {what}")
