"""Index arithmetic over sequences that lie end to end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["end_to_end", "offsets_of", "place_in_sequence", "ranges"]

Int64 = npt.NDArray[np.int64]

T = TypeVar("T")


def offsets_of(lengths: npt.NDArray[Any]) -> Int64:
    """Where sequences of these lengths (n,) begin and end, int64 (n + 1,).

    >>> offsets_of(np.array([2, 0, 1])).tolist()
    [0, 2, 2, 3]
    """
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def end_to_end(rows: Iterable[Sequence[T]]) -> tuple[list[T], Int64]:
    """The rows' elements in one list, and where rows begin and end there, int64 (n + 1,).

    Where rows are made on the way, none outlives its turn: the garbage collector looks through
    every object of the process whenever some ten thousand lists have come to stay.

    >>> elements, offsets = end_to_end(["ab", "", "c"])
    >>> elements, offsets.tolist()
    (['a', 'b', 'c'], [0, 2, 2, 3])
    """
    elements: list[T] = []
    offsets = [0]
    for row in rows:
        elements += row
        offsets.append(len(elements))
    return elements, np.array(offsets, np.int64)


def ranges(starts: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> Int64:
    """The numbers of all ranges `start` up to `start + length`, one after the other.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    offsets = offsets_of(lengths)
    numbers: Int64 = np.repeat(starts - offsets[:-1], lengths)
    numbers += np.arange(offsets[-1])
    return numbers


def place_in_sequence(offsets: npt.NDArray[Any]) -> Int64:
    """The place of each element in its own sequence, counted from 0.

    >>> place_in_sequence(np.array([0, 2, 2, 3])).tolist()
    [0, 1, 0]
    """
    starts: Int64 = np.repeat(offsets[:-1], np.diff(offsets))
    return np.arange(offsets[-1]) - starts
