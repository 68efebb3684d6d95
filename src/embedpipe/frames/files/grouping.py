"""Records in groups of bounded size, each of which becomes one record batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["GROUP_RECORDS", "grouped"]

GROUP_RECORDS = 1024
_GROUP_CHARACTERS = 1 << 20

Record = TypeVar("Record")


def grouped(records: Iterable[Record], size: Callable[[Record], int]) -> Iterator[list[Record]]:
    """At most 1,024 records at a time and, unless one alone is longer, about a million characters.

    >>> [len(group) for group in grouped(["x" * 300_000] * 5, len)]
    [4, 1]
    """
    group: list[Record] = []
    characters = 0
    for record in records:
        group.append(record)
        characters += size(record)
        if len(group) == GROUP_RECORDS or characters >= _GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group
