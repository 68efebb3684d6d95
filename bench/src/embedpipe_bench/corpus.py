"""The texts that all engines are given: sentences of a real text, or the same in random lengths."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from embedpipe.encoder import Encoder
from embedpipe.errors import InputError
from embedpipe_bench.peers.common import Work

__all__ = [
    "TEXT",
    "describe",
    "long_work",
    "random_work",
    "read_lines",
    "short_work",
    "spread",
    "text_work",
]

TEXT = Path(__file__).resolve().parent / "devils_dictionary.txt"
"""The Devil's Dictionary of Ambrose Bierce, one sentence a line; demo/README.md says whence."""

LONGEST = 512
"""Pieces of the longest sequence, or as many as the model has positions."""

SHORT_WORDS = 12

Item = TypeVar("Item")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank; InputError if there is none, or no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected UTF-8 text, a sentence a line"
        ) from error
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path}: found no text in it; expected a sentence a line")
    return lines


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """`count` items (or all, if there are fewer) at even distances, in their order.

    >>> spread(list("abcdefgh"), 4)
    ['a', 'c', 'e', 'g']
    """
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def random_work(encoder: Encoder, lines: Sequence[str], count: int, *, seed: int = 0) -> Work:
    """The lines' pieces, over and over, cut at random: lengths drawn evenly from 3 to the longest.

    Pieces of a text repeat themselves as pieces drawn at random would not.
    """
    draw = random.Random(seed)
    first, last = encoder.tokenize([""]).ids[0].tolist()
    pieces = cycle(piece for line in encoder.tokenize(lines).ids for piece in line[1:-1].tolist())
    lengths = [draw.randint(3, _longest(encoder)) for _ in range(count)]
    return Work([[first, *islice(pieces, length - 2), last] for length in lengths])


def short_work(encoder: Encoder, lines: Sequence[str] | None) -> Work:
    """The first twelve words of the lines; random pieces, one for each word, without any."""
    if lines is None:
        return Work([_drawn(encoder, min(SHORT_WORDS + 2, _longest(encoder)), random.Random(0))])
    text = " ".join(" ".join(lines).split()[:SHORT_WORDS])
    return text_work(encoder, [text])


def long_work(encoder: Encoder) -> Work:
    """One sequence of random pieces as long as the longest."""
    return Work([_drawn(encoder, _longest(encoder), random.Random(0))])


def text_work(encoder: Encoder, lines: list[str]) -> Work:
    """The lines, and their pieces as `Encoder.encode` would have them."""
    return Work([pieces.tolist() for pieces in encoder.tokenize(lines).ids], lines)


def _longest(encoder: Encoder) -> int:
    return min(LONGEST, encoder.config.max_position_embeddings)


def _drawn(encoder: Encoder, length: int, draw: random.Random) -> list[int]:
    """So many pieces, [CLS] and [SEP] among them; the rest are not the first ones, often unused."""
    first, last = encoder.tokenize([""]).ids[0].tolist()
    size = encoder.config.vocab_size
    return [first, *draw.choices(range(size // 15, size), k=length - 2), last]


def describe(lengths: Sequence[int]) -> str:
    """How many sequences there are, and how long, for the report.

    >>> describe([3, 5])
    '2 sequences of 3 to 5 pieces, 4.0 on average'
    """
    return (
        f"{len(lengths):,} sequences of {min(lengths)} to {max(lengths)} pieces, "
        f"{fmean(lengths):.1f} on average"
    )
