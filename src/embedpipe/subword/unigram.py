"""Splits text into the pieces of a SentencePiece unigram model, id by id as SentencePiece does.

Normalisation comes first and is in `normalizer`; the model file is read in `sentencepiece`. What
ALBERT does to text around SentencePiece is in `albert`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from embedpipe.engine.ragged import Ragged
from embedpipe.subword.normalizer import WORD_BOUNDARY, Normalizer
from embedpipe.subword.sentencepiece import NORMAL, UNKNOWN, USER_DEFINED, SentencePieceModel
from embedpipe.subword.splitter import as_ragged

__all__ = ["Unigram"]

_UNKNOWN_PENALTY = np.float32(10.0)
"""What an unknown character costs more than the least likely piece: kUnkPenalty."""

_SYMBOL_BYTE = 0.1
"""What a user's symbol scores for each byte but the first, whatever the file says.

So SentencePiece 0.2.3 has it; in 0.2.1 each scored -0.1 unless another piece scored above 0.
"""

_LOWEST = -100_000.0
"""A sum below this is set to 0, and those of the same text ahead of it are raised as much."""

_MOST_REMEMBERED, _LONGEST_REMEMBERED = 2**16, 32
"""Words, and characters of a word: some 25 MB."""

_NOWHERE: dict[str, Any] = {}
"""The node of a trie that no piece leads to."""


class _Split(NamedTuple):
    """The likeliest pieces of a word.

    `score`: of the text up to its end. `cost`: the sum of its scores' magnitudes. `reach`: behind a
    text of higher cost, rounding may tip the balance towards other pieces; 0 if others tie.
    """

    ids: list[int]
    score: float
    cost: float
    reach: float


class Unigram:
    """A unigram model that splits texts.

    SentencePiece adds scores up in float32 from the beginning of the text to its end, and of equal
    sums takes the first. So do we: which pieces a word gets depends on what stands before it, if
    only where the scores of two splits differ by no more than rounding. Other words are split once
    and remembered.

    Attribute: `unk_id`, the piece of unknown characters.
    """

    def __init__(self, model: SentencePieceModel) -> None:
        """Take a model whose pieces and charsmap have been checked."""
        kinds = list(zip(model.pieces, model.scores, model.types, strict=True))
        symbols = [piece for piece, _, kind in kinds if kind == USER_DEFINED]
        self._normalize = Normalizer(model.charsmap, symbols)
        self._scores = _scores(model)
        self.unk_id = model.unk_id
        known = {
            piece: piece_id
            for piece_id, (piece, _, kind) in enumerate(kinds)
            if kind in (NORMAL, USER_DEFINED)
        }
        self._trie = _trie(known)
        self._longest = max(map(len, known), default=1)
        # no piece lies across a boundary, and none is unknown on both sides of one
        self._by_words = WORD_BOUNDARY in known and not any(
            WORD_BOUNDARY in piece[1:] for piece in known
        )
        self._steepest = max(map(abs, self._scores))
        self._remembered = lru_cache(_MOST_REMEMBERED)(self._best_split)

    def split(self, texts: Iterable[str]) -> Ragged:
        """The piece ids of each text, without special pieces."""
        return as_ragged(map(self.ids, texts))

    def ids(self, text: str) -> list[int]:
        """The piece ids of a text without surrogates; a run of unknown characters is one piece."""
        normalized = self._normalize(text)
        if not normalized:
            return []
        words = normalized.split(WORD_BOUNDARY)[1:] if self._by_words else [normalized[1:]]
        ids: list[int] = []
        cost = 0.0
        score, scored = 0.0, 0  # the sum over the first so many pieces
        for word in words:
            found = self._remembered(word) if len(word) <= _LONGEST_REMEMBERED else None
            if found is None or cost > found.reach:
                found = self._best_split(word, self._sum(score, ids[scored:]))
                score, scored = found.score, len(ids) + len(found.ids)
                cost = abs(score)
            else:
                cost += found.cost
            ids += found.ids
        return self._fused(ids)

    def _fused(self, ids: list[int]) -> list[int]:
        """The pieces with one in the place of each run of unknown ones."""
        unk_id = self.unk_id
        if ids.count(unk_id) < 2:
            return ids
        return [
            piece_id
            for piece_id, previous in zip(ids, [None, *ids], strict=False)
            if piece_id != unk_id or previous != unk_id
        ]

    def _sum(self, score: float, ids: Iterable[int]) -> float:
        """The score, and those of further pieces added one by one, as SentencePiece does it."""
        total = array("f", [score])
        for piece_id in ids:
            total[0] += self._scores[piece_id]
        return total[0]

    def _best_split(self, word: str, score: float = 0.0) -> _Split:
        """The likeliest pieces of `▁` and the word, where the text before it has this score.

        Model::EncodeOptimized of SentencePiece: of each position, the best score of a split that
        ends there, rounded to float32, and the piece that it ends with.
        """
        text = WORD_BOUNDARY + word
        size = len(text)
        scores, unk_id, longest = self._scores, self.unk_id, self._longest
        best = [score] + [-math.inf] * size
        begins, pieces = [0] * (size + 1), [0] * (size + 1)
        leads = [math.inf] * (size + 1)  # of the best over the second best
        rounded = array("f", [0.0])
        for begin in range(size):
            if best[begin] < _LOWEST:
                self._lift(best, begin)
            here, node = best[begin], self._trie
            for end, character in enumerate(text[begin : begin + longest], begin + 1):
                node = node.get(character, _NOWHERE)
                piece_id = node.get("")
                if piece_id is None:
                    if end == begin + 1:  # an unknown character
                        piece_id = unk_id
                    elif node:
                        continue
                    else:
                        break
                candidate = here + scores[piece_id]
                if candidate > best[end]:  # what is not higher is not so when rounded either
                    rounded[0] = candidate
                    candidate = rounded[0]
                lead = candidate - best[end]
                if lead > 0.0:
                    best[end], begins[end], pieces[end] = candidate, begin, piece_id
                    leads[end] = lead
                elif -lead < leads[end]:
                    leads[end] = -lead
        return self._traced(begins, pieces, leads, best[size])

    def _lift(self, best: list[float], begin: int) -> None:
        """Let the sums begin anew at 0 there, where they have become coarse."""
        ahead = slice(begin, begin + self._longest + 1)
        best[ahead] = array("f", [score - best[begin] for score in best[ahead]])

    def _traced(
        self, begins: list[int], pieces: list[int], leads: list[float], score: float
    ) -> _Split:
        """The pieces that lead to the end, and how sure they are."""
        size = end = len(begins) - 1
        ids = []
        cost, lead = 0.0, math.inf
        while end > 0:
            ids.append(pieces[end])
            cost += abs(self._scores[pieces[end]])
            lead = min(lead, leads[end])
            end = begins[end]
        ids.reverse()
        # Each of up to `size` sums on the way to a position is off by 2^-24 of its magnitude, which
        # is at most that of the score before the word plus size * steepest. Two such sums are
        # compared, here behind nothing and there behind a score of, rounded, below twice the cost.
        sure = lead * 2**22 / size - 4 * size * self._steepest
        # and no sum in the word may fall so low that they begin anew
        high = -0.75 * _LOWEST - size * self._steepest
        return _Split(ids, score, cost, max(min(sure, high), 0.0))


def _trie(known: Mapping[str, int]) -> dict[str, Any]:
    """The pieces letter by letter; a piece's id stands under "" where it ends."""
    trie: dict[str, Any] = {}
    for piece, piece_id in known.items():
        node = trie
        for character in piece:
            node = node.setdefault(character, {})
        node[""] = piece_id
    return trie


def _scores(model: SentencePieceModel) -> list[float]:
    """What each piece adds to the score of a split, by id; of types that no text gives, 0."""
    normal = [s for s, kind in zip(model.scores, model.types, strict=True) if kind == NORMAL]
    unknown = float(np.float32(min(normal, default=0.0)) - _UNKNOWN_PENALTY)
    scores = []
    for piece, score, kind in zip(model.pieces, model.scores, model.types, strict=True):
        if kind == USER_DEFINED:
            scores.append(float(np.float32(_SYMBOL_BYTE * (len(piece.encode()) - 1))))
        else:
            scores.append({NORMAL: score, UNKNOWN: unknown}.get(kind, 0.0))
    return scores
