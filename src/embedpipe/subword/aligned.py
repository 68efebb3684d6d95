"""Text that is changed step by step, while each character's place in the first text is kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Aligned"]


@dataclass(frozen=True)
class Aligned:
    """A text, and where each of its characters comes from in the first one."""

    text: str
    begins: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, text: str, start: int = 0) -> Aligned:
        """A text as it is; `start` is its place in a longer one."""
        return cls(text, range(start, start + len(text)), range(start + 1, start + len(text) + 1))

    def part(self, begin: int, end: int) -> Aligned:
        """A stretch of it."""
        return Aligned(self.text[begin:end], self.begins[begin:end], self.ends[begin:end])

    def place(self, begin: int, end: int) -> tuple[int, int]:
        """Where a stretch comes from, without white space before it; an empty one lies at a point.

        >>> Aligned.of("one  two").single_spaces().place(3, 7)
        (5, 8)
        """
        while begin < end and self.text[begin].isspace():
            begin += 1
        if begin < end:
            return self.begins[begin], self.ends[end - 1]
        at = self.begins[end] if end < len(self.begins) else (self.ends[-1] if self.ends else 0)
        return at, at

    def single_spaces(self) -> Aligned:
        """White space as single spaces, none at the ends, as `" ".join(text.split())`."""
        kept: list[tuple[str, int, int]] = []
        space: int | None = None
        for char, begin, end in zip(self.text, self.begins, self.ends, strict=True):
            if char.isspace():
                space = begin if space is None else space
                continue
            if space is not None and kept:
                kept.append((" ", space, begin))
            space = None
            kept.append((char, begin, end))
        return _of_rows(kept)

    def replaced(self, old: str, new: str) -> Aligned:
        """`new`, one character, for every `old`."""
        kept: list[tuple[str, int, int]] = []
        at = 0
        while at < len(self.text):
            width = len(old) if self.text.startswith(old, at) else 1
            char = new if width == len(old) else self.text[at]
            kept.append((char, self.begins[at], self.ends[at + width - 1]))
            at += width
        return _of_rows(kept)

    def without_accents(self) -> Aligned:
        """Compatible characters decomposed, and combining ones left out."""
        return self._each(
            lambda char: "".join(
                c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)
            )
        )

    def lower(self) -> Aligned:
        """In lower case, as `str.lower` has it, which looks at a sigma's neighbors."""
        made = self._each(str.lower)
        whole = self.text.lower()
        return Aligned(whole, made.begins, made.ends) if len(whole) == len(made.text) else made

    def _each(self, change: Callable[[str], str]) -> Aligned:
        rows = zip(self.text, self.begins, self.ends, strict=True)
        return _of_rows([(c, begin, end) for char, begin, end in rows for c in change(char)])


def _of_rows(rows: Sequence[tuple[str, int, int]]) -> Aligned:
    return Aligned(
        "".join(char for char, _, _ in rows),
        [begin for _, begin, _ in rows],
        [end for _, _, end in rows],
    )
