"""What sentence and word splitting return, for one text or many, and the check of lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from embedpipe.errors import ParameterError
from embedpipe.text.offsets import utf16_length

__all__ = ["Segment", "Stretches", "check_lengths", "has_length", "stretches_of"]


class Segment(NamedTuple):
    """A stretch of an input text: `text` is what lies between `begin` and `end` there.

    Both are half-open code-point offsets into that text.
    """

    text: str
    begin: int
    end: int


class Stretches(NamedTuple):
    """Where in each of n texts something was found: T stretches in all, text by text.

    `counts` (n,) says how many a text has; `begins` and `ends` (T,) are half-open code-point
    offsets into the stretch's own text. All int64.
    """

    counts: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def stretches_of(found: Sequence[Sequence[Segment]]) -> Stretches:
    """The segments that were found in each text, as arrays."""
    counts = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
    flat = [(segment.begin, segment.end) for segments in found for segment in segments]
    begins, ends = np.array(flat, dtype=np.int64).reshape(-1, 2).T
    return Stretches(counts, begins, ends)


def check_lengths(least: int, most: int) -> None:
    """Raise ParameterError unless 0 <= `least` <= `most`."""
    if least < 0:
        raise ParameterError(f"min_length is {least}; it must be 0 or more.")
    if most < least:
        raise ParameterError(
            f"max_length is {most} but min_length is {least}; max_length must not be the smaller."
        )


def has_length(text: str, least: int, most: int) -> bool:
    """Whether `text` has `least` to `most` UTF-16 units."""
    if least <= len(text) and 2 * len(text) <= most:
        return True
    return least <= utf16_length(text) <= most
