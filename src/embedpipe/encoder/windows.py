"""Cutting long work into parts, so that memory stays bounded and progress is seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from embedpipe.engine.config import EncoderConfig

__all__ = ["estimated_pieces", "window_pieces", "windows"]

# A window is about half a second of work for a fast core, between what keeps many cores busy and
# what keeps its memory small.
_WINDOW_OPERATIONS = 1e11
_FEWEST_PIECES = 2**12
_CHARACTERS_PER_PIECE = 4  # of English text; it need not be exact
_MOST_PIECES = 2**15


def window_pieces(config: EncoderConfig) -> int:
    """How many pieces to hand to the engine at once: fewer for larger models."""
    layer = 4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size
    operations_per_piece = 2 * layer * max(1, len(config.layer_schedule))
    return min(max(int(_WINDOW_OPERATIONS / operations_per_piece), _FEWEST_PIECES), _MOST_PIECES)


def estimated_pieces(text: str) -> int:
    """About how many pieces a text has, special ones included, by its length.

    >>> estimated_pieces("a short text")
    5
    """
    return len(text) // _CHARACTERS_PER_PIECE + 2


def windows(sizes: Iterable[int], limit: int) -> Iterator[tuple[int, int]]:
    """Cut items into runs `(begin, end)`, each ending once its sizes reach `limit`.

    >>> list(windows([3, 3, 9, 1], 6))
    [(0, 2), (2, 3), (3, 4)]
    """
    begin = end = total = 0
    for size in sizes:
        end += 1
        total += size
        if total >= limit:
            yield begin, end
            begin, total = end, 0
    if begin < end:
        yield begin, end
