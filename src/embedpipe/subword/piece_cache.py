"""Remembers the pieces of words: text repeats them, and looking one up again costs far less."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from embedpipe.arrays import offsets_of
from embedpipe.engine.ragged import Ragged
from embedpipe.subword.splitter import Splitter

__all__ = ["LONGEST_WORD", "MOST_WORDS", "PieceCache"]

MOST_WORDS, LONGEST_WORD = 2**16, 32
"""Words, and characters of a word, that one cache holds: at most some 15 MB."""

_ID_BYTES = np.dtype(np.int32).itemsize


class PieceCache:
    """A splitter's answers for single words, which are remembered until there are too many.

    Then all are forgotten: common words are soon met again, and no order needs to be kept. Threads
    may share one of these.
    """

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._known: dict[str, bytes] = {}  # int32 ids

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or what was pickled, begins with nothing remembered."""
        return self.__dict__ | {"_known": {}}

    def split(self, texts: Sequence[str]) -> Ragged:
        """Piece ids (int32) of each word."""
        found: list[Any] = list(map(self._known.get, texts))
        if None in found:
            new = {text: None for text, ids in zip(texts, found, strict=True) if ids is None}
            learned = self._learn(list(new))
            found = [
                learned[t] if ids is None else ids for t, ids in zip(texts, found, strict=True)
            ]
        offsets = offsets_of(np.fromiter(map(len, found), np.int64, len(found)))
        return Ragged(np.frombuffer(b"".join(found), np.int32), offsets // _ID_BYTES)

    def _learn(self, words: Sequence[str]) -> dict[str, bytes]:
        """The ids of distinct new words, which are remembered from now on."""
        pieces = self._splitter.split(words)
        ids, cuts = pieces.values.tobytes(), (pieces.offsets * _ID_BYTES).tolist()
        parts = (ids[begin:end] for begin, end in pairwise(cuts))
        learned = dict(zip(words, parts, strict=True))
        self._known.update((w, own) for w, own in learned.items() if len(w) <= LONGEST_WORD)
        if len(self._known) > MOST_WORDS:
            self._known.clear()
        return learned
