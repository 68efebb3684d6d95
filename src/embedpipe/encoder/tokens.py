"""Vectors of a text's pieces, each with its place in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["TextTokens", "Token"]


class Token(NamedTuple):
    """One piece: its text in the vocabulary, `text[begin:end]` that it stands for, its vector."""

    piece: str
    text: str
    begin: int
    end: int
    vector: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TextTokens:
    """The pieces of one text, in order, without [CLS], [SEP] and a prompt.

    text: as it was given. pieces: as the vocabulary has them, n in all. begins, ends: int64 (n,),
    the characters of the text that each stands for. vectors: float32 (n, hidden size), the last
    layer's. truncated: whether pieces were left out.
    """

    text: str
    pieces: tuple[str, ...]
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    truncated: bool = False

    def __len__(self) -> int:
        return len(self.pieces)

    def __iter__(self) -> Iterator[Token]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Token:
        begin, end = int(self.begins[index]), int(self.ends[index])
        return Token(self.pieces[index], self.text[begin:end], begin, end, self.vectors[index])

    def __repr__(self) -> str:
        shown = [token.text for token in self][:8]
        return f"TextTokens({', '.join(map(repr, shown))}{', ...' if len(self) > 8 else ''})"

    def within(self, begin: int, end: int) -> npt.NDArray[np.float32]:
        """The mean vector of the pieces that lie in `text[begin:end]`, at least in part; or NaN.

        Such as of a word, or of a name that was found in the text: float32 (hidden size,).
        """
        inside = (self.begins < end) & (self.ends > begin)
        if not inside.any():
            return np.full(self.vectors.shape[1], np.nan, np.float32)
        mean: npt.NDArray[np.float32] = np.mean(self.vectors[inside], axis=0, dtype=np.float64)
        return mean.astype(np.float32)
