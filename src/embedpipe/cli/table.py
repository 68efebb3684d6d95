"""Formats rows of text as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["megabytes", "table"]


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """One line per row, columns as wide as their widest entry."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def megabytes(size: int | None) -> str:
    """Bytes as people read them, such as "91 MB"; "unknown" of None.

    >>> megabytes(90_868_376), megabytes(1200)
    ('91 MB', '0.001 MB')
    """
    if size is None:
        return "unknown"
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 or not size else f"{size / 1e6:.1g} MB"
